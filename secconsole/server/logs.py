"""The server's log on standard error: one JSON object per line, or a short line at a terminal.

It contains only the operation's name of a request, and no path, query, header or body, so that it never contains a
secret. Only the fixed text of libraries' messages is kept, because their arguments may be anything.
"""

from __future__ import annotations

import asyncio
import logging
import re
import select
import ssl
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from secconsole.config.report import describe
from secconsole.domain.text import visible

_OURS = "secconsole"
_VALUE = re.compile(r"""[\n(<'"]""")  # end of the fixed text in the loop's messages


def start_logging(level: str) -> None:
    """Send all log records to standard error, as JSON unless it is a terminal."""
    # Nothing here shows them, and looking them up takes a third of the time of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = TogetherHandler(sys.stderr)
    handler.setFormatter(Lines() if sys.stderr.isatty() else Json())
    handler.addFilter(_worth_saying)
    logging.raiseExceptions = False  # do not report a failed write to standard error on standard error
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def log_request(log: logging.Logger, level: int, fields: dict[str, object]) -> None:
    """Log the outcome of a request, without looking up which line of the program does so."""
    record = log.makeRecord(log.name, level, __file__, 0, "request", (), None, extra={"request": fields})
    log.handle(record)


class TogetherHandler(logging.StreamHandler[TextIO]):
    """Handler that writes the requests of one turn of the event loop together, and every other line at once.

    A write lets other threads run and waits for them, so one for each of many requests takes longer than answering
    them.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.append(self.format(record) + self.terminator)
            if record.levelno >= logging.WARNING or not hasattr(record, "request"):
                self.flush()
            elif len(self._waiting) == 1:
                asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:  # no loop runs in this thread
            self.flush()
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Write the lines that wait."""
        with self.lock or nullcontext():
            lines, self._waiting = self._waiting, []
            try:
                for piece in _pieces(lines):
                    self.stream.write(piece)
                    self.stream.flush()
                self.stream.flush()
            except (OSError, ValueError):  # nobody can be told
                return


def _pieces(lines: list[str]) -> Iterator[str]:
    """Yield lines together, no more than a pipe takes whole, so that lines of other workers do not come between."""
    piece, size = "", 0
    for line in lines:
        length = len(line.encode(errors="replace"))
        if piece and size + length > select.PIPE_BUF:
            yield piece
            piece, size = "", 0
        piece, size = piece + line, size + length
    if piece:
        yield piece


class Json(logging.Formatter):
    """Formatter with `time` (UTC), `level` and `message`, plus the fields of a request, or other facts."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "message": words_of(record)}
        line |= getattr(record, "request", {}) | getattr(record, "facts", {})
        return msgspec.json.encode(line).decode()


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
