"""What is left of an unexpected error: where it happened, and nothing of what was being worked on.

A traceback with its values, and the text of most exceptions, hold what the program held: passwords, keys, names. The
report has types, files, lines and function names only, which is what a bug report needs.
"""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from secconsole import __version__
from secconsole.config import locations

EXIT_CODE = 6  # what the command line answers too when something unforeseen ended it
_DEEPEST = 200  # frames kept of one exception


def describe(error: BaseException) -> str:
    """The error and what led to it: types and places, no texts, no values."""
    return "\n".join(_chain(error, set()))


def report(error: BaseException, now: float | None = None) -> Path | None:
    """Write the description to a file of the log folder, 0600; None if even that fails."""
    at = time.time() if now is None else now
    head = (
        f"secconsole {__version__}\nPython {platform.python_version()} on {platform.system()} {platform.machine()}\n"
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC\n"
        "Texts and values are left out on purpose: they may hold secrets.\n\n"
    )
    name = f"crash-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    try:
        folder = locations.ensure_private_dir(locations.log_dir())
        for number in range(100):
            path = folder / (f"{name}.txt" if not number else f"{name}-{number}.txt")
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(head + describe(error) + "\n")
            return path
    except OSError:
        pass
    return None


def last_words(error: BaseException, path: Path | None) -> str:
    """The one line for the person at the terminal."""
    where = f"The report without any of your data is in {path}" if path else "No report could be written"
    return f"secconsole stopped on an internal error ({type(error).__name__}). {where}"


def install() -> None:
    """Keep the interpreter's own tracebacks, of any thread, from the terminal."""

    def outside(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            return
        sys.stderr.write(last_words(error, report(error)) + "\n")

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            report(args.exc_value)

    sys.excepthook = outside
    threading.excepthook = in_thread


def in_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Exception handler of the event loop: an error nobody waited for becomes a report, not a traceback."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        report(error)


def _chain(error: BaseException, seen: set[int], depth: int = 0) -> Iterator[str]:
    if id(error) in seen or depth > 20:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before, seen, depth + 1)
        yield ""
        yield "which led to:" if error.__cause__ else "and while that was handled:"
    yield _kind(error)
    yield from _places(error.__traceback__)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield "  one of its errors:"
            yield from ("    " + line for line in _chain(inner, seen, depth + 1))


def _kind(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} [{errno.errorcode.get(error.errno, error.errno)}]"
    return name


def _places(trace: TracebackType | None) -> Iterator[str]:
    count = 0
    while trace is not None and count < _DEEPEST:
        code = trace.tb_frame.f_code
        yield f"  {_short(code.co_filename)}:{trace.tb_lineno} in {code.co_qualname}"
        trace, count = trace.tb_next, count + 1


def _short(filename: str) -> str:
    """From the package on: the folders above it name a person or a machine."""
    parts = Path(filename).parts
    for root in ("site-packages", "secconsole"):
        if root in parts:
            at = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[at + (root == "site-packages") :])
    return "/".join(parts[-2:])
