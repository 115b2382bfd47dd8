"""Reports of unexpected errors: where they happened, and nothing of the data involved.

A traceback with its values, and the text of most exceptions, contain what the program was working on: passwords, keys,
names. A report has types, files, lines and function names only, which is enough to find the fault.
"""

from __future__ import annotations

import errno
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from secconsole import __version__
from secconsole.config import locations
from secconsole.domain.errors import SecconsoleError

_DEEPEST = 200  # maximum frames of one exception
_LONGEST_CHAIN = 20


def describe(error: BaseException) -> str:
    """Return an error and its causes: types and places, without texts or values."""
    return "\n".join(_chain(error, set(), 0))


def write_report(error: BaseException, now: float | None = None) -> Path | None:
    """Write the description to a new private file in the log folder, or return None if that fails."""
    at = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    head = (
        f"secconsole {__version__}\nPython {platform.python_version()} on {platform.system()} {platform.machine()}\n"
        f"{at:%Y-%m-%d %H:%M:%S} UTC\nTexts and values are omitted on purpose: they may contain secrets.\n\n"
    )
    try:
        folder = locations.ensure_private_dir(locations.log_dir())
        for number in range(100):
            path = folder / f"crash-{at:%Y%m%dT%H%M%S}-{os.getpid()}{f'-{number}' if number else ''}.txt"
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(f"{head}{describe(error)}\n")
            return path
    except (OSError, SecconsoleError):
        pass
    return None


def last_words(error: BaseException, path: Path | None) -> str:
    """Return the one line about a crash for the terminal."""
    where = f"The report, without any of your data, is in {path}" if path else "A report could not be written"
    return f"secconsole stopped on an internal error ({type(error).__name__}). {where}"


def _chain(error: BaseException, seen: set[int], depth: int) -> Iterator[str]:
    if id(error) in seen or depth > _LONGEST_CHAIN:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before, seen, depth + 1)
        yield ""
        yield "which caused:" if error.__cause__ else "and while handling it:"
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
    """Return a path from the package on, because the folders above it name a person or a machine."""
    parts = Path(filename).parts
    for root in ("site-packages", "secconsole"):
        if root in parts:
            at = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[at + (root == "site-packages") :])
    return "/".join(parts[-2:])
