"""Help for a place: all keys from the registry, then a written page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from secconsole.tui.actions import Action
from secconsole.tui.text.safe import join, lines, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secconsole.tui.console import PlaceScreen

FOLDER = Path(__file__).parent.parent / "help"


def page(name: str) -> str:
    """Return the page of a place as Markdown.

    Empty if there is none.
    """
    try:
        return (FOLDER / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def key_table(actions: Sequence[Action], why_not: dict[str, str]) -> Content:
    """Return the lines of each action: keys, purpose, why it is unavailable now, its command and its name."""
    width = max((len(_keys(action)) for action in actions), default=0)
    titles = max((len(action.title) for action in actions), default=0)
    rows: list[Content] = []
    for action in actions:
        rows.append(
            join(
                (_keys(action).rjust(width), "bold $key"),
                "  ",
                (action.title.ljust(titles), "bold"),
                ("  " + action.help, "$muted"),
            )
        )
        if reason := why_not.get(action.id):
            rows.append(join(" " * (width + 2), (f"not now: {reason}", "italic $muted")))
        names = " · ".join(name for name in (action.command, f"keys: {action.id}") if name)
        rows.append(join(" " * (width + 2), (names, "$muted")))
    return lines(*rows)


def _keys(action: Action) -> str:
    return " ".join(action.shown_keys)


def help_for(place: PlaceScreen) -> HelpScreen:
    """Return the help of a place with all its keys."""
    why_not = {action.id: place.reason(action) for action in place.actions}
    return HelpScreen(place.TITLE or "", page(place.HELP_FILE), place.actions, why_not)


class HelpScreen(ModalScreen[None]):
    """Scrolls with arrows and pages.

    Escape, q and ? close it.
    """

    CSS_PATH = Path(__file__).parent.parent / "styles" / "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "close", "Close", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home", "end(-1)", "Top", show=False),
        Binding("end", "end(1)", "End", show=False),
    ]

    def __init__(self, title: str, markdown: str, actions: Sequence[Action], why_not: dict[str, str]) -> None:
        super().__init__()
        self._card_title = title
        self._markdown = markdown
        self._actions = actions
        self._why_not = why_not

    def compose(self) -> ComposeResult:
        card = VerticalScroll(classes="card", id="help", can_focus=False)
        card.border_title = safe(f"Help: {self._card_title}")
        card.border_subtitle = safe("↑ ↓ scroll · esc close")
        from textual.widgets import Markdown  # takes 24 ms, which only those who ask for help pay

        with card:
            if self._actions:
                yield Static(key_table(self._actions, self._why_not))
            if self._markdown:
                yield Markdown(self._markdown, open_links=False)
            if self._actions:
                yield Markdown(page("keys.md"), open_links=False)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, rows: int) -> None:
        self.query_one("#help").scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        card = self.query_one("#help")
        card.scroll_relative(y=pages * max(1, card.content_size.height - 1), animate=False)

    def action_end(self, way: int) -> None:
        card = self.query_one("#help")
        card.scroll_home(animate=False) if way < 0 else card.scroll_end(animate=False)
