"""What a locked console shows: whose session it is, until when, and how it is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from secconsole.domain.errors import Unavailable
from secconsole.tui.safe_text import join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button
from secconsole.tui.words import clock

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

TITLE = "Locked"


class LockScreen(Screen[None]):
    """Covers everything, and asks for password and factor in a dialog; leaving that gives the choice to sign out.

    It says when the session ends, and not how long that is: nothing is drawn while nobody is there.
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
    def app(self) -> SecConsole:  # type: ignore[override]
        return cast("SecConsole", super().app)

    def compose(self) -> ComposeResult:
        yield Static(self._whose(), id="whose")
        card = VerticalScroll(classes="card", can_focus=False)
        card.border_title = TITLE
        with card:
            yield Static(self._how(), classes="lock-body")
            yield Form([], [Button("sign-out", "Sign out"), Button("unlock", "Unlock")], focus="unlock")
        yield Static(id="line")

    def on_mount(self) -> None:
        self.tell_line()
        self.call_later(self._open)

    def _whose(self) -> Content:
        app, lock = self.app, self.app.lock
        me, ends = app.identity, app.live.ends
        since = f" {lock.why}, {clock(lock.since, seconds=False)}" if lock.since is not None else ""
        until = f"The session ends by itself at {clock(ends, seconds=False)}." if ends is not None else ""
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
            safe("Everything is as you left it; typed secrets are forgotten.", "$muted"),
        )

    def tell_line(self) -> None:
        """From the app: there is something else to say about the way to the store."""
        if self.is_mounted:
            line, words = self.query_one("#line", Static), self.app.line.words()
            line.update(safe(words))
            line.display = bool(words)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "sign-out":
            self.app.begin_sign_out()
        else:
            self._open()

    @work(group="lock", exclusive=True, exit_on_error=False)
    async def _open(self) -> None:
        try:
            proved = await self.app.prove_oneself()
        except Unavailable as error:
            self.query_one(".lock-body", Static).update(lines(safe(f"! {error.message}", "$danger")))
            return
        if proved:
            self.app.call_later(self.app.lock.open)  # a screen cannot wait for its own end
