"""Files that an operator has written from the console: made anew for their owner alone, and never one that is run."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from secconsole.config import locations
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret


def open_new(typed: str, ending: str, folder: Path) -> tuple[Path, BinaryIO]:
    """Make a file that was not there, 0600 whatever the umask, and open it; raise `Invalid` for `path` if that fails.

    What is not an absolute path is below `folder`. The name has to end in `ending`: what others wrote may be in it,
    and in ~/.ssh/rc or ~/.bashrc that would be run, and a forced command left.
    """
    try:
        path = Path(typed.strip()).expanduser()
    except RuntimeError:
        raise Invalid("There is nobody of that name here. Give the whole path.", "path") from None
    if not path.is_absolute():
        path = folder / path
    if path.suffix.lower() != ending:
        raise Invalid(f"Give it a name that ends in {ending}.", "path")
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Invalid("There is such a file already. Give it another name.", "path") from None
    except FileNotFoundError:
        raise Invalid(f"There is no folder {path.parent}.", "path") from None
    except OSError as error:
        raise Invalid(f"It cannot be written there: {error.strerror}.", "path") from None
    with suppress(OSError):  # not every disk knows of permissions
        os.fchmod(handle, 0o600)
    if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
        os.close(handle)
        path.unlink(missing_ok=True)
        raise Invalid("Others could read it there: that disk keeps no permissions. Choose another.", "path")
    return path, os.fdopen(handle, "wb")


def own_home() -> Path:
    """The home of whoever runs the console; the store's folder where the system knows of none."""
    try:
        return Path.home()
    except RuntimeError:
        return locations.data_home()


def write_secret(typed: str, ending: str, text: Secret[str]) -> Path:
    """Write a secret to a new file that its owner alone may read, and say which; on any failure there is no file."""
    path, file = open_new(typed, ending, own_home())
    try:
        with file:
            file.write(text.reveal().encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Invalid(f"It cannot be written there: {error.strerror}.", "path") from None
        raise
    return path
