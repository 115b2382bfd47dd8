"""A CSV file of people, read as `NewUser` or, with the reason, as `Rejected`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from secconsole.cli.csv_file import PASSWORD, read_records
from secconsole.domain.secret import Secret
from secconsole.domain.users.login import login_key
from secconsole.operations.user_import import NewUser, Rejected

COLUMNS = ("login", "name", "email", "phone", "role", PASSWORD)


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
