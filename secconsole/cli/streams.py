"""The three standard streams, made usable however the program was started.

Python represents a closed stream as None, and the next opened file takes its number. That could be the store: a write
to "standard output" would then go into the database.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO


def prepare_streams() -> None:
    """Open closed streams: input at its end, output that fails on write, and errors that are discarded."""
    if sys.stdin is None:
        sys.stdin = os.fdopen(_open(0, os.O_RDONLY), "r", encoding="utf-8", closefd=False)
    if sys.stdout is None:  # read-only, so that a lost result is noticed
        sys.stdout = os.fdopen(_open(1, os.O_RDONLY), "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(_open(2, os.O_WRONLY), "w", encoding="utf-8", closefd=False)
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):  # PYTHONUNBUFFERED: a partial write would pass
        sys.stdout = os.fdopen(1, "w", encoding=sys.stdout.encoding, closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):  # keep help readable in an ASCII locale
        sys.stdout.reconfigure(errors="backslashreplace")


def drop(stream: TextIO) -> None:
    """Discard what a stream has buffered, since a failing flush at exit would change the exit code."""
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
        stream.flush()


def _open(number: int, flags: int) -> int:
    """Open the null device, which takes the lowest free number: the one of the closed stream."""
    opened = os.open(os.devnull, flags)
    os.set_inheritable(opened, opened == number)
    return opened
