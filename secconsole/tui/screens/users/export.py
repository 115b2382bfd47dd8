"""Export of the users found, in the order of the list, with phone numbers masked as they are shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import fields, replace

from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.users.search import filter_text
from secconsole.operations.users import ListUsers, UserRow
from secconsole.tui.actions import Action
from secconsole.tui.screens.list_export import export_list
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.widgets.user_source import UserSource

COLUMNS = tuple(field.name for field in fields(UserRow))


async def export_users(place: UsersPlace) -> None:
    """Export what the search finds."""
    source: UserSource = place.source

    async def masked() -> AsyncIterator[Sequence[UserRow]]:
        async for users in source.all_users():
            yield [replace(user, phone=masked_phone(user.phone)) for user in users]

    found = filter_text(source.query.filter)
    which = f"The users found by {found}" if found else "All users"
    what = f"{which}, in the order of the list. Phone numbers are masked."
    await export_list(place, "Export users", what, "users", COLUMNS, masked)


ACTION = Action(
    "users.export",
    "Export",
    "E",
    "Write the users found, in this order, to a CSV or JSON file that only you can read.",
    ListUsers,
    priority=9,
    command="secconsole user list --search TEXT --all --format csv > FILE",
    run=export_users,
)
