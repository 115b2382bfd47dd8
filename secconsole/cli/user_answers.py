"""Results of commands that change one user, and their effect before that."""

from __future__ import annotations

from secconsole.cli.command_context import CommandContext
from secconsole.cli.confirm import Affected, Effect, pluralize
from secconsole.cli.output import Column
from secconsole.operations.users import UserChanged, UserDetail, UserRow

COLUMNS: list[Column[UserRow]] = [
    Column("id", lambda u: u.id, "Id"),
    Column("login", lambda u: u.login),
    Column("name", lambda u: u.name),
    Column("email", lambda u: u.email, "E-mail"),
    Column("phone", lambda u: u.phone),
    Column("role", lambda u: u.role),
    Column("status", lambda u: u.status),
    Column("flags", lambda u: u.flags),
    Column("factors", lambda u: u.factors),
    Column("last_sign_in", lambda u: u.last_sign_in),
    Column("mfa_required", lambda u: u.mfa_required, "Required"),
    Column("locked_for", lambda u: u.locked_for, "Locked for"),
]


def user_effect(found: UserDetail, what: str, change: str, *, ends: bool = True) -> Effect:
    """Return the effect on a user, with the number of sessions and tokens that end."""
    user, sessions, tokens = found.user, found.sessions if ends else 0, found.tokens if ends else 0
    named = f"{user.login} ({user.name})" if user.name else user.login
    words = f"{named} {what}. {pluralize(sessions, 'session')} and {pluralize(tokens, 'token')} end."
    return Effect(words, [Affected("user", user.id, user.login, user.name, change, sessions, tokens)])


def answer_user(context: CommandContext, changed: UserChanged) -> None:
    context.out.record(COLUMNS, changed.user, reply=changed)
