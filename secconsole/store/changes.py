"""Changes by tenant since the last look, from the chains of audit entries and from undelivered messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from secconsole.domain.audience import FOR_EVERY_ACCOUNT, UNKNOWN, Audience, Change, mark_of
from secconsole.store.outbox import NONE_OPEN, OpenMessages, newest_message, open_messages, progressed_since
from secconsole.store.schema import audit, audit_heads

_AT_ONCE = 500  # ids in one statement, and entries whose requests are read


class Head(NamedTuple):
    """Newest audit entry of a tenant, and its messages in progress."""

    seq: int
    messages: OpenMessages


class Heads(NamedTuple):
    """Heads of all tenants, and the newest message of all."""

    tenants: Mapping[int, Head]
    message: int


_NEW = Head(0, NONE_OPEN)


def heads_of(connection: sa.Connection) -> Heads:
    """Return the head of each tenant.

    A change adds an entry, and so does requesting a message, but not its outcome.
    """
    rows = connection.execute(sa.select(audit_heads.c.tenant_pk, audit_heads.c.seq)).all()
    messages = open_messages(connection)
    heads = {row.tenant_pk: Head(row.seq, messages.get(row.tenant_pk, NONE_OPEN)) for row in rows}
    return Heads(heads, newest_message(connection))


def changes_since(
    connection: sa.Connection, before: Heads, audiences: Collection[Audience]
) -> tuple[Heads, list[Change]]:
    """Return the current heads, and a change for each tenant whose head differs from before.

    The outcome of a message concerns those who see the tenant, and no request made it. The user who waits for it asks
    for it separately.
    """
    now = heads_of(connection)
    changes = []
    for tenant_pk, head in now.tenants.items():
        last = before.tenants.get(tenant_pk, _NEW)
        if head.seq != last.seq:
            users = {a.user for a in audiences if a.tenant == tenant_pk and a.user}
            progressed = progressed_since(connection, tenant_pk, before.message, last.messages)
            changes.append(_change(connection, tenant_pk, last.seq, head.seq, sorted(users), progressed))
        elif head.messages != last.messages:
            changes.append(Change(tenant_pk))
    return now, changes


def _change(
    connection: sa.Connection, tenant_pk: int, after: int, until: int, users: list[str], progressed: bool
) -> Change:
    new = (audit.c.tenant_pk == tenant_pk, audit.c.seq > after, audit.c.seq <= until)
    # After an import there are thousands. Without marks a console cannot recognise its own request and reloads once
    # more, which costs less than reading them all.
    if until - after > _AT_ONCE:
        return _unmarked(connection, tenant_pk, new, users)
    asked = set(users)
    rows = connection.execute(sa.select(audit.c.action, audit.c.target_id, audit.c.request_id).where(*new)).all()
    of_all = {mark_of(row.request_id) for row in rows if row.action in FOR_EVERY_ACCOUNT}
    of_one = {(row.target_id, mark_of(row.request_id)) for row in rows if row.target_id in asked}
    # The outcome of a message belongs to no request, so no console may take this change for its own.
    marks = {mark_of(row.request_id) for row in rows} | ({UNKNOWN} if progressed else set())
    return Change(
        tenant_pk,
        frozenset(user for user, _ in of_one),
        every_account=bool(of_all),
        marks=frozenset(marks),
        marks_by_user=frozenset(of_one | {("", mark) for mark in of_all}),
    )


def _unmarked(
    connection: sa.Connection, tenant_pk: int, new: Collection[sa.ColumnElement[bool]], users: list[str]
) -> Change:
    """Return a change of too many entries to read."""
    if not users:  # no listener needs to know which users changed
        return Change(tenant_pk)
    of_all = sa.select(audit.c.pk).where(*new, audit.c.action.in_(FOR_EVERY_ACCOUNT)).limit(1)
    if connection.execute(of_all).first():
        return Change(tenant_pk, every_account=True)
    concerned: set[str] = set()
    for start in range(0, len(users), _AT_ONCE):
        some = audit.c.target_id.in_(users[start : start + _AT_ONCE])
        concerned.update(connection.execute(sa.select(audit.c.target_id).where(*new, some).distinct()).scalars())
    return Change(tenant_pk, frozenset(concerned))
