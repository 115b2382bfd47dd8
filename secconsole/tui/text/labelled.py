"""A label at the left and its text beside it."""

from __future__ import annotations

from textual.content import Content

from secconsole.tui.text.safe import join

LABEL = 13  # cells of the label


def labelled(label: str, words: str, style: str = "", *, width: int = LABEL) -> Content:
    """Return a line with `width` cells for the label, for text that wraps with its indent."""
    return join((f"{label:<{width}}", "$muted"), (words, style) if style else words)
