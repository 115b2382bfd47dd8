"""Reset of one user: factors, sessions, tokens, recovery codes and the password in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secconsole.domain.errors import Conflict, NotAllowed
from secconsole.domain.helpdesk import ApprovalKind, PasswordChange
from secconsole.domain.roles import Permission, may
from secconsole.domain.secret import Secret
from secconsole.domain.users.invitation import DAY, USUAL_DAYS
from secconsole.operations.events import USER_RESET
from secconsole.operations.reset import ResetResult, ResetUser
from secconsole.service.authorise import need_permission
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.expiry import UNDO
from secconsole.service.factors import approvals, bypass, caller_checks
from secconsole.service.factors.passwords import one_time_password
from secconsole.service.factors.resets import note_resets, refuse_beyond
from secconsole.service.factors.unbinding import new_event, take_factors_off
from secconsole.service.handlers.users.invitations import mail_first_password, why_no_first_password
from secconsole.service.handlers.users.whitelist import checked_reason
from secconsole.service.outbox.recipients import bound_addresses
from secconsole.service.registry import handles
from secconsole.store import factors, users
from secconsole.store.rows import UserRecord
from secconsole.store.sign_in import recovery, tokens

RESET = "The user was reset."


@dataclass(frozen=True, slots=True)
class _NewPassword:
    """Result of changing the password. `to`: the masked address that it was mailed to."""

    shown: Secret[str] | None = None
    to: str = ""
    until: int = 0


def _new_passwords(context: Context, operation: ResetUser) -> Sequence[Secret[str]]:
    _refuse(context, operation)
    return () if operation.password is PasswordChange.KEEP else (one_time_password(),)


@handles(ResetUser, hashes=_new_passwords)
def reset_user(context: Context, operation: ResetUser) -> ResetResult:
    # As before the hashing: what allows the reset may have been used up in between.
    reason, ticket = _refuse(context, operation)
    room, user, connection = refuse_beyond(context), context.target, context.connection
    live = factors.live_factors(connection, user.pk)
    # Counted first, because `take_factors_off` ends them.
    codes = recovery.count_left(connection, user.pk)
    ended_tokens = tokens.count_live(connection, [user.pk], context.now)
    event = new_event(context, reason, ticket) if live else ""
    ended = take_factors_off(context, user, live, event)
    check, approved = caller_checks.use(context, user), approvals.use(context, user, reason, ticket)
    new, issued = _change_password(context, user, operation.password), None
    if operation.bypass is not None:
        issued = bypass.issue(context, user, bypass.Wanted(reason, ticket, operation.bypass), check, event)
    else:
        bypass.revoke(context, user, RESET)
    verified_by = operation.verified_by.strip()
    verified: dict[str, Any] = {"verified_by": verified_by} if verified_by else {}
    context.audit(
        USER_RESET,
        user,
        former=(user.email, *bound_addresses(live)),
        reason=reason,
        ticket=ticket,
        event=event,
        factors=len(live),
        sessions_ended=ended,
        tokens_ended=ended_tokens,
        recovery_codes=codes,
        password=operation.password,
        to=new.to,
        bypass_ends=issued.until.isoformat() if issued else "",
        **verified,
        **caller_checks.details_of(check),
        **approved,
    )
    return ResetResult(
        user.id,
        user.login,
        len(live),
        ended,
        ended_tokens,
        codes,
        event,
        when(context.now + UNDO) if event else None,
        new.shown,
        new.to,
        when_or_none(new.until),
        issued,
        check,
        str(approved.get("approved_by", "")),
        note_resets(context, room, 1),
    )


def _refuse(context: Context, operation: ResetUser) -> tuple[str, str]:
    """Return reason and ticket, or raise what keeps the actor from this reset."""
    user, password = context.target, operation.password
    reason, ticket = checked_reason(operation.reason), operation.ticket.strip()
    if password is PasswordChange.SHOW:
        need_permission(context, Permission.MANAGE_USERS)
    refuse_beyond(context)
    if operation.bypass is not None:
        bypass.refuse_unless_below(context, user)
        if user.disabled:
            raise Conflict(f"{user.login} is disabled and cannot sign in. Enable the account first.")
    kind = ApprovalKind.UNBIND if password is PasswordChange.KEEP else ApprovalKind.RESET
    if missing := approvals.lacks(context, user, (reason, ticket), kind):
        raise NotAllowed(f"{user.login} was not reset: {missing}")
    if password is PasswordChange.MAIL and (why := why_no_password_mail(context, user)):
        raise Conflict(f"{user.login} was not reset, because no password can be mailed: {why}")
    return reason, ticket


def why_no_password_mail(context: Context, user: UserRecord) -> str:
    """Return why a reset cannot mail a password to a user, empty if it can."""
    recent = caller_checks.is_recent_address(context, user)
    if recent and not may(context.actor.role, Permission.MANAGE_USERS):
        return "The address on record changed in the last 24 hours, perhaps by the caller. Ask an administrator."
    return why_no_first_password(context, user)


def _change_password(context: Context, user: UserRecord, change: PasswordChange) -> _NewPassword:
    if change is PasswordChange.KEEP:
        return _NewPassword()
    hashed, (password,) = context.new_hash, context.passwords
    if change is PasswordChange.SHOW:
        users.change_user(context.connection, user.pk, password_hash=hashed, must_reset=True, password_until=0)
        return _NewPassword(shown=password)
    until = context.now + USUAL_DAYS * DAY
    to = mail_first_password(context, user, password, hashed, until, resets=user.password_hash is not None)
    return _NewPassword(to=to, until=until)
