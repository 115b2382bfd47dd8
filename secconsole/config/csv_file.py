"""A CSV file read record by record, where an error in one record rejects only that record.

The format is RFC 4180 with a header, in UTF-8 with or without a byte order mark. Line numbers are those of an editor: a
record with line breaks inside quotes counts where it begins. An unclosed quote rejects only its own line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_CELL
from secconsole.domain.safe_csv import original

LONGEST_FIELD = 131_072  # the limit of the csv module
LONGEST_LINE = 4 * LONGEST_FIELD
PASSWORD = "password"  # noqa: S105 - a column, whose cells are kept unchanged and never quoted in a reason

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One record: its cells by column, and its problem or an empty text."""

    line: int
    cells: dict[str, str]
    problem: str = ""


@contextmanager
def opened(path: Path, stdin: BinaryIO) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`.

    Raise `Invalid` if that fails.
    """
    if str(path) == "-":
        yield stdin
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", "file") from None
    with file:
        yield file


def read_records(file: BinaryIO, columns: Sequence[str], needed: str) -> Iterator[Record]:
    """Yield the records after the header, which names some of the columns in any order, including `needed`.

    Blank lines are skipped. Raise `Invalid` if the header is invalid or the file is in another encoding.
    """
    text = _text(file)
    try:
        records = _records(_Lines(text))
        line, row, problem = next(records, (0, [], ""))
        if not line:
            raise Invalid(f"The file is empty. Its first line names the columns: {','.join(columns)}", "file")
        if problem:
            raise Invalid(f"Line {line}: {problem}.", "file")
        header = _header(line, row, columns, needed)
        for line, row, problem in records:
            yield _record(line, header, row, problem)
    finally:
        text.detach()  # the caller closes the file


def _text(file: BinaryIO) -> io.TextIOWrapper:
    """Return the file as text, with invalid bytes as lone surrogates, so that only their own record is rejected."""
    try:
        beginning = file.peek(2)[:2] if isinstance(file, io.BufferedReader) else b""
    except OSError as error:
        raise _unreadable(error) from None
    if beginning in _UTF_16:
        raise Invalid("The file is in UTF-16. Save it as UTF-8 and import that.", "file")
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _unreadable(error: OSError) -> Invalid:
    return Invalid(f"The file cannot be read: {error.strerror}.", "file")


class _Lines:
    """Counted lines of a text, some of which can be pushed back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._pushed_back: deque[str] = deque()
        self.number = 0
        self.record: list[str] = []  # the lines of the record being read

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._pushed_back.popleft() if self._pushed_back else self._text.readline(LONGEST_LINE)
        except OSError as error:
            raise _unreadable(error) from None
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise Invalid(f"Line {self.number + 1}: it is longer than {LONGEST_LINE:,} characters.", "file")
        self.number += 1
        self.record.append(line)
        return line

    def push_back(self) -> None:
        """Push back all lines of the record except the first."""
        self._pushed_back.extendleft(reversed(self.record[1:]))
        self.number -= len(self.record) - 1


def _records(lines: _Lines) -> Iterator[tuple[int, list[str], str]]:
    """Yield the records that are not blank: line number, cells, and the problem of an invalid one."""
    reader = _reader(lines)
    while True:
        lines.record = []
        start = lines.number + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            problem = _problem(lines.record)
            lines.push_back()
            reader = _reader(lines)  # the old one may still be inside quotes
            yield start, [], problem
            continue
        if any(cell.strip() for cell in row):
            yield start, row, ""


def _reader(lines: _Lines) -> Iterator[list[str]]:
    return csv.reader(lines, strict=True, skipinitialspace=True)


def _problem(record: list[str]) -> str:
    if len(record[0]) > LONGEST_FIELD:
        return f"a field is longer than {LONGEST_FIELD:,} characters"
    return "the quotes do not match; double a quote inside quotes"


def _header(line: int, row: list[str], columns: Sequence[str], needed: str) -> list[str]:
    names = [cell.strip().casefold() for cell in row]
    known = ", ".join(columns)
    for position, name in enumerate(names, 1):
        if name not in columns:
            if len(names) == 1 and re.search(r"[;\t|]", name):
                raise Invalid(f"Line {line}: the columns must be separated by commas.", "file")
            called = f"column {name}" if name else f"column {position}, which is unnamed,"
            raise Invalid(f"Line {line}: {called} is unknown. The columns are {known}.", "file")
        if names.count(name) > 1:
            raise Invalid(f"Line {line}: column {name} occurs twice.", "file")
    if needed not in names:
        raise Invalid(
            f"Line {line}: the column {needed} is missing. The first line must name the columns: {known}.", "file"
        )
    return names


def _record(line: int, header: list[str], row: list[str], problem: str) -> Record:
    if not problem and len(row) != len(header):
        problem = f"it has {len(row)} fields, but the first line names {len(header)}"
    if not problem:
        problem = _encoding_problem(header, row)
    cells = {}
    for name, cell in zip(header, row, strict=False):
        if len(cell) > LONGEST_CELL:
            problem = problem or f"{name} is longer than {LONGEST_CELL:,} characters"
            cells[name] = ""  # rejected, so it is not used
            continue
        if name != PASSWORD:
            cell = original(cell).strip(" ")
            cell = cell if cell.isascii() else _NOT_UTF_8.sub("\ufffd", cell)
        cells[name] = cell
    return Record(line, cells, problem)


def _encoding_problem(header: list[str], row: list[str]) -> str:
    for name, cell in zip(header, row, strict=True):
        if not cell.isascii() and (found := _NOT_UTF_8.search(cell)):
            if name == PASSWORD:
                return "the password is not UTF-8; save the file as UTF-8"
            place = len(cell[: found.start()].encode("utf-8", "surrogateescape")) + 1
            return f"{name} is not UTF-8: byte {place} of it is 0x{ord(found[0]) - 0xDC00:02X}; save the file as UTF-8"
    return ""
