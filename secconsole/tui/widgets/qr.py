"""A QR code that phones can scan under every theme, and that hides while nobody looks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from secconsole.domain.factors.qr import Cell, DoesNotFit, QrForm, QrPlan, fit
from secconsole.domain.secret import Secret
from secconsole.tui.runtime.themes import keep_colour

if TYPE_CHECKING:
    from secconsole.tui.runtime.base_app import ConsoleApp

HIDDEN = "The QR code is hidden. Press any key to show it."
HIDE_AFTER = 120.0  # seconds
_NOTE_WIDTH = 44


def _style(ink: bool, paper: bool) -> Style:
    # Style objects and hex: Textual silently drops Rich's style strings with bright colour names.
    black, white = "#000000", "#ffffff"
    return keep_colour(Style(color=black if ink else white, bgcolor=black if paper else white))


_STYLES = {(ink, paper): _style(ink, paper) for ink in (False, True) for paper in (False, True)}


class QrCode(Widget):
    """Draws a URI in the space it has, or shows the window size that it would need.

    It hides when the terminal loses the focus and after `hide_after` seconds (None: never), and takes the focus until a
    key, which does nothing else, shows it again. `Concealed` tells the screen to hide the key as text together with the
    code.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    QrCode {
        width: auto;
        height: 1fr;
    }
    """

    inverted = reactive(False)
    form = reactive(QrForm.HALF_BLOCKS, layout=True)
    redacted = reactive(False, init=False)

    class Concealed(Message):
        """Posted when the code is hidden or shown again."""

        def __init__(self, code: QrCode, hidden: bool) -> None:
            super().__init__()
            self.code = code
            self.hidden = hidden

        @property
        def control(self) -> QrCode:
            return self.code

    def __init__(
        self,
        uri: Secret[str],
        *,
        hide_after: float | None = HIDE_AFTER,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._uri: Secret[str] | None = uri
        self._hide_after = hide_after
        self._timer: Timer | None = None
        self._focus_before: Widget | None = None
        self._planned: tuple[tuple[int, int, QrForm, bool], QrPlan | DoesNotFit] | None = None
        self._note: tuple[tuple[str, int, Style], list[Strip]] | None = None

    # ---- interface for screens -------------------------------------------------------------------------------------

    @property
    def fits(self) -> bool:
        """True if a whole code fits, hidden or not."""
        return isinstance(self._plan(*self.size), QrPlan)

    def fits_in(self, columns: int, rows: int) -> bool:
        """Return True if a whole code fits into so much room."""
        return isinstance(self._plan(columns, rows), QrPlan)

    def show(self, uri: Secret[str]) -> None:
        """Draw another URI."""
        self._uri = uri
        self._forget()
        self.redacted = False
        self.keep_shown()
        self.refresh(layout=True)

    def toggle_invert(self) -> None:
        """Swap black and white, for terminals that swap them once more."""
        self.inverted = not self.inverted

    def toggle_form(self) -> None:
        """Switch between half blocks and background colours, for fonts whose blocks do not fill their cells."""
        self.form = QrForm.BACKGROUND if self.form is QrForm.HALF_BLOCKS else QrForm.HALF_BLOCKS

    def redact(self) -> None:
        """Hide the code until a key is pressed."""
        self.redacted = True

    def reveal(self) -> None:
        """Show the code again."""
        self.redacted = False

    def keep_shown(self) -> None:
        """Restart the time until it hides: the user is active."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = None if self._hide_after is None else self.set_timer(self._hide_after, self.redact)

    # ---- hiding ----------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        if not cast("ConsoleApp", self.app).terminal.utf8:
            self.form = QrForm.BACKGROUND  # half blocks are not ASCII
        self.watch(self.app, "app_focus", self._on_terminal_focus, init=False)
        self.keep_shown()

    def on_unmount(self) -> None:
        self._uri = None
        self._forget()

    def _on_terminal_focus(self, focused: bool) -> None:
        if not self.is_attached:
            return
        if not focused:
            self.redact()
        elif self.redacted:
            self._take_focus()

    def watch_redacted(self, redacted: bool) -> None:
        if not self.is_attached:
            return
        self._forget()
        self.can_focus = redacted
        if redacted:
            if self.app.app_focus:
                self._take_focus()
        else:
            self.keep_shown()
            if self.has_focus:
                self.screen.set_focus(self._focus_before)
            self._focus_before = None
        self.post_message(self.Concealed(self, redacted))

    def _take_focus(self) -> None:
        if self.screen.focused is not self:
            self._focus_before = self.screen.focused
            self.screen.set_focus(self, scroll_visible=False)

    def on_key(self, event: events.Key) -> None:
        if self.redacted:
            event.stop()
            event.prevent_default()
            self.reveal()

    def on_click(self, event: events.Click) -> None:
        if self.redacted:
            event.stop()
            self.reveal()

    # ---- drawing ---------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._planned = self._note = None

    def _plan(self, columns: int, rows: int) -> QrPlan | DoesNotFit:
        key = (columns, rows, self.form, self.inverted)
        if self._planned is None or self._planned[0] != key:
            uri = "" if self._uri is None else self._uri.reveal()
            self._planned = key, fit(uri, rows, columns, form=self.form, invert=self.inverted)
        return self._planned[1]

    def get_content_width(self, container: Size, viewport: Size) -> int:
        plan = self._plan(container.width, container.height)
        return plan.columns if isinstance(plan, QrPlan) else min(container.width, _NOTE_WIDTH)

    def render_line(self, y: int) -> Strip:
        if self.redacted:
            return self._note_line(HIDDEN, y)
        plan = self._plan(*self.size)
        if isinstance(plan, DoesNotFit):
            return self._note_line(self._what_is_missing(plan), y)
        return code_strip(plan, y) if y < plan.rows else Strip.blank(self.size.width, self.rich_style)

    def _what_is_missing(self, plan: DoesNotFit) -> str:
        # The user enlarges the window, not this widget: add the space that its surroundings need.
        window, here = self.app.size, self.size
        around_y, around_x = window.height - here.height, window.width - here.width
        return str(
            DoesNotFit(plan.needs_rows + around_y, plan.needs_columns + around_x, window.height, window.width)
            if plan.needs_rows > here.height
            else DoesNotFit(0, plan.needs_columns + around_x, window.height, window.width)
        )

    def _note_line(self, text: str, y: int) -> Strip:
        width = self.size.width
        style = self.rich_style
        if self._note is None or self._note[0] != (text, width, style):
            lines = [f" {line.plain}" for line in Content(text).wrap(max(1, width - 2))]
            strips = [Strip([Segment(line, style)]).adjust_cell_length(width, style) for line in lines]
            self._note = (text, width, style), strips
        at = y - max(0, (self.size.height - len(self._note[1])) // 2)
        strips = self._note[1]
        return strips[at] if 0 <= at < len(strips) else Strip.blank(width, style)


def _colours(cell: Cell) -> tuple[bool, bool]:
    return cell.ink, cell.paper


def code_strip(plan: QrPlan, y: int) -> Strip:
    """Return one row of the code in black and white, protected from themes, filters and colour depth."""
    runs = groupby(plan.cells[y], key=_colours)
    return Strip(
        [Segment("".join(cell.character for cell in run), _STYLES[colours]) for colours, run in runs], plan.columns
    )
