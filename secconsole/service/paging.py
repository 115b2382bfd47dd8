"""Checks of the limit and the cursor of a list."""

from __future__ import annotations

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import MOST_DIGITS, MOST_PER_PAGE


def check_limit(limit: int) -> None:
    """Raise `Invalid` for a page without rows, or with more than any list returns at once."""
    if not 1 <= limit <= MOST_PER_PAGE:
        raise Invalid(f"The limit must be between 1 and {MOST_PER_PAGE}.", "limit")


def number_of(cursor: str | None) -> int | None:
    """Return the number in a cursor, None for the first page, or raise `Invalid` for a text that is not a number."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= MOST_DIGITS):
        raise Invalid("The cursor does not belong to this list.", "cursor")
    return int(cursor)
