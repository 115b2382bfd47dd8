"""A choice of a few lines, made by number or with the arrows and Enter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from secconsole.tui.text.factors import RECOVERY, Offered, factor_words
from secconsole.tui.text.format import glyph
from secconsole.tui.text.safe import join, lines, safe

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_DIGITS = "123456789"


@dataclass(frozen=True, slots=True)
class Pick:
    """A line of the list: its value, its label, and a description below."""

    value: str
    words: str
    note: str = ""


class PickList(OptionList):
    """Posts `Picked`.

    The line under the cursor has a sign as well as a colour.
    """

    DEFAULT_CSS = """
    PickList, PickList:focus {
        height: auto;
        max-height: 100%;
        border: none;
        padding: 0;
        background: $background;
        background-tint: transparent;
        text-wrap: nowrap;
        text-overflow: ellipsis;

        & > .option-list--option-highlighted {
            color: $cursor-row-text;
            background: $cursor-row;
            text-style: $cursor-row-style;
        }
    }
    """

    class Picked(Message):
        """Posted when a line is chosen."""

        def __init__(self, value: str) -> None:
            super().__init__()
            self.value = value

    def __init__(self, picks: Sequence[Pick], *, at: int = 0, id: str | None = None) -> None:
        self._begin = at
        self._picks = tuple(picks)
        self._marked, self._utf8 = -1, True
        super().__init__(*(Option(self._words(at)) for at in range(len(self._picks))), compact=True, id=id)

    def on_mount(self) -> None:
        self._utf8 = cast("Console", self.app).terminal.utf8
        self.highlighted = self._begin

    def on_key(self, event: events.Key) -> None:
        at = _DIGITS.find(event.character) if event.character else -1
        if 0 <= at < len(self._picks):
            event.stop()
            self.highlighted = at
            self.post_message(self.Picked(self._picks[at].value))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        before, self._marked = self._marked, event.option_index
        for at in {before, self._marked} - {-1}:
            self.replace_option_prompt_at_index(at, self._words(at))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Picked(self._picks[event.option_index].value))

    def _words(self, at: int) -> Content:
        pick, number = self._picks[at], str(at + 1) if at < len(_DIGITS) else " "
        mark = glyph("cursor", utf8=self._utf8) if at == self._marked else " "
        head = join(mark, (f" {number} ", "bold $key"), " ", (pick.words, "bold"))
        return lines(head, safe(f"     {pick.note}")) if pick.note else head


def picks_of(factors: Iterable[Offered]) -> list[Pick]:
    """Return a list of factors to pick from, with a recovery code as a substitute at the end."""
    picks = [Pick(factor.id, factor_words(factor)) for factor in factors]
    return [*picks, Pick(RECOVERY, "Use a recovery code instead")]
