"""Beginning a session where the options of the console say: in a place, at some users, or at one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from secconsole.domain.errors import NotFound
from secconsole.operations.users import ShowUser

if TYPE_CHECKING:
    from secconsole.config.start_at import StartAt
    from secconsole.tui.console import Console


class FindsUsers(Protocol):
    """The Users place as a start sees it."""

    def set_search(self, text: str) -> None: ...
    async def go_to_user(self, id: str) -> None: ...


def place_to_start(app: Console, start: StartAt) -> str:
    """Return the place to begin in, or an empty string after a notice of why it cannot be opened."""
    name = start.place or "users"
    if reason := app.places.why_not(name):
        app.notify_refused(reason)
        return ""
    return name


async def find_start(app: Console, start: StartAt) -> None:
    """Find the users to begin with, in the Users place that is shown."""
    if start.place:
        return
    users = cast(FindsUsers, app.places.latest_shown)
    if start.filter:
        users.set_search(start.filter)
        return
    try:
        user = (await app.perform(ShowUser(tenant=app.tenant, user=start.user))).user
    except NotFound:
        app.notify_refused(f"There is no user {start.user}.")
        users.set_search(start.user)
        return
    users.set_search(user.login)
    await users.go_to_user(user.id)
