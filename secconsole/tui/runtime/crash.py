"""Reports of unexpected errors while the console has the terminal, instead of tracebacks on the screen."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import TracebackType
from typing import Any

from secconsole.config.report import last_words, write_report

EXIT_CODE = 6  # the exit code of the command line after an unexpected error, too


def install() -> None:
    """Keep the interpreter's own tracebacks, of any thread, off the terminal."""

    def outside(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            return
        sys.stderr.write(last_words(error, write_report(error)) + "\n")

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            write_report(args.exc_value)

    sys.excepthook = outside
    threading.excepthook = in_thread


def in_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle an exception of the event loop that nobody awaited: write a report instead of a traceback."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        write_report(error)
