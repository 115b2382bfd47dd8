"""The lock screen: whose session it is, when it ends, and how to unlock it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from secconsole.domain.errors import Unavailable
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.text.format import clock
from secconsole.tui.text.safe import join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button

if TYPE_CHECKING:
    from secconsole.tui.console import Console

TITLE = "Locked"
_LEAVING = "Your session ends, and what you have typed in this console and not saved is gone."


class LockScreen(Screen[None]):
    """Covers everything and asks for password and factor in a dialog.

    Cancelling that offers to sign out. It shows the time at which the session ends, not the time left, so that nothing
    is drawn while nobody is there.
    """

    AUTO_FOCUS = "Form"
    DEFAULT_CSS = """
    LockScreen {
        background: $background 100%;
        align: center middle;
        & > #whose { dock: top; height: auto; padding: 0 1; }
        & > #line { dock: bottom; height: auto; padding: 0 1; color: $danger; display: none; }
        & .lock-body { width: 100%; height: auto; margin-bottom: 1; }
    }
    """

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def compose(self) -> ComposeResult:
        yield Static(self._session_owner(), id="whose")
        card = VerticalScroll(classes="card", can_focus=False)
        card.border_title = TITLE
        with card:
            yield Static(self._how(), classes="lock-body")
            yield Form([], [Button("sign-out", "Sign out"), Button("unlock", "Unlock")], focus="unlock")
        yield Static(id="line")

    def on_mount(self) -> None:
        self.refresh_connection()
        self.call_later(self._open)

    def _session_owner(self) -> Content:
        app, lock = self.app, self.app.lock
        me, ends = app.identity, app.live.ends
        since = f" {lock.why}, {clock(lock.since, seconds=False)}" if lock.since is not None else ""
        until = f"The session ends at {clock(ends, seconds=False)}." if ends is not None else ""
        return lines(
            join((TITLE, "bold"), since, "   secconsole · ", (me.tenant, "bold")),
            join((me.login, "bold"), f"   {me.name}" if me.name else "", f"   {me.role}"),
            until,
        )

    def _how(self) -> Content:
        bound = self.app.identity.bound
        what = "your password and second factor" if bound else "your password"
        return lines(
            f"This console is locked. Unlock it with {what}.",
            safe("Everything is as you left it, except for typed secrets, which are cleared.", "$muted"),
        )

    def refresh_connection(self) -> None:
        """Redraw the connection state."""
        if self.is_mounted:
            line, message = self.query_one("#line", Static), self.app.connection.words()
            line.update(safe(message))
            line.display = bool(message)
            if self.app.connection.is_current:
                self._show_message(self._how())

    def _show_message(self, message: Content) -> None:
        self.query_one(".lock-body", Static).update(message)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "sign-out":
            self._leave()
        else:
            self._open()

    @work(group="lock", exclusive=True, exit_on_error=False)
    async def _leave(self) -> None:
        """Sign out once that is confirmed: the button may have the focus by accident."""
        if await self.app.ask(ConfirmDialog("Sign out", _LEAVING, "Sign out", danger=True)):
            self.app.begin_sign_out()

    @work(group="lock", exclusive=True, exit_on_error=False)
    async def _open(self) -> None:
        try:
            proved = await self.app.prove_identity()
        except Unavailable as error:
            self._show_message(safe(f"! {error.message}", "$danger"))
            return
        self._show_message(self._how())
        if proved:
            self.app.call_later(self.app.lock.open)  # a screen cannot wait for its own end
