"""Users named by their e-mail addresses, as lists from other programs have them."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.users.search import UserFilter
from secconsole.operations.whitelist import NotDone
from secconsole.service.context import Context
from secconsole.store import users
from secconsole.store.rows import UserRecord
from secconsole.store.search import user_search

_MOST_NEAR = 500  # users whose addresses contain the one that is looked for


def with_addresses(context: Context, names: Sequence[str]) -> tuple[list[str], list[NotDone]]:
    """Return names with the id of the user in place of each e-mail address, and addresses that several users have.

    A login comes first, since a login can look like an address. An unknown address is left as it is.
    """
    maybe = [name for name in names if "@" in name]
    logins = users.users_by_name(context.connection, context.tenant.pk, maybe) if maybe else {}
    found: list[str] = []
    shared: list[NotDone] = []
    for name in names:
        owners = _owners(context, name) if "@" in name and name not in logins else []
        if len(owners) > 1:
            shared.append(NotDone(name, name, f"{len(owners)} users have that address. Use their logins."))
        else:
            found.append(owners[0].id if owners else name)
    return found, shared


def _owners(context: Context, address: str) -> list[UserRecord]:
    wanted = address.strip().casefold()
    near = user_search.matching_users(
        context.connection, context.tenant.pk, UserFilter(words=(wanted,)), context.now, _MOST_NEAR
    )
    return [user for user in near if user.email.casefold() == wanted]
