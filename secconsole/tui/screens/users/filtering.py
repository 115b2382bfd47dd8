"""Quick filters, picked from a short list by one key and then shown in the search line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
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
    Pick("m", "must set new password", "is:must-reset"),
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
_WIDTH = 28  # cells of a column
_AROUND = 5  # lines above the menu, and its border


def with_token(text: str, token: str) -> str:
    """Return a search line whose filters are replaced by one.

    Its words stay.
    """
    words = [part for part in text.split() if not is_filter(part)]
    return " ".join([*words, token]).strip()


class FilterMenu(ModalScreen["Pick | None"]):
    """Returns the filter picked, or None."""

    DEFAULT_CSS = """
    FilterMenu > #menu { width: auto; height: auto; margin: 2 0 0 0; border: round $rule; padding: 0 1;
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
    """All filters, in two columns where a window is too low for one."""

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

    @property
    def _rows(self) -> int:
        """Lines of a column."""
        return len(PICKS) if self.app.size.height >= len(PICKS) + _AROUND else (len(PICKS) + 1) // 2

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return _WIDTH * (1 if self._rows == len(PICKS) else 2)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._rows

    def render_line(self, y: int) -> Strip:
        columns = range(y, len(PICKS), self._rows)
        segments = [segment for at in columns for segment in self._draw(at)]
        return Strip(segments).adjust_cell_length(self.content_size.width, self.rich_style)

    def _draw(self, at: int) -> list[Segment]:
        pick, style = PICKS[at], self.get_component_rich_style
        if at == self._at:
            return [Segment(f"▌ {pick.key}  {pick.title}".ljust(_WIDTH), style("choices--cursor"))]
        key = Segment(f"  {pick.key}  ", style("choices--key"))
        return [key, Segment(pick.title.ljust(_WIDTH - 5), style("choices--title"))]

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        steps = {"up": -1, "down": 1, "left": -self._rows, "right": self._rows}
        if event.key in steps:
            self._at = (self._at + steps[event.key]) % len(PICKS)
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
        index = at.y + self._rows * (at.x // _WIDTH) if at is not None else len(PICKS)
        if index < len(PICKS):
            self._answer(PICKS[index])

    def _answer(self, pick: Pick | None) -> None:
        cast("FilterMenu", self.screen).dismiss(pick)
