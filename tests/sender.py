"""The organisation that a message is from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organisation:
    name: str
    helpdesk_text: str = ""
