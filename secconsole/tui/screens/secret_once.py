"""Secrets that are shown once, until the user confirms that they are saved."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual.content import Content

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.tui.runtime.clipboard import SENT
from secconsole.tui.runtime.key_queue import KeyHold
from secconsole.tui.runtime.private_file import own_home, write_secret
from secconsole.tui.screens.secret_dialog import HIDDEN, HIDE_AFTER, SecretDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, TextField, cancel

SAVED = "saved"
_WHOLE = 22  # rows of a window that shows all of it
_LONGEST = 100  # characters of a suggested name


class SaveDialog(SubmitDialog["Path | None"]):
    """Writes a secret to a new file and returns its path."""

    has_command = False

    def __init__(self, text: Secret[str], suggested: Path) -> None:
        self._text: Secret[str] | None = text
        self._ending = suggested.suffix
        field = TextField(
            name="path",
            label="File",
            needed=True,
            value=from_home(suggested),
            max_length=1000,
            help=f"The name ends in {self._ending}; existing files are kept.",
        )
        body = "The file is written on the machine that runs this console; only you can read it."
        super().__init__("Save to a file", body, [field], [cancel(), Button("write", "Save")], focus="path")

    def on_unmount(self) -> None:
        self._text = None

    async def submit(self, button: str, values: Values) -> Path | None:
        if self._text is None:
            return None
        return await asyncio.to_thread(write_secret, str(values["path"]), self._ending, self._text)


class SecretOnceDialog(SecretDialog[bool]):
    """Shows a secret that cannot be shown again.

    Returns True once saving it is confirmed, which is the only way out. Saving to a file and copying confirm it too.
    With `freely` it may be left at any time, as it can be looked at again.
    """

    cancelled = False
    AUTO_FOCUS = ""
    TICK: ClassVar[str]
    NOT_YET: ClassVar[str]

    def __init__(self, title: str, suggested: Path, *, freely: bool = False, hide_after: float = HIDE_AFTER) -> None:
        buttons = [
            Button("file", "Save to a file"),
            Button("copy", "Copy"),
            Button("hide", "Hide"),
            Button("done", "Done", main=True),
        ]
        fields = [] if freely else [CheckField(name=SAVED, label="", text=self.TICK)]
        focus = "done" if freely else SAVED
        super().__init__(title, fields, buttons, focus=focus, hide_after=hide_after)
        self._suggested = suggested
        self._freely = freely
        self._message = ""

    def on_mount(self) -> None:
        super().on_mount()
        self.focus_from_top()

    # ---- texts of subclasses ---------------------------------------------------------------------------------------

    def words(self, *, shown: bool) -> list[Content]:
        """Return the secret, or bullets in its place, with its explanation."""
        raise NotImplementedError

    def to_copy(self) -> Secret[str]:
        """Return the text for the clipboard."""
        raise NotImplementedError

    def to_write(self) -> Secret[str]:
        """Return the text for a file."""
        raise NotImplementedError

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        hidden = "" if self.shown else HIDDEN
        below = " ".join(part for part in (self._message, hidden) if part)  # the path of the file is reported anyway
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

    def _saved(self, message: str) -> None:
        self._message = message
        self.form.clear_errors()
        if not self._freely:
            self.form.set_value(SAVED, True)
        self.form.focus_field("done")
        self.redraw()

    def action_cancel(self) -> None:
        """Keep the secret on Escape too."""
        self._leave()

    def _leave(self) -> None:
        if self._freely or self.form.values[SAVED]:
            self.dismiss(True)
        else:
            self.form.set_error(SAVED, self.NOT_YET)


def free_path(name: str, ending: str, stamp: str) -> Path:
    """Return a path in the user's home that does not exist yet, with a timestamp if the plain name is taken."""
    plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in visible(name))[:_LONGEST]
    path = own_home() / f"{plain}{ending}"
    taken = path.exists() or path.is_symlink()
    return path.with_name(f"{plain}-{stamp}{ending}") if taken else path


def from_home(path: Path) -> str:
    """Return a path as people write it: `~/codes.txt` below their home."""
    home = own_home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def bullets(text: str) -> str:
    """Return bullets in the shape of a text, dashes kept."""
    return "".join(c if c == "-" else "•" for c in text)
