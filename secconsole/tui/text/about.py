"""Text of a dialog about one user: who it is, which stays in sight, and the rest, which may be scrolled away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from textual.content import Content

from secconsole.operations.users import LookAlike, UserDetail, UserRow
from secconsole.tui.text.format import glyph
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.text.users import doubts


class About(NamedTuple):
    """The user that a dialog acts on, and its text."""

    who: Content
    text: Content


class Named(Protocol):
    """A user as lists, details and previews have it."""

    @property
    def id(self) -> str: ...
    @property
    def login(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def role(self) -> object: ...


def who(user: Named, suspicions: Sequence[str] = (), look_alikes: Sequence[LookAlike] = ()) -> Content:
    """Return login, name, role and id of a user, and what they can be mistaken for."""
    return lines(
        join((user.login, "bold"), "   ", user.name, "   ", (str(user.role), "$muted")),
        (f"id {user.id}", "$muted"),
        *((f"{glyph('warning')} {doubt}", "$status-pending") for doubt in doubts(suspicions, look_alikes)),
    )


def about(user: UserRow | UserDetail, *parts: Part) -> About:
    """Return who a user is, and the lines of the dialog's text.

    Pass the details where they are known: they tell of look-alikes.
    """
    if isinstance(user, UserDetail):
        return About(who(user.user, user.suspicions, user.look_alikes), lines(*parts))
    return About(who(user), lines(*parts))
