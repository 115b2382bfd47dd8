"""CSV values, and cells that spreadsheets read as text and never as a formula, and the way back.

A cell that begins with `=`, `+`, `-`, `@`, tab, carriage return, line feed or NUL is prefixed with `'` (OWASP, CSV
Injection; ASVS 1.2.10). So is one that begins with quotes before such a character, so that removing one quote restores
the original.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime

_RISKY = re.compile(r"'*[=+\-@\t\r\n\0]")
_NEUTRAL = re.compile(r"'+[=+\-@\t\r\n\0]")


def neutral(cell: str) -> str:
    """Return the cell prefixed with a quote if it could be read as a formula."""
    return "'" + cell if _RISKY.match(cell) else cell


def original(cell: str) -> str:
    """Return the cell as it was before `neutral`.

    Cells that were never prefixed are returned unchanged.
    """
    return cell[1:] if _NEUTRAL.match(cell) else cell


def cell(value: object) -> str:
    """Return the text of a value: moments in UTC, the parts of a tuple between semicolons, names with their values."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return ";".join(f"{name}={part}" for name, part in value.items())
    if isinstance(value, tuple | list):
        return ";".join(cell(part) for part in value)
    return str(value)


def record(cells: Sequence[str]) -> str:
    """Return one record as RFC 4180 writes it, its cells neutral."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([neutral(text) for text in cells])
    return buffer.getvalue()
