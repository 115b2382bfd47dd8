"""A CSV file read record by record, where what is wrong with one record costs only that record.

RFC 4180 with a header, in UTF-8 with or without a byte order mark. Line numbers are those an editor shows: a record
that has line breaks inside quotes counts where it begins. A quote that is never closed costs its own line only.
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
from secconsole.domain.safe_csv import original

LONGEST_FIELD = 131_072  # what the csv module takes
PASSWORD = "password"  # noqa: S105 - a column, whose cells are taken as they are and never quoted in a reason

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One record: the cells by column, and what is wrong with it (empty if nothing is)."""

    line: int
    cells: dict[str, str]
    problem: str = ""


@contextmanager
def opened(path: Path, stdin: BinaryIO) -> Iterator[BinaryIO]:
    """The file's bytes, or standard input's for `-`; raise `Invalid` if it cannot be opened."""
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
    """The records after the header, which names some of the columns in any order, `needed` among them.

    Blank lines are skipped. Raises `Invalid` if the header is not one, or the file is in another encoding altogether.
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
        text.detach()  # the file is the caller's to close


def _text(file: BinaryIO) -> io.TextIOWrapper:
    """Bytes that are not UTF-8 come through as lone surrogates, so that only their own record is rejected."""
    if isinstance(file, io.BufferedReader) and file.peek(2)[:2] in _UTF_16:
        raise Invalid("The file is in UTF-16. Save it as UTF-8 and import that.", "file")
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")


class _Lines:
    """The lines of a text, counted, some of which can be given back."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.number = 0
        self.record: list[str] = []  # the lines of the record being read

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        self.number += 1
        self.record.append(line)
        return line

    def keep_first(self) -> None:
        """Give back all lines of the record but the first."""
        self._again.extendleft(reversed(self.record[1:]))
        self.number -= len(self.record) - 1


def _records(lines: _Lines) -> Iterator[tuple[int, list[str], str]]:
    """The records that are not blank: first line, cells, and what is wrong if it is none."""
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
            lines.keep_first()
            reader = _reader(lines)  # the old one may still think that it is inside quotes
            yield start, [], problem
            continue
        if any(cell.strip() for cell in row):
            yield start, row, ""


def _reader(lines: _Lines) -> Iterator[list[str]]:
    return csv.reader(lines, strict=True, skipinitialspace=True)


def _problem(record: list[str]) -> str:
    if len(record[0]) > LONGEST_FIELD:
        return f"a field is longer than {LONGEST_FIELD:,} characters"
    return "the quotes do not match; a quote inside quotes is written twice"


def _header(line: int, row: list[str], columns: Sequence[str], needed: str) -> list[str]:
    names = [cell.strip().casefold() for cell in row]
    known = ", ".join(columns)
    for position, name in enumerate(names, 1):
        if name not in columns:
            if len(names) == 1 and re.search(r"[;\t|]", name):
                raise Invalid(f"Line {line}: the columns must be separated by commas.", "file")
            called = f"column {name}" if name else f"column {position}, which has no name,"
            raise Invalid(f"Line {line}: {called} is not known. The columns are {known}.", "file")
        if names.count(name) > 1:
            raise Invalid(f"Line {line}: column {name} is there twice.", "file")
    if needed not in names:
        raise Invalid(f"Line {line}: there is no column {needed}. The first line names the columns: {known}.", "file")
    return names


def _record(line: int, header: list[str], row: list[str], problem: str) -> Record:
    if not problem and len(row) != len(header):
        problem = f"there are {len(row)} fields, and the first line names {len(header)}"
    if not problem:
        problem = _encoding_problem(header, row)
    cells = {}
    for name, cell in zip(header, row, strict=False):
        cells[name] = cell if name == PASSWORD else _NOT_UTF_8.sub("\ufffd", original(cell).strip(" "))
    return Record(line, cells, problem)


def _encoding_problem(header: list[str], row: list[str]) -> str:
    for name, cell in zip(header, row, strict=True):
        if found := _NOT_UTF_8.search(cell):
            if name == PASSWORD:
                return "the password is not UTF-8; save the file as UTF-8"
            place = len(cell[: found.start()].encode("utf-8", "surrogateescape")) + 1
            return f"{name} is not UTF-8: byte {place} of it is 0x{ord(found[0]) - 0xDC00:02X}; save the file as UTF-8"
    return ""
