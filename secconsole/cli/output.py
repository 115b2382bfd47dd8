"""What a command answers, as a table, JSON or CSV: the only place that writes to standard output.

All of it goes through one binary stream, so a pipe and a file get the same bytes. Text from data is made visible in
tables; JSON escapes it by its own rules, and CSV cells are kept from being formulas.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO, Generic, TypeVar

from secconsole.cli import table
from secconsole.cli.diagnostics import NobodyReads
from secconsole.domain.errors import Unavailable
from secconsole.domain.safe_csv import neutral
from secconsole.domain.secret import HIDDEN, Secret
from secconsole.domain.text import visible

T = TypeVar("T")
_BEYOND_ASCII = re.compile("[^\\x00-\\x7e]+")
Value = object  # text, number, bool, moment, enum, tuple of these, or None


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: its key in CSV, the title in tables, and where its value comes from."""

    key: str
    value: Callable[[T], Value]
    title: str = ""
    numeric: bool = False

    @property
    def heading(self) -> str:
        return self.title or self.key.replace("_", " ").capitalize()


Columns = Sequence[Column[T]]


class Output:
    """Writes in the format that was asked for; `stream` and `width` are standard output's unless given."""

    def __init__(self, asked: Format | None, stream: BinaryIO | None = None, width: int | None = None) -> None:
        self._asked = asked
        self.format = asked or Format.TABLE
        self._stream = stream or sys.stdout.buffer
        if width is None:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        self.width = width

    @property
    def is_table(self) -> bool:
        return self.format is Format.TABLE

    def for_export(self) -> None:
        """Answer in CSV unless another format was asked for."""
        self.format = self._asked or Format.CSV

    def line(self, text: str = "") -> None:
        """A line for people, its text made harmless."""
        self._write(visible(text) + "\n")

    def drawn(self, text: str) -> None:
        """Lines of our own making that hold terminal colours, such as a QR code; never text from data."""
        self._write(text + "\n")

    def json(self, reply: object, *, reveal: bool = False) -> None:
        """One JSON document; secrets are shown only where that is what the command is for."""
        import msgspec

        encoded = msgspec.json.encode(reply, enc_hook=_encoder(reveal))
        self._bytes(_harmless(msgspec.json.format(encoded, indent=2)) + b"\n")

    def record(self, columns: Columns[T], thing: T, *, reply: object | None = None) -> None:
        """One thing: JSON is the thing itself or `reply`, CSV one row, a table one line for each column."""
        if self.format is Format.JSON:
            self.json(thing if reply is None else reply)
        elif self.format is Format.CSV:
            self.listing(columns, [thing])
        else:
            self.pairs([(c.heading, c.value(thing)) for c in columns])

    def pairs(self, rows: Iterable[tuple[str, Value]]) -> None:
        """Names and values, one on a line."""
        for line in table.pairs((visible(name), visible(shown(value))) for name, value in rows):
            self._write(line + "\n")

    def listing(self, columns: Columns[T], items: Iterable[T], *, next: str | None = None) -> None:
        """A whole list in one go."""
        listing = Listing(self, columns)
        listing.add(list(items))
        listing.end(next)

    def flush(self) -> None:
        """Hand on what was written; raise `Unavailable` if it cannot be, and `NobodyReads` if nobody reads it."""
        with _told():
            self._stream.flush()

    def _write(self, text: str) -> None:
        encoding = sys.stdout.encoding if self.is_table else "utf-8"
        self._bytes(text.encode(encoding or "utf-8", "backslashreplace"))

    def _bytes(self, data: bytes) -> None:
        with _told():
            self._stream.write(data)


class Listing(Generic[T]):
    """A list whose items come in portions, so that a million of them need not be held at once."""

    def __init__(self, output: Output, columns: Columns[T]) -> None:
        self._output = output
        self._columns = columns
        self._count = 0
        self._table = table.Table([c.heading for c in columns], [c.numeric for c in columns], output.width)
        self._begun = False

    def _begin(self) -> None:
        """Write what comes before the first item; not earlier, so that a refused list leaves no half document."""
        if self._begun:
            return
        self._begun = True
        if self._output.format is Format.CSV:
            self._output._write(_csv_line([c.key for c in self._columns]))
        elif self._output.format is Format.JSON:
            self._output._write('{"items":[')

    def add(self, items: Sequence[T]) -> None:
        self._begin()
        if self._output.format is Format.JSON:
            self._add_json(items)
        elif self._output.format is Format.CSV:
            for item in items:
                self._output._write(_csv_line([self._cell(c.value(item)) for c in self._columns]))
        elif items:
            rows = [[visible(shown(c.value(item))) for c in self._columns] for item in items]
            for line in self._table.lines(rows):
                self._output._write(line + "\n")
        self._count += len(items)

    def end(self, next: str | None = None) -> None:
        """Close the document; `next` is the cursor of the page that follows."""
        self._begin()
        if self._output.format is Format.JSON:
            import msgspec

            self._output._bytes(b'],"next":' + msgspec.json.encode(next) + b"}\n")
        elif self._output.is_table and not self._count:
            self._output.line("None.")

    def _cell(self, value: Value) -> str:
        """As it is for a file, and harmless where somebody looks on."""
        return visible(plain(value)) if self._output.width else plain(value)

    def _add_json(self, items: Sequence[T]) -> None:
        import msgspec

        encoder = msgspec.json.Encoder(enc_hook=_encoder(reveal=False))
        for number, item in enumerate(items, self._count):
            self._output._bytes((b",\n" if number else b"\n") + _harmless(encoder.encode(item)))


def shown(value: Value) -> str:
    """A value for people: counts with separators, moments in the reader's zone with its offset."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        local = value.astimezone().isoformat(sep=" ", timespec="seconds")
        return f"{local[:19]} {local[19:]}"
    if isinstance(value, (tuple, list)):
        return ", ".join(shown(part) for part in value) or "-"
    return str(value)


def plain(value: Value) -> str:
    """A value for a CSV cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (tuple, list)):
        return ";".join(plain(part) for part in value)
    return str(value)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise NobodyReads from None
    except OSError as error:
        raise Unavailable(f"The answer cannot be written: {error.strerror}.") from None


def _csv_line(row: Sequence[str]) -> str:
    """One record as RFC 4180 writes it."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([neutral(cell) for cell in row])
    return buffer.getvalue()


def _harmless(encoded: bytes) -> bytes:
    """The same JSON, what a terminal could act on (C1, DEL, directions of writing) spelled as JSON's own escapes."""
    return _BEYOND_ASCII.sub(lambda found: _spelled(found[0]), encoded.decode()).encode()


def _spelled(text: str) -> str:
    if text.isprintable():
        return text
    units = ((c, c.encode("utf-16-be").hex()) for c in text)
    return "".join(
        c if c.isprintable() else "".join(f"\\u{u[i : i + 4]}" for i in range(0, len(u), 4)) for c, u in units
    )


def _encoder(reveal: bool) -> Callable[[object], object]:
    def encode(value: object) -> object:
        if isinstance(value, Secret):
            return value.reveal() if reveal else HIDDEN
        if isinstance(value, PurePath):
            return str(value)
        raise TypeError(f"{type(value).__name__} has no JSON form")

    return encode
