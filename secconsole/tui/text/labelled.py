"""A word at the left and what it says beside it, over as many lines as that takes."""

from __future__ import annotations

from textwrap import wrap

from textual.content import Content

from secconsole.domain.text import visible
from secconsole.tui.safe_text import join

LABEL = 13  # cells at the left
WIDEST = 59  # cells beside it, so that both fit into a card


def labelled(label: str, words: str, style: str = "", *, width: int = LABEL) -> list[Content]:
    """The lines of it, `width` cells of them for the label."""
    rows = wrap(visible(words), WIDEST + LABEL - width) or [""]
    return [
        join((f"{label if at == 0 else '':<{width}}", "$muted"), (row, style) if style else row)
        for at, row in enumerate(rows)
    ]
