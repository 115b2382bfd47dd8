"""One's own account."""

from __future__ import annotations

from secconsole.domain.password import check_password
from secconsole.operations.account import ChangePassword, KeepFactor, PasswordChanged
from secconsole.service.context import Context
from secconsole.service.handlers import handles, only_password
from secconsole.service.signin import shortest_password
from secconsole.store import sessions, users


@handles(ChangePassword, hashes=only_password)
def change_password(context: Context, operation: ChangePassword) -> PasswordChanged:
    user = context.own_account
    tenant = context.tenant
    check_password(operation.password, shortest=shortest_password(tenant), login=user.login, tenant=tenant.name)
    users.change_user(context.connection, user.pk, password_hash=context.hashes[0], must_reset=False)
    session = context.actor.session
    ended = sessions.end_sessions(
        context.connection, user.pk, now=context.now, why="password changed", but=session.pk if session else None
    )
    context.audit("password.changed", user, sessions_ended=ended)
    return PasswordChanged(ended)


@handles(KeepFactor)
def keep_factor(context: Context, operation: KeepFactor) -> None:
    user = users.change_user(context.connection, context.own_account.pk, keeps_factor=operation.keep)
    context.audit("account.keep-factor", user, keep=operation.keep)
