"""Files written by the console: new, private to their owner, and never at a path that would be executed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from secconsole.config import locations
from secconsole.config.private import create_private
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret


def open_new(typed: str, ending: str, folder: Path) -> tuple[Path, BinaryIO]:
    """Create a new file with mode 0600 whatever the umask, and open it.

    Raise `Invalid` for `path` on failure. A relative path is below `folder`. The name has to end in `ending`: the
    content may come from others, and in ~/.ssh/rc or ~/.bashrc it would be executed, which would escape a forced
    command.
    """
    try:
        path = Path(typed.strip()).expanduser()
    except RuntimeError:
        raise Invalid("There is no user of that name here. Enter the full path.", "path") from None
    if not path.is_absolute():
        path = folder / path
    if path.suffix.lower() != ending:
        raise Invalid(f"Use a name that ends in {ending}.", "path")
    return path, create_private(path)


def own_home() -> Path:
    """Return the user's home, or the store's folder if the system knows none."""
    try:
        return Path.home()
    except RuntimeError:
        return locations.data_home()


def write_secret(typed: str, ending: str, text: Secret[str]) -> Path:
    """Write a secret to a new private file and return its path.

    Leave no file on any failure.
    """
    path, file = open_new(typed, ending, own_home())
    try:
        with file:
            file.write(text.reveal().encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Invalid(f"Cannot write there: {error.strerror}.", "path") from None
        raise
    return path
