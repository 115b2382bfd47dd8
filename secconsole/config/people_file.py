"""A CSV file of people, read as `NewUser` or, with the reason, as `Rejected`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from secconsole.config.csv_file import PASSWORD, read_records
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.users.login import login_key
from secconsole.operations.user_import import NewUser, Rejected

COLUMNS = ("login", "name", "email", "phone", "role", PASSWORD)

MOST = 16 * 1024 * 1024  # bytes of a file that the console reads


def open_people(typed: str) -> BinaryIO:
    """Open a file of people that was named in the console, or raise `Invalid` for `file` with the reason.

    The name has to end in .csv: messages quote a file's first line, and a console that is a forced command must not
    show a key or a password file with it.
    """
    return open_plain(typed, suffix=".csv")


def open_plain(typed: str, *, suffix: str = "") -> BinaryIO:
    """Open a file that was named in the console, or raise `Invalid` for `file` with the reason."""
    try:
        path = Path(typed.strip()).expanduser()
        if suffix and path.suffix.lower() != suffix:
            raise Invalid(f"Name a file that ends in {suffix}.", "file")
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except RuntimeError:
        raise Invalid("There is no user of that name here. Enter the full path.", "file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not one of a file"
        raise Invalid(f"It cannot be read: {reason}.", "file") from None
    info = os.fstat(handle)
    if not stat.S_ISREG(info.st_mode) or info.st_size > MOST:
        os.close(handle)
        raise Invalid(f"It is not a file of at most {MOST // 1024**2} MiB. The command takes more.", "file")
    return os.fdopen(handle, "rb")


def read_people(file: BinaryIO) -> Iterator[NewUser | Rejected]:
    """Yield the people of a file.

    Raise `Invalid` if the file as a whole cannot be used.
    """
    seen: dict[str, int] = {}
    for record in read_records(file, COLUMNS, needed="login"):
        cells = record.cells
        login = cells.get("login", "")
        problem = record.problem
        if not problem and login and (earlier := seen.setdefault(login_key(login), record.line)) != record.line:
            problem = f"line {earlier} has the same login"
        if problem:
            yield Rejected(record.line, login, problem)
            continue
        password = cells.get(PASSWORD, "")
        yield NewUser(
            line=record.line,
            login=login,
            name=cells.get("name", ""),
            email=cells.get("email", ""),
            phone=cells.get("phone", ""),
            role=cells.get("role", ""),
            password=Secret(password) if password else None,
        )
