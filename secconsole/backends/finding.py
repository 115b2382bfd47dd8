"""What `doctor` says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do, also where all is well but could be better."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
