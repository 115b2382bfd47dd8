"""Opening the store behind the sign-in form, which is already up and takes keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.config import locations
from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.tui.sign_in.card import SignInCancelled
from secconsole.tui.text.safe import join, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button

if TYPE_CHECKING:
    from secconsole.tui.console import Console
    from secconsole.tui.sign_in.card import SignInCard


class NotOpened(Exception):
    """The store could not be opened.

    The cause is the exception's own.
    """

    def __init__(self, error: SecconsoleError) -> None:
        super().__init__()
        self.error = error


async def open_local_store(card: SignInCard) -> None:
    """Open the store and find out if the organisation has to be asked for.

    Raise `NotOpened` on failure.
    """
    app = card.app
    try:
        if app.local and _is_empty():
            raise Unavailable(f"There is no store yet at {locations.database_path()}.")
        if not app.has_backend:
            app.backend = await app.opener()
        app.live.probe()
        await _find_tenant(card)
    except SecconsoleError as error:
        card.interrupt(NotOpened(error))
        raise NotOpened(error) from None
    card.set_title()


def can_set_up(app: Console) -> bool:
    """Return True if a store can be created in this home."""
    return app.local and not app.read_only and _is_empty()


async def say_not_opened(card: SignInCard, error: SecconsoleError) -> None:
    """Show what to do until the user tries again.

    Leaving exits with the code of the error.
    """
    missing = card.app.local and _is_empty()
    what = "store" if card.app.local else "server"
    card.set_title("no store yet" if missing else f"the {what} cannot be opened")
    card.show_message(_make_one(error.message) if missing else error.message, bad=not missing)
    while True:
        await card.put(Form([], [Button("leave", "Leave"), Button("again", "Try again")], focus="again"))
        try:
            entry = await card.entered()
        except SignInCancelled:
            continue
        break
    if isinstance(entry, Mapping) and entry["button"] == "leave":
        card.app.exit(error.exit_code)


def _is_empty() -> bool:
    """Return True if this home has no store and no key, which would belong to a backup or to a store in a database."""
    return not locations.database_path().exists() and not locations.key_path().exists()


async def _find_tenant(card: SignInCard) -> None:
    """Return the only tenant, which need not be asked for, if there is just one."""
    app = card.app
    if app.home_tenant:
        return
    names = []
    if app.local:
        from secconsole.backends.owner import tenants_here

        names = await tenants_here(app.backend)
    if len(names) == 1:
        app.home_tenant = names[0]
    else:
        await card.ask_organisation()


def _make_one(message: str) -> Content:
    return lines(
        message,
        "",
        "To set up your own organisation:",
        join("  ", ("secconsole init --tenant NAME --admin LOGIN", "bold")),
        "To look around first, with invented people:",
        join("  ", ("secconsole demo", "bold")),
    )
