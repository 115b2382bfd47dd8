"""Opening the store behind the sign-in form, which stands already and takes keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.config import locations
from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.operations.caller import Nobody
from secconsole.tui.safe_text import join, lines
from secconsole.tui.screens.sign_in import LeftOff
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole
    from secconsole.tui.screens.sign_in import SignInScreen


class NotOpened(Exception):
    """The store could not be opened, and why."""

    def __init__(self, error: SecconsoleError) -> None:
        super().__init__()
        self.error = error


async def open_store(screen: SignInScreen) -> None:
    """Open it, and find out whether the organisation has to be asked for; raises `NotOpened`."""
    app = screen.app
    try:
        if app.local and not locations.database_path().exists():
            raise Unavailable(f"There is no store yet at {locations.database_path()}.")
        if not app.has_backend:
            app.backend = await app.opener()
        app.live.greet()
        await _find_tenant(screen)
    except SecconsoleError as error:
        screen.interrupt(NotOpened(error))
        raise NotOpened(error) from None
    screen.set_title()


async def say_not_opened(screen: SignInScreen, error: SecconsoleError) -> None:
    """Say what to do until somebody wants to try again; whoever leaves gets the code of what was wrong."""
    missing = screen.app.local and not locations.database_path().exists()
    what = "store" if screen.app.local else "server"
    screen.set_title("no store yet" if missing else f"the {what} cannot be opened")
    screen.say(_make_one(error.message) if missing else error.message, bad=not missing)
    while True:
        await screen.put(Form([], [Button("leave", "Leave"), Button("again", "Try again")], focus="again"))
        try:
            entry = await screen.entered()
        except LeftOff:
            continue
        break
    if isinstance(entry, Mapping) and entry["button"] == "leave":
        screen.app.exit(error.exit_code)


async def _find_tenant(screen: SignInScreen) -> None:
    """The only tenant there is need not be asked for."""
    app = screen.app
    if app.home_tenant:
        return
    names = await _known_tenants(app) if app.local else []
    if len(names) == 1:
        app.home_tenant = names[0]
    else:
        await screen.ask_organisation()


async def _known_tenants(app: SecConsole) -> list[str]:
    from secconsole.backends.embedded import store_owner
    from secconsole.operations.tenants import ListTenants

    owner = store_owner()
    if owner is None:
        return []
    backend = app.backend
    backend.credential = owner
    try:
        return [tenant.name for tenant in (await backend.perform(ListTenants())).items]
    finally:
        backend.credential = Nobody()


def _make_one(message: str) -> Content:
    return lines(
        message,
        "",
        "To begin with your own organisation:",
        join("  ", ("secconsole init --tenant NAME --admin LOGIN", "bold")),
        "To look around first, among invented people:",
        join("  ", ("secconsole demo", "bold")),
    )
