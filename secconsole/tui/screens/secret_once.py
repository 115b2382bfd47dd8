"""Secrets that are shown once, and not left before somebody said that they are saved."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual.content import Content

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.tui.clipboard import SENT
from secconsole.tui.key_order import KeyHold
from secconsole.tui.new_file import own_home, write_secret
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.secret_dialog import HIDDEN, HIDE_AFTER, SecretDialog
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, TextField, cancel

SAVED = "saved"
_WHOLE = 22  # rows of a window in which all of it is in sight
_LONGEST = 100  # signs of a name that is suggested


class SaveDialog(DoingDialog["Path | None"]):
    """Writes a secret to a new file, and answers where it is."""

    def __init__(self, text: Secret[str], suggested: Path) -> None:
        self._text: Secret[str] | None = text
        self._ending = suggested.suffix
        field = TextField(
            name="path", label="File", needed=True, value=from_home(suggested), max_length=1000,
            help=f"The name ends in {self._ending}; a file that is there stays.",
        )  # fmt: skip
        body = "It is written on the machine that this console runs on; only you can read it."
        super().__init__("Save to a file", body, [field], [cancel(), Button("write", "Save")], focus="path")

    def on_unmount(self) -> None:
        self._text = None

    async def do(self, button: str, values: Values) -> Path | None:
        if self._text is None:
            return None
        return await asyncio.to_thread(write_secret, str(values["path"]), self._ending, self._text)


class ShownOnceDialog(SecretDialog[bool]):
    """Shows a secret that is not shown again; True once it is said to be saved, which is the only way out.

    Saving to a file and copying say so, too. With `freely` it may be left at any time: it can be looked at again.
    """

    cancelled = False
    TICK: ClassVar[str]
    NOT_YET: ClassVar[str]

    def __init__(self, title: str, suggested: Path, *, freely: bool = False, hide_after: float = HIDE_AFTER) -> None:
        buttons = [
            Button("file", "Save to a file"), Button("copy", "Copy"), Button("hide", "Hide"), Button("done", "Done"),
        ]  # fmt: skip
        fields = [] if freely else [CheckField(name=SAVED, label="", text=self.TICK)]
        focus = "done" if freely else SAVED
        super().__init__(title, fields, buttons, focus=focus, hide_after=hide_after)
        self._suggested = suggested
        self._freely = freely
        self._said = ""

    # ---- what subclasses say ---------------------------------------------------------------------------------------

    def words(self, *, shown: bool) -> list[Content]:
        """The secret, or bullets in its room, and what there is to say of it."""
        raise NotImplementedError

    def to_copy(self) -> Secret[str]:
        """What goes to the clipboard."""
        raise NotImplementedError

    def to_write(self) -> Secret[str]:
        """What goes into a file."""
        raise NotImplementedError

    def on_resize(self) -> None:
        self.say()

    def say(self) -> None:
        hidden = "" if self.shown else HIDDEN
        below = " ".join(part for part in (self._said, hidden) if part)  # where it was written is said all the same
        if not below and self.app.size.height < _WHOLE:
            below = "pgup and pgdn show the rest."
        self.set_body(lines(*self.words(shown=self.shown), "", below))

    # ---- saving and leaving ----------------------------------------------------------------------------------------

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.keep_shown()
        if event.button == "hide":
            self.toggle()
        elif event.button == "copy":
            self.app.copy_to_clipboard(self.to_copy().reveal())
            self._saved(f"{SENT}. Paste it somewhere to be sure.")
        elif event.button == "file":
            self.run_worker(self._write(self.app.hold_keys()), exit_on_error=False)
        else:
            self._leave()

    async def _write(self, hold: KeyHold) -> None:
        async with hold:
            path = await self.app.ask(SaveDialog(self.to_write(), self._suggested))
        self.keep_shown()
        if path is not None:
            self._saved(f"Written to {from_home(path)}. Only you can read it.")

    def _saved(self, said: str) -> None:
        self._said = said
        self.form.clear_errors()
        if not self._freely:
            self.form.set_value(SAVED, True)
        self.form.focus_field("done")
        self.say()

    def action_cancel(self) -> None:
        """Escape does not lose it either."""
        self._leave()

    def _leave(self) -> None:
        if self._freely or self.form.values[SAVED]:
            self.dismiss(True)
        else:
            self.form.set_error(SAVED, self.NOT_YET)


def free_path(name: str, ending: str, stamp: str) -> Path:
    """A file in one's home that is not there yet: with the time in its name where the plain one is taken."""
    plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in visible(name))[:_LONGEST]
    path = own_home() / f"{plain}{ending}"
    taken = path.exists() or path.is_symlink()
    return path.with_name(f"{plain}-{stamp}{ending}") if taken else path


def from_home(path: Path) -> str:
    """A path as people write it: `~/codes.txt` for what is in one's home."""
    home = own_home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def bullets(text: str) -> str:
    """What hides a text: as long as it, dashes where it has them."""
    return "".join(c if c == "-" else "•" for c in text)
