"""The file that new passwords of a job go to, and how it is asked for."""

from __future__ import annotations

import asyncio
from datetime import datetime

from secconsole.config.password_file import PasswordFile
from secconsole.domain.errors import Conflict
from secconsole.tui.console import capturing
from secconsole.tui.runtime.private_file import open_new, own_home
from secconsole.tui.screens.secret_once import free_path, from_home
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.widgets.form_fields import Button, TextField, cancel

ENDING = ".txt"


def file_field(tenant: str, now: datetime) -> TextField:
    return TextField(
        name="path",
        label="File",
        needed=True,
        value=from_home(free_path(f"passwords-{tenant}", ENDING, f"{now.astimezone():%Y%m%d-%H%M%S}")),
        max_length=1000,
        help="Must be new. Only you can read it.",
    )


async def new_list(values: Values, tenant: str, now: datetime) -> PasswordFile:
    """Create the list that was asked for, or raise `Invalid` for its field."""
    if capturing.get():
        raise Conflict("A list of passwords has no command.")
    path, file = await asyncio.to_thread(open_new, str(values["path"]), ENDING, own_home())
    return await asyncio.to_thread(PasswordFile, path, file, tenant, now)


class ListDialog(SubmitDialog["PasswordFile | None"]):
    """Asks for the file that a job continues with, and returns its list."""

    has_command = False

    def __init__(self, tenant: str, now: datetime) -> None:
        self._tenant, self._now = tenant, now
        body = "The new passwords of this job go to a list. Those that are left go to another file."
        buttons = [cancel(), Button("go", "Go on")]
        super().__init__("List of passwords", body, [file_field(tenant, now)], buttons, focus="path")

    async def submit(self, button: str, values: Values) -> PasswordFile:
        return await new_list(values, self._tenant, self._now)
