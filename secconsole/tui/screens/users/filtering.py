"""Quick filters, picked from a short list by one key and then shown in the search line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from secconsole.domain.users.search import is_filter
from secconsole.tui.text.safe import safe

if TYPE_CHECKING:
    from secconsole.tui.console import Console


@dataclass(frozen=True, slots=True)
class Pick:
    """A filter: its key, its name, and its words in the search line (none: all users)."""

    key: str
    title: str
    token: str


PICKS = (
    Pick("a", "all users", ""),
    Pick("u", "unbound", "status:unbound"),
    Pick("p", "pending", "status:pending"),
    Pick("b", "bound", "status:bound"),
    Pick("w", "whitelisted", "is:whitelisted"),
    Pick("l", "locked", "is:locked"),
    Pick("d", "disabled", "is:disabled"),
    Pick("m", "must choose a new password", "is:must-reset"),
    Pick("o", "only SMS or e-mail", "is:weak-only"),
    Pick("n", "no recovery code left", "is:no-recovery"),
    Pick("i", "no password yet", "is:no-password"),
    Pick("v", "overdue", "is:overdue"),
    Pick("P", "platform administrators", "role:platform-admin"),
    Pick("T", "tenant administrators", "role:tenant-admin"),
    Pick("H", "helpdesk", "role:helpdesk"),
    Pick("A", "auditors", "role:auditor"),
    Pick("U", "plain users", "role:user"),
)


def with_token(text: str, token: str) -> str:
    """Return a search line whose filters are replaced by one.

    Its words stay.
    """
    words = [part for part in text.split() if not is_filter(part)]
    return " ".join([*words, token]).strip()


class FilterMenu(ModalScreen["Pick | None"]):
    """Returns the filter picked, or None."""

    DEFAULT_CSS = """
    FilterMenu > #menu { width: 40; max-width: 100%; height: auto; margin: 2 2 0 2; border: round $rule; padding: 0 1;
        background: $background; border-title-color: $heading; }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._now = next((at for at, pick in enumerate(PICKS) if pick.token and pick.token in text.split()), 0)

    def compose(self) -> ComposeResult:
        menu = _Choices(self._now)
        menu.border_title = safe("Show")
        yield menu


class _Choices(Widget, can_focus=True):
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choices--key", "choices--title", "choices--cursor"}
    DEFAULT_CSS = """
    _Choices {
        & > .choices--key { color: $key; text-style: bold; }
        & > .choices--title { color: $foreground; }
        & > .choices--cursor { color: $cursor-row-text; background: $cursor-row; text-style: $cursor-row-style; }
    }
    """

    def __init__(self, at: int) -> None:
        super().__init__(id="menu")
        self._at = at

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(PICKS)

    def render_line(self, y: int) -> Strip:
        pick = PICKS[y]
        style = self.get_component_rich_style
        if y == self._at:
            text = f"▌ {pick.key}  {pick.title}" if self.app.terminal.utf8 else f"> {pick.key}  {pick.title}"
            return self._strip([Segment(text.ljust(self.content_size.width), style("choices--cursor"))])
        key, title = style("choices--key"), style("choices--title")
        return self._strip([Segment(f"  {pick.key}  ", key), Segment(pick.title, title)])

    def _strip(self, segments: list[Segment]) -> Strip:
        base: Style = self.rich_style
        return Strip(segments).adjust_cell_length(self.content_size.width, base)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key in ("up", "down"):
            self._at = (self._at + (1 if event.key == "down" else -1)) % len(PICKS)
            self.refresh()
        elif event.key in ("enter", "ctrl+j", "ctrl+m"):
            self._answer(PICKS[self._at])
        elif event.key in ("escape", "q", "f"):
            self._answer(None)
        else:
            found = [pick for pick in PICKS if pick.key == event.character]
            if found:
                self._answer(found[0])

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is not None and at.y < len(PICKS):
            self._answer(PICKS[at.y])

    def _answer(self, pick: Pick | None) -> None:
        cast("FilterMenu", self.screen).dismiss(pick)
