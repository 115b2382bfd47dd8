"""Files with keys of other programs, read once, and the table that maps serial numbers to logins."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import BinaryIO

from secconsole.config.csv_file import read_records
from secconsole.domain.errors import Invalid
from secconsole.domain.seeds.seed import LONGEST_FILE


def read_seed_file(path: Path, stdin: BinaryIO) -> tuple[str, str]:
    """Return the text of a file, or of standard input for `-`, and the login of its owner.

    The owner counts only for formats that name nobody. Raise `Invalid` if the file cannot be read.
    """
    if str(path) == "-":
        return _text(stdin.read(LONGEST_FILE + 1)), ""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", "file") from None
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode) and not stat.S_ISFIFO(info.st_mode):
            raise Invalid(f"{path} is not a file.", "file")
        try:
            return _text(file.read(LONGEST_FILE + 1) or b""), _owner(info.st_uid)
        except OSError as error:
            raise Invalid(f"{path} cannot be read: {error.strerror}.", "file") from None


def read_open_seed_file(file: BinaryIO) -> str:
    """Return the text of an open file, and close it."""
    with file:
        return _text(file.read(LONGEST_FILE + 1))


def read_serial_map(file: BinaryIO) -> dict[str, str]:
    """Return logins by serial number or account, of a CSV file with the columns serial and login."""
    found: dict[str, str] = {}
    for record in read_records(file, ("serial", "login"), needed="serial"):
        serial, login = record.cells.get("serial", ""), record.cells.get("login", "")
        problem = record.problem
        if not problem and found.get(serial, login) != login:
            problem = "the serial number was given to another login above"
        if problem:
            raise Invalid(f"Line {record.line} of the map: {problem}.", "map")
        if serial and login:
            found[serial] = login
    return found


def _text(raw: bytes) -> str:
    if len(raw) > LONGEST_FILE:
        raise Invalid(f"The file has more than {LONGEST_FILE // 1024**2} MiB. Divide it.", "file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file is not UTF-8 text.", "file") from None


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
