"""Selection of a job's users, by name or by a filter, and how it is described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secconsole.domain.errors import Invalid, NotFound
from secconsole.domain.users.search import filter_text, parse_search
from secconsole.service.context import Context
from secconsole.service.handlers.users.user_fields import check_words
from secconsole.store import users
from secconsole.store.rows import UserRecord
from secconsole.store.search import user_search

_INCOMPLETE = ("status:", "role:", "is:", "flag:", "factor:")  # while typing a search, they match all users


@dataclass(frozen=True, slots=True)
class Selected:
    """Distinct users of a job in the order of their names or logins, and names that nobody has."""

    users: list[UserRecord]
    unknown: list[str]
    words: str


def select(context: Context, names: Sequence[str], line: str | None, most: int) -> Selected:
    """Return the users that a request for a job chooses, or raise if it chooses nobody or too many."""
    if bool(names) == (line is not None):
        raise Invalid("Choose the users either by name or by a filter.", "users")
    if line is None:
        return _named(context, names)
    wanted, problems = parse_search(line)
    problems += [f"{part}: a value is missing" for part in line.split() if part in _INCOMPLETE]
    if problems:
        raise Invalid(f"The filter was not understood: {problems[0]}.", "filter")
    check_words(wanted.words)
    found = user_search.matching_users(context.connection, context.tenant.pk, wanted, context.now, most + 1)
    if not found:
        raise NotFound("No users match the filter.")
    if len(found) > most:
        raise Invalid(f"More than {most:,} users match. Narrow the filter, and start several jobs.", "filter")
    return Selected(found, [], filter_text(wanted) or "all users")


def _named(context: Context, names: Sequence[str]) -> Selected:
    found = users.users_by_name(context.connection, context.tenant.pk, names)
    chosen: dict[int, UserRecord] = {}
    unknown: list[str] = []
    for name in dict.fromkeys(names):
        if name in found:
            chosen.setdefault(found[name].pk, found[name])
        else:
            unknown.append(name)
    count = len(chosen) + len(unknown)
    return Selected(list(chosen.values()), unknown, f"{count:,} named" if count != 1 else "1 named")
