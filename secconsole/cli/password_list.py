"""The option --to-file, for the list of new passwords."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from secconsole.cli.diagnostics import say
from secconsole.config.password_file import PasswordFile
from secconsole.config.private import create_private

F = TypeVar("F", bound=Callable[..., object])


def to_file_option(command: F) -> F:
    """Add the option --to-file to a command."""
    option = click.option(
        "--to-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Mail nothing: write the new passwords to a new file that only you can read.",
    )
    return option(command)


@contextmanager
def password_file(tenant: str, path: Path | None) -> Iterator[PasswordFile | None]:
    """Yield a new list, or None without a path, and remove it if no password got on it."""
    if path is None:
        yield None
        return
    keep = PasswordFile(path, create_private(path), tenant, datetime.now(UTC))
    try:
        yield keep
    finally:
        if keep.close():
            say(f"The passwords are in {path}. Only you can read it.")
