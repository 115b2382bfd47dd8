"""Files that only their owner may read."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from secconsole.domain.errors import Invalid, Unavailable

LONGEST = 1024 * 1024  # maximum bytes of a file of settings, keys or texts


def read_private(path: Path) -> str:
    """Read a private text file.

    Raise `Unavailable` if other users could read or change it, or if it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            refuse_shared(path, os.fstat(file.fileno()))
            text = file.read(LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Unavailable(f"{path} cannot be read: {reason}.") from None
    if len(text) > LONGEST:
        raise Unavailable(f"{path} cannot be read: it is larger than {LONGEST // 1024} KiB.")
    return text


def refuse_shared(path: Path, info: os.stat_result) -> None:
    """Raise `Unavailable` if other users may read or write a file, or if one of them owns it."""
    if stat.S_IMODE(info.st_mode) & 0o077:
        raise Unavailable(f"Other users may read {path}. Make it private first: chmod 600 {path}")
    if info.st_uid not in (os.geteuid(), 0):
        raise Unavailable(f"{path} belongs to another user. It must belong to the user who runs secconsole.")


def refuse_shared_folder(path: Path) -> None:
    """Raise `Unavailable` if other users may create files in a folder: SQLite would use a log that they left there."""
    info = os.stat(path)
    if stat.S_IMODE(info.st_mode) & 0o022:
        raise Unavailable(f"Other users may write in {path}. Make it private first: chmod 700 {path}")
    if info.st_uid not in (os.geteuid(), 0):
        raise Unavailable(f"{path} belongs to another user. It must belong to the user who runs secconsole.")


def write_private(path: Path, text: str, *, exclusive: bool = False) -> None:
    """Write a text file atomically with mode 0600 whatever the umask, and flush it to disk.

    With `exclusive` raise `FileExistsError` if the file exists.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp creates it with mode 0600
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
    sync_folder(path.parent)


def create_private(path: Path) -> BinaryIO:
    """Create a new file with mode 0600 whatever the umask, and open it.

    Raise `Invalid` for `path` on failure. An existing file stays as it is.
    """
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Invalid("That file already exists. Use another name.", "path") from None
    except FileNotFoundError:
        raise Invalid(f"There is no folder {path.parent}.", "path") from None
    except OSError as error:
        raise Invalid(f"Cannot write there: {error.strerror}.", "path") from None
    with suppress(OSError):  # not every file system has permissions
        os.fchmod(handle, 0o600)
    if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
        os.close(handle)
        path.unlink(missing_ok=True)
        raise Invalid("Others could read it there: that disk has no permissions. Choose another.", "path")
    return os.fdopen(handle, "wb")


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, if it exists, against other programs that call this.

    Replace the file before the end, so that the next program finds the new one.
    """
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


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on a private lock file, or yield False if another program holds it.

    The kernel releases it if the program dies.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(handle, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    """Return True if the open file still has that name and was not replaced."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def sync_folder(path: Path) -> None:
    """Flush the names of a folder's files to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
