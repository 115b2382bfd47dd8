"""Mark in the home that setting up in the console is not finished, so that the next sign-in continues with it."""

from __future__ import annotations

from pathlib import Path

from secconsole.config import locations
from secconsole.config.private import write_private


def begin_setup() -> None:
    """Set the mark, or raise OSError."""
    write_private(_path(), "Setting up in the console is not finished.\n")


def is_being_set_up() -> bool:
    """Return True if setting up was begun here and is not finished."""
    return _path().exists()


def end_setup() -> None:
    """Remove the mark, or raise OSError."""
    _path().unlink(missing_ok=True)


def _path() -> Path:
    return locations.data_home() / "setup"
