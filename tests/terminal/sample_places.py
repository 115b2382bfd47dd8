"""A sample app for tests of the runtime: rows, a dialog, toasts, a crash, work that holds the keys."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from secconsole.domain.secret import Secret
from secconsole.tui.runtime.base_app import ConsoleApp
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, ChoiceField, ReadOnly, TextField, cancel

NAMES = ["ana", "björn", "Čeněk", "дима", "李小龍", "e\u0301va", "⚠ look-alike", "[b]not bold[/b]", "\x1b]0;pwn\x07"]


class Dialog(ModalScreen[str]):
    def compose(self) -> ComposeResult:
        form = Form(
            [
                ReadOnly(name="who", label="Who", value="marek.novak"),
                TextField(name="reason", label="Reason", needed=True, help="Kept in the audit"),
                ChoiceField(name="tell", label="Tell", options=[("mail", "by mail"), ("no", "nobody")]),
                CheckField(name="end", label="Sessions", text="end them now", value=True),
            ],
            [cancel(), Button("unbind", "Unbind", danger=True)],
            classes="card -danger",
        )
        form.border_title = "Unbind 1 user"
        yield form

    def on_form_cancelled(self) -> None:
        self.dismiss("cancelled")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        self.dismiss(f"{event.button}: {event.values['reason']}")


class Place(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "dialog", "Dialog"),
        Binding("s", "slow", "Slow dialog"),
        Binding("t", "toast", "Toast"),
        Binding("c", "crash", "Crash"),
        Binding("w", "worker", "Worker"),
        Binding("x", "why", "Why"),
        Binding("y", "copy", "Copy"),
        Binding("a", "ask", "Ask"),
    ]

    def compose(self) -> ComposeResult:
        yield Static(safe(" the place "), classes="band")
        yield OptionList(*(Option(safe(f"{i:4} {NAMES[i % len(NAMES)]}")) for i in range(200)))
        yield Static(safe("ready"), id="said")

    def say(self, text: str | None) -> None:
        self.query_one("#said", Static).update(safe(f"said {text}"))

    def action_dialog(self) -> None:
        self.app.push_screen(Dialog(), self.say)

    def action_slow(self) -> None:
        hold = self.app.hold_keys()  # type: ignore[attr-defined]

        async def work() -> None:
            async with hold:
                await asyncio.sleep(0.2)
                await self.app.push_screen(Dialog(), self.say)

        self.run_worker(work())

    def action_ask(self) -> None:
        hold = self.app.hold_keys()  # type: ignore[attr-defined]

        async def work() -> None:
            async with hold:
                await asyncio.sleep(0.1)
                self.say(await self.app.push_screen_wait(Dialog()))

        self.run_worker(work())

    def action_toast(self) -> None:
        self.notify("[b]x[/b] \x1b]52;c;eA==\x07 [@click=app.crash]y[/]", title="[/]")

    def action_why(self) -> None:
        self.app.notify_refused("Already unbound at 09:12. Press x to undo.")  # type: ignore[attr-defined]

    def action_copy(self) -> None:
        self.app.copy_to_clipboard("JBSW Y3DP")

    def action_crash(self) -> None:
        seed = "CANARYSEED" + "JBSWY3DP"
        wrapped = Secret(seed)
        raise ValueError(f"bad {seed} {wrapped}")

    def action_worker(self) -> None:
        async def work() -> None:
            raise LookupError("CANARYSEEDJBSWY3DP")

        self.run_worker(work(), exit_on_error=False)


class Sample(ConsoleApp):
    CSS = "OptionList { height: 1fr; border: none; background: $background; } Static { height: 1; }"

    def on_mount(self) -> None:
        self.push_screen(Place())

    def on_unmount(self) -> None:
        if mark := os.environ.get("SAMPLE_MARK"):
            Path(mark).write_text("unmounted")
