"""What is said of a code on its way: where it went, the letters it begins with, what to do if it does not come."""

from __future__ import annotations

from textual.content import Content

from secconsole.domain.model import FactorKind
from secconsole.tui.safe_text import join

NOT_ARRIVED = "Not arrived? Have it sent again; f1 says what else to do."  # once another may be asked for


def sent_words(kind: FactorKind, masked: str, prefix: str) -> list[Content]:
    """Where the code went, and which message is the one."""
    look = " Look in spam, too." if kind is FactorKind.EMAIL else ""
    return [
        join("A code is on its way to ", (masked, "bold"), f".{look}"),
        join("It begins with ", (prefix, "bold $key"), ": type the six digits after that."),
    ]


def not_sent_words(message: str, *, holds: bool = True) -> str:
    """Why no other code was sent, while the one before holds or not; how long to wait is counted down beside it."""
    if not message.startswith("Wait "):
        return message
    return "Not sent again yet: the code before still holds." if holds else "No code was sent there yet."
