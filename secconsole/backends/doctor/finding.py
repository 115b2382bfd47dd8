"""Findings of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check, with advice on what to do or improve."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


def in_utc(moment: datetime) -> str:
    """Return a time for display."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def in_utc_of(milliseconds: int) -> str:
    """Return a time of the store for display."""
    return in_utc(datetime.fromtimestamp(milliseconds / 1000, UTC))
