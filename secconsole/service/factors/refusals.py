"""Audit entries of refused sign-ins: one for the first in a minute, and one that sums up the others of an origin.

Otherwise guessing would fill the audit. Entries cannot be changed, so further refusals are counted beside the audit and
get one entry when the minute is over. Unknown logins are counted together and stored nowhere, because they may be
passwords typed into the wrong field.
"""

from __future__ import annotations

from dataclasses import replace

from secconsole.domain.networks.origin import origin_in
from secconsole.domain.throttling.throttle import Reserved
from secconsole.operations.caller import Source
from secconsole.operations.events import SIGN_IN
from secconsole.service.context import Context, when
from secconsole.service.factors.throttling import note_hold
from secconsole.store import tenants, users
from secconsole.store.audit_log.audit import spend_as_append
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sign_in import refusals
from secconsole.store.sign_in.refusals import RefusedRow

MINUTE = 60_000
MOST_ORIGINS = 200  # of one tenant at a time; refusals from further ones are summed up together
ELSEWHERE = "(many addresses)"
UNKNOWN = "(unknown login)"


def note_refused(
    context: Context,
    tenant: TenantRow,
    user: UserRecord | None,
    rule: str = "",
    reserved: Reserved | None = None,
) -> None:
    """Record or count a refused sign-in, with None as the `user` of an unknown login.

    If the attempt throttles or locks the account, one audit entry records both. Any other refusal takes the same time:
    an additional entry would reveal by its duration that the account exists.
    """
    held_back = user
    connection, now = context.connection, context.now
    user_id, origin = user.id if user else "", origin_in(context.source.address)
    row = refusals.refused_row(connection, tenant.pk, user_id, origin)
    if row is None and refusals.count_rows(connection, tenant.pk) >= MOST_ORIGINS:
        user, user_id, origin, rule = None, "", ELSEWHERE, ""
        row = refusals.refused_row(connection, tenant.pk, user_id, origin)
    if row is not None and (row.due <= now or now < row.since):  # a clock that was put back ends it too
        add_up(context, tenant, row)
        row = None
    if row is not None:
        # Whether a login is counted separately depends on its existence, so both must take as long as an entry.
        refusals.count_rows(connection, tenant.pk)
        refusals.count_more(connection, row)
        if not _note_hold(context, tenant, held_back, reserved):
            spend_as_append(connection, tenant.pk)
            context.unchanged = True
        return
    channel = context.source.channel
    refusals.add_row(connection, RefusedRow(tenant.pk, user_id, origin, now, now + MINUTE, 0, channel, rule))
    if _note_hold(context, tenant, held_back, reserved):
        return
    if user is None:
        context.audit(SIGN_IN, outcome="refused", tenant=tenant, by=UNKNOWN)
    else:
        context.audit(SIGN_IN, user, outcome="refused", tenant=tenant, rule=rule)


def _note_hold(context: Context, tenant: TenantRow, user: UserRecord | None, reserved: Reserved | None) -> bool:
    """Record that an attempt holds a user back from now on, or return False if it does not."""
    if user is None or reserved is None or not reserved.holds_until:
        return False
    note_hold(context, user, reserved.bucket, reserved.holds_until, tenant)
    return True


def report_due(context: Context, tenant_pks: list[int]) -> None:
    """Write entries for the counts of minutes that are over."""
    for row in refusals.due_rows(context.connection, tenant_pks, context.now):
        add_up(context, tenants.tenant_by_pk(context.connection, row.tenant_pk), row)


def add_up(context: Context, tenant: TenantRow, row: RefusedRow) -> None:
    """Write one entry for all refusals counted from an origin, unless the first was the only one."""
    refusals.drop_row(context.connection, row)
    if not row.more:
        return
    as_then = replace(context, source=Source(row.channel, row.origin), found_actor=None)
    since = when(row.since).isoformat()
    user = users.user_by_name(context.connection, tenant.pk, row.user_id) if row.user_id else None
    if user is None:
        as_then.audit(SIGN_IN, outcome="refused", tenant=tenant, by=UNKNOWN, attempts=row.more, since=since)
    else:
        as_then.audit(SIGN_IN, user, outcome="refused", tenant=tenant, rule=row.rule, attempts=row.more, since=since)
