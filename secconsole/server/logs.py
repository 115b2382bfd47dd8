"""What the server says on standard error: for programs one JSON object a line, at a terminal a short line.

Nothing of a request is in it but its operation's name, so that no secret can be: no path, query, header or body. Of
what libraries say only the fixed words are kept, since what they put into them may be anything.
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
_VALUE = re.compile(r"""[\n(<'"]""")  # where the loop's own words end


def start_logging(level: str) -> None:
    """Send what everybody logs to standard error: JSON unless it is a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines() if sys.stderr.isatty() else Json())
    handler.addFilter(_worth_saying)
    logging.raiseExceptions = False  # a log that cannot be written is no reason to write about that to the same place
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


class Json(logging.Formatter):
    """`time` (UTC), `level`, `message`; of a request `operation`, `status`, `ms`, `peer` and `request_id` too."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "message": words_of(record)}
        return json.dumps(line | getattr(record, "request", {}), ensure_ascii=False)


class Lines(logging.Formatter):
    """The same for a person, in the zone they are in."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "seconds")
        request: dict[str, Any] | None = getattr(record, "request", None)
        if request is None:
            level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
            return f"{at} {level}{words_of(record)}"
        peer = request["peer"] or "-"
        return f"{at} {request['operation']} {request['status']} {request['ms']:.1f} ms {peer} {request['request_id']}"


def words_of(record: logging.LogRecord) -> str:
    """The message on one line, and for an exception where it came from; of other people's only the fixed part."""
    ours = record.name.partition(".")[0] == _OURS
    said = record.getMessage() if ours else f"{record.name}: {str(record.msg).partition(chr(10))[0]}"
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        said += "\n" + describe(error)
    return " | ".join(visible(line.strip()) for line in said.splitlines() if line.strip())


def report_loop_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What the event loop could tell nobody else; its own report shows values. A failed handshake is the client's."""
    error = context.get("exception")
    level = logging.DEBUG if isinstance(error, ssl.SSLError | ConnectionError | TimeoutError) else logging.ERROR
    message = _VALUE.split(str(context.get("message", "")), maxsplit=1)[0]
    logging.getLogger("secconsole.server.loop").log(level, "%s", message, exc_info=error)


def _worth_saying(record: logging.LogRecord) -> bool:
    """Libraries tell how they are doing at length; only what they warn of is the operator's business."""
    return record.name.partition(".")[0] == _OURS or record.levelno >= logging.WARNING
