"""Caller checks: the ways to check a caller, and the confirmed check that an act of the helpdesk belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secconsole.domain.errors import Invalid
from secconsole.domain.messages.mail_address import address_key, mail_address, masked_mail
from secconsole.domain.messages.phone import masked_phone, sms_number
from secconsole.domain.model import FactorKind, FactorState
from secconsole.operations.caller_check import CallerCheck, CallerWay
from secconsole.operations.events import ACCOUNT_CONTACT_CHANGED, ACCOUNT_PHONE_CHANGED
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.factors.passcodes import NOT_SET_UP
from secconsole.service.outbox.queue import can_send
from secconsole.service.views import masked
from secconsole.store import factors
from secconsole.store.audit_log import audit
from secconsole.store.audit_log.audit import Filters
from secconsole.store.helpdesk import caller_checks
from secconsole.store.helpdesk.caller_checks import CheckRecord
from secconsole.store.rows import UserRecord

RECENT = 24 * 3_600_000  # a changed address is marked for so long: the caller may have changed it
COUNTS = 10 * 60_000  # how long a confirmed check counts
NOTHING = (
    "Nothing is on record that a code could be sent to, and no app is bound. "
    "Ask a second person to approve what you do instead: secconsole approval request LOGIN --reason TEXT"
)
_CHANGES = {FactorKind.EMAIL: ACCOUNT_CONTACT_CHANGED, FactorKind.SMS: ACCOUNT_PHONE_CHANGED}


def ways_of(context: Context, user: UserRecord) -> list[tuple[CallerWay, str]]:
    """Return the ways to check a caller with their addresses, the preferred one first.

    Addresses that have been on record for longer come before those that were changed in the last 24 hours.
    """
    found: dict[str, tuple[CallerWay, str]] = {}
    for id, channel, address, since, shown in _on_record(context, user):
        changed = since if since is not None and context.now - since < RECENT else None
        problem = "" if not address or can_send(context, context.tenant, channel) else NOT_SET_UP[channel]
        key = address_key(address) if channel is FactorKind.EMAIL else address
        way = CallerWay(id, channel, shown, when_or_none(changed), problem)
        found.setdefault(f"{channel} {key}" if address else id, (way, address))
    return sorted(found.values(), key=lambda each: (bool(each[0].problem), each[0].changed is not None))


def _on_record(context: Context, user: UserRecord) -> Iterator[tuple[str, FactorKind, str, int | None, str]]:
    """Yield id, channel, address, time of a change, and masked name of everything that a caller can be checked by."""
    active = [f for f in factors.live_factors(context.connection, user.pk) if f.state is FactorState.ACTIVE]
    for channel, text in ((FactorKind.EMAIL, user.email), (FactorKind.SMS, user.phone)):
        try:
            address = mail_address(text) if channel is FactorKind.EMAIL else sms_number(text)
        except Invalid:  # none, or one that an import accepted and nothing can be sent to
            continue
        # It follows below as a factor, with the time of its binding.
        if any(f.address == address for f in active):
            continue
        shown = masked_mail(address) if channel is FactorKind.EMAIL else masked_phone(address)
        yield f"record-{channel}", channel, address, _changed(context, user, channel), shown
    for factor in active:
        address = "" if factor.kind is FactorKind.TOTP else factor.address
        yield factor.id, factor.kind, address, factor.bound, masked(factor)


def _changed(context: Context, user: UserRecord, channel: FactorKind) -> int | None:
    """Return when the contact address or number of a user was last changed, from the audit."""
    changes = Filters(target_id=user.id, actions=(_CHANGES[channel].action,))
    rows = audit.entries(context.connection, user.tenant_pk, changes, limit=1)
    return rows[0].at if rows else None


def is_recent_address(context: Context, user: UserRecord) -> bool:
    """Return True if the contact address of a user was changed in the last 24 hours."""
    changed = _changed(context, user, FactorKind.EMAIL)
    return changed is not None and context.now - changed < RECENT


def check_of(context: Context, user: UserRecord) -> CheckRecord | None:
    """Return the actor's open or confirmed check of a user."""
    actor = context.actor
    return caller_checks.check_of(context.connection, user.pk, actor.id, actor.login, context.now)


def shown(check: CheckRecord) -> CallerCheck:
    return CallerCheck(
        check.id,
        FactorKind(check.channel),
        check.masked,
        check.by,
        when_or_none(check.confirmed),
        when(check.expires),
        bool(check.recent),
    )


def use(context: Context, user: UserRecord) -> CallerCheck | None:
    """Use the actor's confirmed check of a user for an act, or return None if there is none."""
    found = check_of(context, user)
    if found is None or found.confirmed is None:
        return None
    return shown(found) if caller_checks.use_check(context.connection, found.pk, context.now) else None


def details_of(check: CallerCheck | None) -> dict[str, Any]:
    """Return how an act's audit entry names the check that it belongs to."""
    if check is None:
        return {"caller": "not checked"}
    at = check.confirmed.isoformat() if check.confirmed else ""
    return {
        "caller": str(check.channel),
        "caller_at": at,
        "caller_check": check.id,
        "caller_recent": check.recent,
        "caller_to": check.masked,
    }
