"""Completion of a sign-in: the session it opens, or the challenge for the next step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from secconsole.domain.audit.alert_rules import DORMANT_DAYS, days_asleep
from secconsole.domain.model import BindingStatus, SignInStatus
from secconsole.domain.policy import Decision, Rule
from secconsole.domain.secret import Secret
from secconsole.operations.events import DORMANT_SIGN_IN, SIGN_IN
from secconsole.operations.signin import (
    SignInAnswer,
)
from secconsole.service.authorise import ABSOLUTE
from secconsole.service.context import Context, when
from secconsole.service.factors import challenges
from secconsole.service.factors.bypass import BYPASS
from secconsole.service.factors.challenges import PendingSignIn
from secconsole.service.factors.networks import confirm_by_sign_in
from secconsole.service.factors.refusals import note_refused
from secconsole.service.factors.sign_in_facts import grace_end
from secconsole.service.factors.throttling import (
    note_sign_in,
)
from secconsole.store import users
from secconsole.store.rows import BypassRecord, FactorRecord, TenantRow, UserRecord
from secconsole.store.sealing.keys import new_token
from secconsole.store.sign_in import sessions

MUST_RESET = "A new password has to be chosen first. Sign in to secconsole for that."


def _reminder(context: Context, end: int) -> str:
    at = datetime.fromtimestamp(end / 1000, UTC)
    how = " Bind one now: press 7, then e." if context.opens_session else ""
    return f"A second factor will be required from {at:%Y-%m-%d %H:%M} UTC on.{how}"


def refused_in_words(context: Context, tenant: TenantRow, user: UserRecord, rule: Rule, words: str) -> SignInAnswer:
    """Refuse a sign-in to an application with the reason, which only the application learns."""
    note_refused(context, tenant, user, rule)
    return SignInAnswer(SignInStatus.REFUSED, message=words, server_time=when(context.now))


def go_on(
    context: Context,
    tenant: TenantRow,
    user: UserRecord,
    decision: Decision,
    live: Sequence[FactorRecord],
    code: BypassRecord | None,
) -> SignInAnswer:
    if decision.status is SignInStatus.NEW_PASSWORD and context.application is not None:
        return refused_in_words(context, tenant, user, decision.rule, MUST_RESET)
    if decision.status is SignInStatus.COMPLETE:
        remind = _reminder(context, grace_end(tenant, user, context.now)) if decision.remind else ""
        return _complete(context, tenant, user, decision.rule, message=remind)
    return challenges.begin(context, tenant, user, decision, live, code)


def complete_pending(pending: PendingSignIn, rule: Rule, *, message: str = "", factor: str = "") -> SignInAnswer:
    """Complete a sign-in whose challenge nobody has used meanwhile."""
    context = pending.context
    if not sessions.use_challenge(context.connection, pending.challenge.pk, context.now):
        return challenges.over(context)
    return _complete(context, pending.tenant, pending.user, rule, message=message, factor=factor)


def _complete(
    context: Context, tenant: TenantRow, user: UserRecord, rule: Rule, *, message: str = "", factor: str = ""
) -> SignInAnswer:
    note_sign_in(context, user)
    users.note_sign_in(context.connection, user.pk, context.now)
    token = _open_session(context, tenant, user, factor) if context.opens_session else None
    checked: dict[str, Any] = {} if context.opens_session else {"checked": True}
    context.audit(SIGN_IN, user, tenant=tenant, by=user.login, rule=rule, factor=factor, **checked)
    if (days := days_asleep(user.last_sign_in, context.now)) >= DORMANT_DAYS:
        context.audit(DORMANT_SIGN_IN, user, tenant=tenant, by=user.login, days=days)
    # Someone who can sign in is not shut out, so a change of the networks that waits for that is final.
    confirmed = confirm_by_sign_in(context, tenant, user) if context.application is None else ""
    words = " ".join(part for part in (message, confirmed) if part)
    return SignInAnswer(SignInStatus.COMPLETE, token=token, message=words, server_time=when(context.now))


def _open_session(context: Context, tenant: TenantRow, user: UserRecord, factor: str) -> Secret[str]:
    """Open a session, and return its token."""
    token = new_token()
    values: dict[str, object] = {
        "id": context.new_id(),
        "tenant_pk": tenant.pk,
        "user_pk": user.pk,
        "channel": context.source.channel,
        "address": context.source.address,
        "created": context.now,
        "last_seen": context.now,
        # not for a bound factor that was not shown, and never for a code that the helpdesk gave out
        "proved": context.now if _is_proof(user, factor) else 0,
        "expires": context.now + ABSOLUTE,
        "factor": factor,
    }
    sessions.add_session(context.connection, token, values)
    return token


def _is_proof(user: UserRecord, factor: str) -> bool:
    return factor != BYPASS if factor else user.status is not BindingStatus.BOUND
