"""Options of the console for its first place after the sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_USER
from secconsole.domain.users.search import parse_search

LONGEST_FILTER = 200


class StartPlace(StrEnum):
    """Name of a place, as `--place` takes it."""

    OVERVIEW = "overview"
    USERS = "users"
    WHITELIST = "whitelist"
    SETTINGS = "settings"
    AUDIT = "audit"
    INCIDENT = "incident"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class StartAt:
    """A user to find, a filter of the users, or a place.

    At most one of them is given.
    """

    user: str = ""
    filter: str = ""
    place: str = ""

    def __bool__(self) -> bool:
        return bool(self.user or self.filter or self.place)


def start_at(user: str | None, filter: str | None, place: str | None) -> StartAt:
    """Return where to begin, or raise `Invalid` if that cannot be."""
    if sum(option is not None for option in (user, filter, place)) > 1:
        raise Invalid("Use one of --user, --filter and --place.")
    if user is not None and (not user.strip() or len(user) > LONGEST_USER):
        raise Invalid("--user needs a login or an id.", "user")
    if filter is not None:
        if not filter.strip() or len(filter) > LONGEST_FILTER:
            raise Invalid(f"--filter needs 1 to {LONGEST_FILTER} characters, such as status:unbound.", "filter")
        if problems := parse_search(filter)[1]:
            raise Invalid(f"--filter was not understood: {problems[0]}.", "filter")
    return StartAt((user or "").strip(), (filter or "").strip(), place or "")
