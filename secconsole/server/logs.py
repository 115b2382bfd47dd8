"""The server's log on standard error: one JSON object per line, or a short line at a terminal.

It contains only the operation's name of a request, and no path, query, header or body, so that it never contains a
secret. Only the fixed text of libraries' messages is kept, because their arguments may be anything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
import sys
from datetime import UTC, datetime
from typing import Any

from secconsole.config.report import describe
from secconsole.domain.text import visible

_OURS = "secconsole"
_VALUE = re.compile(r"""[\n(<'"]""")  # end of the fixed text in the loop's messages


def start_logging(level: str) -> None:
    """Send all log records to standard error, as JSON unless it is a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines() if sys.stderr.isatty() else Json())
    handler.addFilter(_worth_saying)
    logging.raiseExceptions = False  # do not report a failed write to standard error on standard error
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


class Json(logging.Formatter):
    """Formatter with `time` (UTC), `level` and `message`, plus the fields of a request, or other facts."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "message": words_of(record)}
        line |= getattr(record, "request", {}) | getattr(record, "facts", {})
        return json.dumps(line, ensure_ascii=False)


class Lines(logging.Formatter):
    """Formatter for a terminal, in local time."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "seconds")
        request: dict[str, Any] | None = getattr(record, "request", None)
        if request is None:
            level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
            return f"{at} {level}{words_of(record)}"
        peer = request["peer"] or "-"
        return f"{at} {request['operation']} {request['status']} {request['ms']:.1f} ms {peer} {request['request_id']}"


def words_of(record: logging.LogRecord) -> str:
    """Return the message on one line with an exception's origin, of libraries only the fixed part."""
    ours = record.name.partition(".")[0] == _OURS
    message = record.getMessage() if ours else f"{record.name}: {str(record.msg).partition(chr(10))[0]}"
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        message += "\n" + describe(error)
    return " | ".join(visible(line.strip()) for line in message.splitlines() if line.strip())


def report_loop_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error of the event loop without values, unless it is a client's failed handshake."""
    error = context.get("exception")
    level = logging.DEBUG if isinstance(error, ssl.SSLError | ConnectionError | TimeoutError) else logging.ERROR
    message = _VALUE.split(str(context.get("message", "")), maxsplit=1)[0]
    logging.getLogger("secconsole.server.loop").log(level, "%s", message, exc_info=error)


def _worth_saying(record: logging.LogRecord) -> bool:
    """Return True for our own records, and for warnings and errors of libraries."""
    return record.name.partition(".")[0] == _OURS or record.levelno >= logging.WARNING
