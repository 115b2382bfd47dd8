"""Audit entries about a whole store, written by its owner without an operation: one for each tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from secconsole.operations.caller import Source, StoreOwner
from secconsole.operations.events import KEY_ROTATED, STORE_BACKED_UP, STORE_RESTORED, utc_words
from secconsole.service.authorise import authenticate
from secconsole.service.context import Context, when
from secconsole.service.outbox.notices import Notices
from secconsole.store.copies.restore import Compared, Ended
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.tenants import all_tenants

_MOST_NAMED = 20  # kinds of lost entries that an audit entry names


def owner_context(connection: sa.Connection, keys: KeyRing, owner: StoreOwner, now: float) -> Context:
    """Return the context of a change by the store's owner, at a time in seconds."""
    context = Context(connection, keys, int(now * 1000), Source("command"), Notices())
    context.found_actor = authenticate(connection, owner, context.now)
    return context


def record_backup(context: Context, file: str, *, problem: str = "") -> None:
    """Record in every tenant's audit that a copy of the store is made, or that it failed."""
    for tenant in all_tenants(context.connection):
        if problem:
            context.audit(STORE_BACKED_UP, tenant=tenant, outcome="failed", reason=problem, file=file)
        else:
            context.audit(STORE_BACKED_UP, tenant=tenant, file=file)


def record_rotation(context: Context, before: str, after: str) -> None:
    """Record in every tenant's audit that its secrets are sealed with another key."""
    for tenant in all_tenants(context.connection):
        context.audit(KEY_ROTATED, tenant=tenant, before=before, after=after)


def record_restore(
    context: Context, compared: Mapping[str, Compared], ended: Mapping[int, Ended], backup_at: int | None
) -> None:
    """Record in every tenant's audit that the store was restored, from when, and what was lost with it.

    `compared`: by the ids of tenants, empty if the store from before is not known.
    """
    for tenant in all_tenants(context.connection):
        found, done = compared.get(tenant.id), ended.get(tenant.pk, Ended())
        details: dict[str, Any] = {
            "sessions_ended": done.sessions,
            "sign_ins_ended": done.sign_ins,
            "tokens_ended": done.tokens,
            "messages_void": done.messages,
            "factors": done.factors,
        }
        if backup_at is not None:
            details["backup"] = utc_words(when(backup_at))
        if found is not None and found.saved is not None:
            details |= {"entry": found.saved.seq, "mac": found.saved.mac.hex()}
        if found is not None and found.present is not None:
            details |= _losses(found)
        context.audit(STORE_RESTORED, tenant=tenant, reason=_words(found), **details)


def _losses(found: Compared) -> dict[str, str | int]:
    assert found.present is not None
    details: dict[str, str | int] = {
        "lost": found.entries_lost,
        "before_entry": found.present.seq,
        "before_mac": found.present.mac.hex(),
    }
    if found.entries_lost:
        details["lost_from"], details["lost_until"] = (
            utc_words(when(at)) for at in (found.lost_from, found.lost_until)
        )
        named = ", ".join(f"{action} {number}" for action, number in found.lost[:_MOST_NAMED])
        details["lost_actions"] = named + (" …" if len(found.lost) > _MOST_NAMED else "")
    return details


def _words(found: Compared | None) -> str:
    if found is None or found.present is None:
        return "The store was restored. Later changes are not known here."
    if not found.entries_lost:
        return "The store was restored. No entry of the audit was lost."
    number = f"{found.entries_lost:,} {'entry' if found.entries_lost == 1 else 'entries'}"
    return f"The store was restored to an earlier state: {number} of the audit and their changes are gone."
