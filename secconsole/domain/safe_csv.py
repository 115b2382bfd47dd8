"""CSV cells that a spreadsheet takes for text and never for a formula, and back.

A cell that begins with `=`, `+`, `-`, `@`, tab, carriage return, line feed or NUL gets a `'` in front (OWASP, CSV
Injection; ASVS 1.2.10). So does one that begins with quotes before such a character, so that taking one quote off
gives back exactly what was there.
"""

from __future__ import annotations

import re

_RISKY = re.compile(r"'*[=+\-@\t\r\n\0]")
_NEUTRAL = re.compile(r"'+[=+\-@\t\r\n\0]")


def neutral(cell: str) -> str:
    """The cell as it is written: with a quote in front if it could be taken for a formula."""
    return "'" + cell if _RISKY.match(cell) else cell


def original(cell: str) -> str:
    """The cell as it was before `neutral`; cells that never went through it come back as they are."""
    return cell[1:] if _NEUTRAL.match(cell) else cell
