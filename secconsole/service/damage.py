"""Detection of sealed secrets that cannot be opened, because of damage or manipulation of the database.

A seal is bound to its place (`store/sealing/keys.py`). With the key that opened the store, a secret cannot be opened
only if it was changed or replaced, such as by the seed of another user.
"""

from __future__ import annotations

import json
import logging

import sqlalchemy as sa

from secconsole.domain.text import visible
from secconsole.operations.events import SECRET_DAMAGED
from secconsole.service.context import Context
from secconsole.store import tenants, users
from secconsole.store.audit_log import audit
from secconsole.store.audit_log.audit import Filters
from secconsole.store.engine.metadata import inner_key
from secconsole.store.factors import count_live
from secconsole.store.sealing.keys import SealedPlace, key_of

REPORTED_EACH = 7 * 24 * 3_600_000  # milliseconds between two entries about the same secret, however often it is used
_MOST = 1_000  # entries that are examined

log = logging.getLogger(__name__)


def is_reported(connection: sa.Connection, place: SealedPlace, now: int) -> bool:
    """Return True if recent audit entries name this secret, or so many that one more adds nothing."""
    found = _reported(connection, int(place.tenant), now)
    return place.row in (row for _, row in found) or len(found) >= _MOST


def report_damage(context: Context, place: SealedPlace) -> bool:
    """Write an entry with the secret and its user unless there is a recent one, and return True if it was written.

    A secret is not damaged if only this process lacks the key, which was rotated elsewhere.
    """
    if not context.keys.knows(key := key_of(inner_key(context.connection))):
        log.error("The store is sealed with the key %s, which is not in master.key here.", visible(key))
        return False
    if is_reported(context.connection, place, context.now):
        return False
    tenant = tenants.tenant_by_pk(context.connection, int(place.tenant))
    user = users.user_by_name(context.connection, tenant.pk, place.user) if place.user else None
    context.audit(
        SECRET_DAMAGED,
        user,
        tenant=tenant,
        by="secconsole",
        outcome="failed",
        purpose=place.purpose,
        row=place.row,
        reason="A sealed secret does not open: it was damaged or replaced.",
    )
    log.error(
        "A sealed secret does not open (%s %s of user %s): it was damaged or replaced.",
        place.purpose,
        place.row,
        place.user or "none",
    )
    return True


def count_damaged(connection: sa.Connection, tenant_pk: int, now: int) -> tuple[int, int]:
    """Return how many secrets were found damaged in the last days, without factors removed since, and the reports."""
    reports = _reported(connection, tenant_pk, now)
    found = dict.fromkeys(reports)
    seeds = [row for purpose, row in found if purpose == "totp"]
    return len(found) - len(seeds) + count_live(connection, tenant_pk, seeds), len(reports)


def _reported(connection: sa.Connection, tenant_pk: int, now: int) -> list[tuple[str, str]]:
    """Return purpose and row of the secrets named by recent audit entries."""
    rows = audit.entries(
        connection, tenant_pk, Filters(actions=(SECRET_DAMAGED.action,), since=now - REPORTED_EACH), limit=_MOST
    )
    details = [json.loads(str(row.details)) for row in rows]
    return [(str(found.get("purpose")), str(found.get("row"))) for found in details]
