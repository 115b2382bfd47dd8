"""Bypass codes of users: issued by the helpdesk, and used once in place of the second factor of a sign-in.

Stored as a keyed digest, which contains the user's id so that a row cannot count for another user.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from secconsole.domain.errors import NotAllowed
from secconsole.domain.factors.bypass import RANDOM_BYTES, bypass_code, period, read_bypass_code
from secconsole.domain.model import SignInStatus
from secconsole.domain.policy import decide_second_factor
from secconsole.domain.roles import Ranks, may_act_on, outranked_words
from secconsole.domain.secret import Secret
from secconsole.operations.bypass import BypassIssued, BypassState
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.events import BYPASS_ISSUED, BYPASS_REVOKED, BYPASS_USED
from secconsole.service.context import Context, when
from secconsole.service.factors import caller_checks
from secconsole.service.factors.sign_in_facts import bypass_now, open_bypass, sign_in_facts
from secconsole.service.factors.throttling import count_failure, held, held_words, note_right_code
from secconsole.store.factors import live_factors
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sign_in import bypass

BYPASS = "bypass"  # in place of the kind of a factor
DISABLED = "The account was disabled."
OTHER_ROLE = "The role changed."
WRONG = "That bypass code is wrong, was used, or does not work now. It works once. Ask the helpdesk for a new one."
NOT_ENOUGH = "You signed in with a bypass code, which is not enough for this. Sign in with your second factor to do it."


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bypass code as requested, with its `starts` in milliseconds."""

    reason: str
    ticket: str
    minutes: int | None
    starts: int | None = None


def issue(
    context: Context, user: UserRecord, wanted: Wanted, check: CallerCheck | None, event: str = ""
) -> BypassIssued:
    """Issue a bypass code in place of an earlier one, or raise `Invalid` for its minutes or start.

    `check`: the check of the caller. `event`: the unbinding that it was issued with.
    """
    tenant, now = context.tenant, context.now
    usual, most = tenant.bypass_minutes, tenant.bypass_most
    starts, ends = period(wanted.minutes, wanted.starts, now, usual=usual, most=most)
    replaced = bypass.open_code(context.connection, user.pk, now) is not None
    code = bypass_code(os.urandom(RANDOM_BYTES))
    values: dict[str, object] = {
        "id": context.new_id(),
        "tenant_pk": tenant.pk,
        "user_pk": user.pk,
        "digest": _digest(context, user, code),
        "by_id": context.actor.id,
        "by": context.actor.login,
        "reason": wanted.reason,
        "ticket": wanted.ticket,
        "created": now,
        "starts": starts,
        "expires": ends,
    }
    bypass.put_code(context.connection, values)
    context.audit(
        BYPASS_ISSUED,
        user,
        reason=wanted.reason,
        ticket=wanted.ticket,
        starts=when(starts).isoformat(),
        ends=when(ends).isoformat(),
        replaced=replaced,
        event=event,
        **caller_checks.details_of(check),
    )
    message = "" if _is_asked(context, user) else f"{user.login} is not asked for a second factor now."
    return BypassIssued(user.id, user.login, code, when(starts), when(ends), replaced, message, check)


def refuse_unless_below(context: Context, user: UserRecord) -> None:
    """Raise `NotAllowed` unless a user ranks below the actor.

    The store's owner ranks above all users.
    """
    actor = context.actor
    if actor.tenant_pk is not None and not may_act_on(actor.role, user.role, Ranks.STRICTLY_LOWER):
        raise NotAllowed(outranked_words(actor.role, user.role, Ranks.STRICTLY_LOWER, user.login))


def revoke(context: Context, user: UserRecord, why: str = "") -> bool:
    """Revoke a user's code with an audit entry, or return False if there is none."""
    if not bypass.revoke_code(context.connection, user.pk, context.now):
        return False
    context.audit(BYPASS_REVOKED, user, reason=why)
    return True


def state(context: Context, user: UserRecord) -> BypassState | None:
    """Return a user's code that works now or will, without the code."""
    found = open_bypass(context, user)
    if found is None:
        return None
    return BypassState(when(found.starts), when(found.expires), found.by, found.reason, found.ticket)


def is_bypass_code(typed: Secret[str]) -> bool:
    """Return True if the typed text has the form of a bypass code."""
    return read_bypass_code(typed) is not None


def check_bypass_code(context: Context, tenant: TenantRow, user: UserRecord, typed: Secret[str]) -> tuple[bool, str]:
    """Use a bypass code, and return True, or False with a message after counting the failure.

    As with a factor's code, nothing is checked or counted while the account is held.
    """
    if until := held(context, user):
        return False, held_words(context, until)
    digest = _digest(context, user, typed)
    # Looked up once more: the issuer may have been disabled since the code was offered.
    if bypass_now(context, user) is None or not bypass.use_code(context.connection, user.pk, digest, context.now):
        count_failure(context, user)
        return False, WRONG
    note_right_code(context, user)
    context.audit(BYPASS_USED, user, tenant=tenant, by=user.login)
    return True, ""


def refuse_in_bypass_session(context: Context) -> None:
    """Raise `NotAllowed` in a session that a bypass code opened, unless a factor was shown in it since."""
    actor = context.found_actor
    if actor is not None and actor.session is not None and actor.session.factor == BYPASS:
        raise NotAllowed(NOT_ENOUGH)


def _is_asked(context: Context, user: UserRecord) -> bool:
    live = live_factors(context.connection, user.pk)
    then = decide_second_factor(sign_in_facts(context, context.tenant, user, live, None, right=True))
    return then.status is not SignInStatus.COMPLETE


def _digest(context: Context, user: UserRecord, code: Secret[str]) -> bytes:
    signs = read_bypass_code(code)
    assert signs is not None
    return context.keys.lookup(f"bypass\0{user.id}\0{signs.reveal()}")
