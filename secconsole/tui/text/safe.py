"""Text from data made safe to show: every character visible, nothing parsed as markup."""

from __future__ import annotations

from rich.style import Style as RichStyle
from rich.text import Text
from textual.content import Content
from textual.style import Style

from secconsole.domain.text import visible

Part = str | Content | tuple[str, str | Style]


def safe(text: str, style: str | Style = "") -> Content:
    """Return the text, made visible, as content that is never parsed as markup."""
    return Content.styled(visible(text), style) if style else Content(visible(text))


def safe_text(text: str, style: str | RichStyle = "") -> Text:
    """Return the same as Rich text.

    Pass a colour as a `Style` object: its name may be dropped.
    """
    return Text(visible(text), style=style, no_wrap=True, end="")


def fill(markup: str, **values: object) -> Content:
    """Return markup of the program with `$name` filled in: `fill("Unbind [b]$login[/b]", login=user.login)`."""
    return Content.from_markup(markup, **{name: visible(str(value)) for name, value in values.items()})


def join(*parts: Part) -> Content:
    """Join pieces: strings and (string, style) pairs are made visible, content is used as it is."""
    return Content.assemble(*(_content(part) for part in parts))


def lines(*rows: Part) -> Content:
    """Join rows, one line each.

    A line break inside data is spelled out.
    """
    return Content("\n").join([_content(row) for row in rows])


def _content(part: Part) -> Content:
    if isinstance(part, Content):
        return part
    return safe(part) if isinstance(part, str) else safe(*part)
