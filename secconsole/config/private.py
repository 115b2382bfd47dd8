"""Files that only their owner may read."""

from __future__ import annotations

import os
import stat
import tempfile
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


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
