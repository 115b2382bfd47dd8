"""Results of commands as a table, JSON or CSV. Only this module writes to standard output.

All output goes through one binary stream, so that a pipe and a file get the same bytes. Tables replace control
characters in data, JSON escapes them, and CSV cells cannot become formulas.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO, Generic, TypeVar

from secconsole.cli import table
from secconsole.cli.diagnostics import OutputClosed, describe_write_error, say
from secconsole.cli.streams import drop
from secconsole.domain.errors import Unavailable
from secconsole.domain.safe_csv import cell, record
from secconsole.domain.secret import HIDDEN, Secret
from secconsole.domain.text import visible

T = TypeVar("T")
_BEYOND_ASCII = re.compile("[^\\x00-\\x7e]+")
Value = object  # str, int, bool, datetime, enum, a tuple of these, or None


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"  # of reports only


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column: its key in CSV, its title in tables, and a function that returns its value."""

    key: str
    value: Callable[[T], Value]
    title: str = ""
    numeric: bool = False

    @property
    def heading(self) -> str:
        return self.title or self.key.replace("_", " ").capitalize()


Columns = Sequence[Column[T]]


class Output:
    """A writer in the requested format. `stream` and `width` default to those of standard output."""

    def __init__(self, requested: Format | None, stream: BinaryIO | None = None, width: int | None = None) -> None:
        self._requested = requested
        self.format = requested or Format.TABLE
        self._stream = stream or sys.stdout.buffer
        if width is None:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        self.width = width
        self.changed = False  # set once data was changed, which a lost result does not undo

    @property
    def is_table(self) -> bool:
        return self.format is Format.TABLE

    def for_export(self) -> None:
        """Write CSV unless another format was requested."""
        self.format = self._requested or Format.CSV

    def as_document(self) -> None:
        """Write JSON unless another format was requested."""
        self.format = self._requested or Format.JSON

    def line(self, text: str = "") -> None:
        """Write a line of text with control characters made visible."""
        self._write(visible(text) + "\n")

    def document(self, text: str) -> None:
        """Write a text of many lines, in which data was made visible before."""
        self._write(text)

    def raw(self, text: str) -> None:
        """Write trusted text with terminal colours, such as a QR code.

        Never pass text from data.
        """
        self._write(text + "\n")

    def json(self, reply: object, *, reveal: bool = False) -> None:
        """Write one JSON document.

        Reveal secrets only for commands whose purpose is to show them.
        """
        import msgspec

        encoded = msgspec.json.encode(reply, enc_hook=_encoder(reveal))
        self._bytes(_escaped(msgspec.json.format(encoded, indent=2)) + b"\n")

    def json_lines(self, items: Iterable[object]) -> None:
        """Write one JSON object on each line."""
        import msgspec

        encoder = msgspec.json.Encoder(enc_hook=_encoder(reveal=False))
        for item in items:
            self._bytes(_escaped(encoder.encode(item)) + b"\n")

    def record(self, columns: Columns[T], thing: T, *, reply: object | None = None) -> None:
        """Write one record: `reply` or the record as JSON, one row of CSV, or one line for each column."""
        if self.format is Format.JSON:
            self.json(thing if reply is None else reply)
        elif self.format is Format.CSV:
            self.listing(columns, [thing])
        else:
            self.pairs([(c.heading, c.value(thing)) for c in columns])

    def pairs(self, rows: Iterable[tuple[str, Value]]) -> None:
        """Write names and values, one pair on each line."""
        for line in table.pairs((visible(name), visible(format_value(value))) for name, value in rows):
            self._write(line + "\n")

    def listing(self, columns: Columns[T], items: Iterable[T], *, next: str | None = None) -> None:
        """Write a complete list."""
        listing = Listing(self, columns)
        listing.add(list(items))
        listing.end(next)

    def flush(self) -> None:
        """Flush the output.

        Raise `Unavailable` if that fails, and `OutputClosed` if the reader has gone.
        """
        with self._translated_errors():
            self._stream.flush()

    @contextmanager
    def best_effort(self) -> Iterator[None]:
        """Write a result that the exit code carries as well, so that a failed write is only reported."""
        try:
            yield
            self.flush()
        except OutputClosed:
            drop(sys.stdout)
        except Unavailable as error:
            drop(sys.stdout)
            say(error.message)

    def _write(self, text: str) -> None:
        encoding = sys.stdout.encoding if self.is_table else "utf-8"
        self._bytes(text.encode(encoding or "utf-8", "backslashreplace"))

    def _bytes(self, data: bytes) -> None:
        with self._translated_errors():
            self._stream.write(data)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise OutputClosed from None
        except OSError as error:
            raise Unavailable(describe_write_error(error, changed=self.changed)) from None


class Listing(Generic[T]):
    """A list written in batches, so that a million items need not be in memory at once."""

    def __init__(self, output: Output, columns: Columns[T]) -> None:
        self._output = output
        self._columns = columns
        self._count = 0
        self._table = table.Table([c.heading for c in columns], [c.numeric for c in columns], output.width)
        self._begun = False

    def _begin(self) -> None:
        """Write the opening of the document with the first batch, so that a refused list leaves no partial output."""
        if self._begun:
            return
        self._begun = True
        if self._output.format is Format.CSV:
            self._output._write(record([c.key for c in self._columns]))
        elif self._output.format is Format.JSON:
            self._output._write('{"items":[')

    def add(self, items: Sequence[T]) -> None:
        self._begin()
        if self._output.format is Format.JSON:
            self._add_json(items)
        elif self._output.format is Format.CSV:
            for item in items:
                self._output._write(record([self._cell(c.value(item)) for c in self._columns]))
        elif items:
            rows = [[visible(format_value(c.value(item))) for c in self._columns] for item in items]
            for line in self._table.lines(rows):
                self._output._write(line + "\n")
        self._count += len(items)

    def end(self, next: str | None = None) -> None:
        """Close the document. `next` is the cursor of the following page."""
        self._begin()
        if self._output.format is Format.JSON:
            import msgspec

            self._output._bytes(b'],"next":' + msgspec.json.encode(next) + b"}\n")
        elif self._output.is_table and not self._count:
            self._output.line("None.")

    def _cell(self, value: Value) -> str:
        """Return a CSV cell, with control characters made visible on a terminal only."""
        return visible(cell(value)) if self._output.width else cell(value)

    def _add_json(self, items: Sequence[T]) -> None:
        import msgspec

        encoder = msgspec.json.Encoder(enc_hook=_encoder(reveal=False))
        for number, item in enumerate(items, self._count):
            self._output._bytes((b",\n" if number else b"\n") + _escaped(encoder.encode(item)))


def format_value(value: Value) -> str:
    """Return a value for display: numbers with separators, times in the local zone with its offset."""
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
        return ", ".join(format_value(part) for part in value) or "-"
    return str(value)


def _escaped(encoded: bytes) -> bytes:
    """Return the same JSON with everything that a terminal acts on (C1, DEL, bidi controls) as JSON escapes."""
    return _BEYOND_ASCII.sub(lambda found: _escape(found[0]), encoded.decode()).encode()


def _escape(text: str) -> str:
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
