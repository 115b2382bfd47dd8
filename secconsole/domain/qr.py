"""QR codes as terminal cells: black on white in the form that phones read off every terminal.

What is drawn follows from what was measured to decode: error level L and half blocks, since height is what runs out;
the quiet zone shrinks 4, 2, 1 modules with the height, and never to 0. A cell is a space where both halves are equal
and `▄` where they differ, always with both colours, since many fonts draw `▀` and `█` short of their cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from segno import QRCode

Matrix = tuple[tuple[bool, ...], ...]  # rows of modules, True is dark

QUIET_ZONES = (4, 2, 1)  # in modules, best first; ISO/IEC 18004 section 9.1 asks for 4
_TALLEST = 17 + 4 * 40 + 2 * 4 + 1  # past version 40 with its whole quiet zone
_BASE32_SECRET = re.compile(r"(?<=[?&]secret=)[A-Z2-7]+")


class Cell(NamedTuple):
    """One terminal cell: `character` drawn in `ink` on `paper`, where True is dark."""

    character: str
    ink: bool
    paper: bool


class Form(StrEnum):
    HALF_BLOCKS = "half-blocks"  # two modules to a row
    BACKGROUND = "background"  # one module to a row, by background colour alone: needs nothing of the font


@dataclass(frozen=True, slots=True)
class QrPlan:
    """A code that fits: its cells, row by row. Not shown by repr, since whoever has the cells has the secret."""

    form: Form
    quiet: int
    rows: int
    columns: int
    cells: list[list[Cell]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DoesNotFit:
    """A code that does not: how much room it needs, with the smallest quiet zone."""

    needs_rows: int
    needs_columns: int
    has_rows: int
    has_columns: int

    def __str__(self) -> str:
        if self.needs_rows > self.has_rows:
            need, have = f"{self.needs_rows} rows", self.has_rows
        else:
            need, have = f"{self.needs_columns} columns", self.has_columns
        return f"The QR code needs {need}, this window has {have}. Enlarge it, or type the key."


class _Symbol:
    """A code without its quiet zone; raises ValueError if the text is more than any code holds."""

    def __init__(self, uri: str) -> None:
        self._content: str | list[str] = uri
        self.version = self._version(uri)
        if (secret := _BASE32_SECRET.search(uri)) is not None:
            # Base32 costs 5.5 bits a character in an alphanumeric segment and 8 in a byte segment.
            start, end = secret.span()
            parts = [part for part in (uri[:start], uri[start:end], uri[end:]) if part]
            if (version := self._version(parts)) < self.version:
                self._content, self.version = parts, version

    def _version(self, content: str | list[str]) -> int:
        return int(_encode(content, mask=0).version)  # choosing the mask is most of the work

    @property
    def modules(self) -> int:
        return 17 + 4 * self.version

    def matrix(self, quiet: int) -> Matrix:
        code = _encode(self._content)
        return tuple(tuple(bool(module) for module in row) for row in code.matrix_iter(border=quiet))


def _encode(content: str | list[str], mask: int | None = None) -> QRCode:
    import segno  # 12 ms, and only wanted by whoever binds a phone

    return segno.make_qr(content, error="L", boost_error=False, mask=mask)  # type: ignore[arg-type]  # its stubs forget lists


def qr_version(uri: str) -> int:
    """The version (1 to 40) of the code that `fit` makes."""
    return _Symbol(uri).version


def half_block_rows(matrix: Matrix, *, invert: bool = False) -> list[list[Cell]]:
    """Two modules to a cell, one above the other; a missing last row is light."""
    light = (False,) * len(matrix[0])
    below = (*matrix[1::2], light) if len(matrix) % 2 else matrix[1::2]
    return [
        [
            Cell(" " if upper == lower else "▄", ink=lower != invert, paper=upper != invert)
            for upper, lower in zip(*pair, strict=True)
        ]
        for pair in zip(matrix[::2], below, strict=True)
    ]


def background_rows(matrix: Matrix, *, columns: int = 2, invert: bool = False) -> list[list[Cell]]:
    """A row to a module, each `columns` spaces wide; one column makes a tall code, which decodes as well."""
    return [
        [Cell(" ", ink=dark == invert, paper=dark != invert) for dark in row for _ in range(columns)] for row in matrix
    ]


def fit(
    uri: str, rows: int, columns: int, *, form: Form = Form.HALF_BLOCKS, invert: bool = False
) -> QrPlan | DoesNotFit:
    """The code with the widest quiet zone that has room in so many rows and columns, or what room it needs."""
    try:
        symbol = _Symbol(uri)
    except ValueError:  # more than the largest code holds: room for that one would not be enough either
        return DoesNotFit(_TALLEST // 2 + 1, _TALLEST, rows, columns)
    height = width = 0
    for quiet in QUIET_ZONES:
        side = symbol.modules + 2 * quiet
        height, width = ((side + 1) // 2 if form is Form.HALF_BLOCKS else side), side
        if height <= rows and width <= columns:
            matrix = symbol.matrix(quiet)
            if form is Form.HALF_BLOCKS:
                return QrPlan(form, quiet, height, width, half_block_rows(matrix, invert=invert))
            wide = 2 if 2 * width <= columns else 1
            cells = background_rows(matrix, columns=wide, invert=invert)
            return QrPlan(form, quiet, height, width * wide, cells)
    return DoesNotFit(height, width, rows, columns)


def ansi_qr(uri: str, *, width: int, height: int, invert: bool = False, form: Form = Form.HALF_BLOCKS) -> str:
    """The code as lines for a terminal of that size, or the one sentence that says how large it would have to be.

    Colours are given as 16-colour codes, whatever NO_COLOR says: without them there is no code to scan. White is
    asked for twice (47, then 107), since terminals that do not know the bright one keep the other.
    """
    plan = fit(uri, height, width, form=form, invert=invert)
    if isinstance(plan, DoesNotFit):
        return str(plan)
    return "\n".join(_ansi_line(row) for row in plan.cells)


def _ansi_line(row: Iterable[Cell]) -> str:
    out = []
    for (ink, paper), run in groupby(row, key=lambda cell: (cell.ink, cell.paper)):
        colours = ("30" if ink else "37;97") + (";40" if paper else ";47;107")
        out.append(f"\x1b[{colours}m{''.join(cell.character for cell in run)}")
    return "".join(out) + "\x1b[0m"
