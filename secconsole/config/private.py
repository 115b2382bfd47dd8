"""Files that only their owner may read."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secconsole.domain.errors import Unavailable


def read_private(path: Path) -> str:
    """Read a text file of ours; raise `Unavailable` if others could read or change it, or it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            refuse_shared(path, os.fstat(file.fileno()))
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Unavailable(f"{path} cannot be read: {reason}.") from None


def refuse_shared(path: Path, info: os.stat_result) -> None:
    """Raise `Unavailable` if somebody else than its owner may read or write a file, or it is somebody else's."""
    if stat.S_IMODE(info.st_mode) & 0o077:
        raise Unavailable(f"Others may read {path}. Make it private first: chmod 600 {path}")
    if info.st_uid not in (os.geteuid(), 0):
        raise Unavailable(f"{path} belongs to another user. It must belong to whoever runs secconsole.")


def refuse_shared_folder(path: Path) -> None:
    """Raise `Unavailable` if others may put files into a folder: SQLite would take up a log they left there."""
    info = os.stat(path)
    if stat.S_IMODE(info.st_mode) & 0o022:
        raise Unavailable(f"Others may write in {path}. Make it private first: chmod 700 {path}")
    if info.st_uid not in (os.geteuid(), 0):
        raise Unavailable(f"{path} belongs to another user. It must belong to whoever runs secconsole.")


def write_private(path: Path, text: str, *, exclusive: bool = False) -> None:
    """Write a text file 0600 whatever the umask, whole or not at all, and on disk when this returns.

    With `exclusive` raise `FileExistsError` if there is one already.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            os.link(name, path)
        else:
            os.replace(name, path)
            name = ""
    finally:
        if name:
            os.unlink(name)
    _sync_folder(path.parent)


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Keep other programs that ask likewise from a file until the end; there is nothing to keep them from if there is
    no file. Whoever replaces it does so before the end, so that the next one finds the new file."""
    while True:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            yield
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_still(path, handle):
                continue
            yield
            return
        finally:
            os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    """Whether an open file is the one of that name, and was not replaced."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
