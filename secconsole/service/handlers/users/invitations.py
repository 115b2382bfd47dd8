"""Invitations: who gets a first-time password, and the mail with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from secconsole.delivery.texts import invitation_message, reset_message
from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.limits import LONGEST_INVITATION, MOST_INVITED
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import address_key, mail_address, masked_mail
from secconsole.domain.messages.sending import CapSubject, length_words
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.domain.users.invitation import DAY, why_not_invited, why_not_reset
from secconsole.operations.base import Spec
from secconsole.operations.events import USER_INVITED, USER_PASSWORD_MAILED, utc_words
from secconsole.operations.invitations import (
    InvitationPreview,
    InvitationResult,
    Invited,
    InviteUsers,
    PreviewInvitation,
)
from secconsole.operations.whitelist import NotDone
from secconsole.service.context import Context, when
from secconsole.service.expiry import invitation_attempt
from secconsole.service.factors.passwords import one_time_password
from secconsole.service.handlers.users.role_rules import has_own_password
from secconsole.service.outbox.queue import Request, can_send, free_at, post, room_of
from secconsole.service.registry import handles
from secconsole.store import outbox, users
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sign_in import sessions

NO_MAIL = "Mail is not set up here, so nobody can be invited. Set it up first: secconsole delivery set-smtp"
DAYS_LIMIT = "The day's limit on invitations is reached. Try again in 24 h at most."
_CHANGED = "Something has changed in the meantime. Invite this user again."


@dataclass(slots=True)
class _Hashed:
    """Internal keys of the users who are given the first-time passwords, in the order of these."""

    users: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Users who can be invited now, and the others with reasons. `room`: how many mails the day's limit allows."""

    users: list[UserRecord]
    failed: list[NotDone]
    room: int


@handles(PreviewInvitation)
def preview_invitation(context: Context, operation: PreviewInvitation) -> InvitationPreview:
    chosen = choose_invited(context, operation.users, operation.spec)
    return InvitationPreview(
        invited=tuple(_invited(user) for user in chosen.users),
        again=sum(user.password_until != 0 for user in chosen.users),
        failed=tuple(chosen.failed),
        room=chosen.room,
        mails=can_send(context, context.tenant, FactorKind.EMAIL),
    )


async def _nobody_yet(operation: InviteUsers, tenant: TenantRow) -> _Hashed:
    return _Hashed()


def _first_passwords(context: Context, operation: InviteUsers) -> Sequence[Secret[str]]:
    chosen = _choose_or_refuse(context, operation)
    assert isinstance(context.prepared, _Hashed)
    context.prepared.users = [user.pk for user in chosen.users]
    return [one_time_password() for _ in chosen.users]


@handles(InviteUsers, prepare=_nobody_yet, hashes=_first_passwords)
def invite_users(context: Context, operation: InviteUsers) -> InvitationResult:
    chosen = _choose_or_refuse(context, operation)
    assert isinstance(context.prepared, _Hashed)
    made = dict(zip(context.prepared.users, zip(context.passwords, context.hashes, strict=True), strict=True))
    until, invited, failed = context.now + operation.days * DAY, list[Invited](), chosen.failed
    with context.entries_together():
        for user in chosen.users:
            # Users who can be invited only since the hashing have no password.
            if user.pk in made:
                give_first_password(context, user, *made[user.pk], until)
                invited.append(_invited(user))
            else:
                failed.append(NotDone(user.id, user.login, _CHANGED))
    context.unchanged = not invited
    return InvitationResult(tuple(invited), tuple(failed), when(until) if invited else None)


def give_first_password(
    context: Context, user: UserRecord, password: Secret[str], hashed: str, until: int, *, resets: bool = False
) -> None:
    """Give a user a first-time password that replaces an earlier one, with everything that was begun with that.

    `resets`: it replaces a password that the user chose.
    """
    why = "password reset" if resets else "invited"
    ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why=why)
    to = mail_first_password(context, user, password, hashed, until, resets=resets)
    if resets:
        context.audit(USER_PASSWORD_MAILED, user, to=to, until=until, sessions_ended=ended)
    else:
        context.audit(USER_INVITED, user, to=to, until=until)


def mail_first_password(
    context: Context, user: UserRecord, password: Secret[str], hashed: str, until: int, *, resets: bool
) -> str:
    """Store a first-time password, put the mail with it into the outbox, and return the masked address."""
    request, tenant = _request(context, user), context.tenant
    change = {"password_hash": hashed, "must_reset": True, "password_until": until}
    user = users.change_user(context.connection, user.pk, **change)
    # A mail that still waits has a password that no longer works.
    outbox.void(context.connection, request.attempt, context.now)
    make_message = reset_message if resets else invitation_message
    message = make_message(request.to, password, tenant=tenant, login=user.login, until=utc_words(when(until)))
    post(context, request, message, expires=until)
    return request.masked


def why_no_first_password(context: Context, user: UserRecord) -> str:
    """Return why no first-time password can be mailed to a user now in place of any other, empty if one can."""
    if why := why_not_reset(disabled=user.disabled, email=user.email):
        return why
    if not can_send(context, context.tenant, FactorKind.EMAIL):
        return NO_MAIL
    if not room_of(context, FactorKind.EMAIL, Purpose.INVITATION)[0]:
        return DAYS_LIMIT
    return why_not_mailed(context, user)


def _choose_or_refuse(context: Context, operation: InviteUsers) -> _Chosen:
    """Choose the users, or raise what prevents inviting anybody."""
    if len(operation.users) > MOST_INVITED:
        raise Invalid(f"At most {MOST_INVITED} users at once.", "users")
    if not 1 <= operation.days <= LONGEST_INVITATION:
        raise Invalid(f"A first-time password is valid for 1 to {LONGEST_INVITATION} days.", "days")
    if not can_send(context, context.tenant, FactorKind.EMAIL):
        raise Conflict(NO_MAIL)
    return choose_invited(context, operation.users, operation.spec)


def choose_invited(context: Context, names: Sequence[str], spec: Spec) -> _Chosen:
    targets, failed = context.targets(names, spec)
    room, free = room_of(context, FactorKind.EMAIL, Purpose.INVITATION)
    chosen: list[UserRecord] = []
    to_address = Counter[str]()
    for user in targets:
        why = why_not_invited(disabled=user.disabled, has_own_password=has_own_password(user), email=user.email)
        if not why and len(chosen) >= room:
            wait = length_words(max(free - context.now, 1)) if not room else "24 h at most"
            why = f"The day's limit on invitations is reached. Invite this user again in {wait}."
        if not why:
            why = why_not_mailed(context, user, besides=to_address[mail_key(user)])
        if why:
            failed.append(NotDone(user.id, user.login, why))
        else:
            chosen.append(user)
            to_address[mail_key(user)] += 1
    return _Chosen(chosen, failed, room)


def why_not_mailed(context: Context, user: UserRecord, *, besides: int = 0) -> str:
    """Return why no further first-time password can be mailed to a user now, empty if one can.

    `besides`: other messages of the same request to this address.
    """
    then = free_at(context, _request(context, user), but=CapSubject.TENANT, besides=besides)
    wait = length_words(then - context.now)
    return f"Too many invitations to this user or address. Try again in {wait}." if then > context.now else ""


def mail_key(user: UserRecord) -> str:
    return address_key(mail_address(user.email))


def _request(context: Context, user: UserRecord) -> Request:
    to = mail_address(user.email)
    return Request(context.tenant, user, FactorKind.EMAIL, to, Purpose.INVITATION, invitation_attempt(user))


def _invited(user: UserRecord) -> Invited:
    return Invited(user.id, user.login, masked_mail(mail_address(user.email)))
