"""A label at the left and its text beside it, over as many lines as needed."""

from __future__ import annotations

from textwrap import wrap

from textual.content import Content

from secconsole.domain.text import visible
from secconsole.tui.text.safe import join

LABEL = 13  # cells of the label
WIDEST = 59  # cells of the text, so that both fit into a card


def labelled(label: str, words: str, style: str = "", *, width: int = LABEL) -> list[Content]:
    """Return the lines, with `width` cells for the label."""
    rows = wrap(visible(words), WIDEST + LABEL - width) or [""]
    return [
        join((f"{label if at == 0 else '':<{width}}", "$muted"), (row, style) if style else row)
        for at, row in enumerate(rows)
    ]
