"""Texts about a code on its way: where it went, its prefix, and what to do if it does not arrive."""

from __future__ import annotations

from textual.content import Content

from secconsole.domain.model import FactorKind
from secconsole.tui.text.safe import join

NOT_ARRIVED = "Nothing arrived? Send it again, or press f1 for help."  # shown once another code may be requested


def sent_words(kind: FactorKind, masked: str, prefix: str) -> list[Content]:
    """Return where the code went and how to recognise its message."""
    look = " Check your spam folder too." if kind is FactorKind.EMAIL else ""
    return [
        join("A code is on its way to ", (masked, "bold"), f".{look}"),
        join("It begins with ", (prefix, "bold $key"), ": type the six digits after that."),
    ]


def not_sent_words(message: str, *, holds: bool = True) -> str:
    """Return why no other code was sent.

    `holds`: the previous code is still valid. A countdown is shown beside the message.
    """
    if not message.startswith("Wait "):
        return message
    return "Not sent again yet: the previous code is still valid." if holds else "No code has been sent there yet."
