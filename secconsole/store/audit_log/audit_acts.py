"""Acts on many users: which entries are part of one, and which entry represents it in folded lists.

An entry's columns for that are not sealed, so verification compares those that hide it with its sealed details.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from secconsole.store.audit_log.audit_checkpoints import link_before_first
from secconsole.store.engine.compiled import Connection
from secconsole.store.schema import audit

_UNBINDINGS = ("unbind", "unbind.undone")  # whose event is the act


def act_of(action: str, target_id: str, details: Mapping[str, object]) -> str | None:
    """Return the act that an entry about a user is part of: the job or unbinding, and what it did to each user."""
    # Entries about the act as a whole, such as its beginning and end, are always shown.
    if not target_id:
        return None
    id = details.get("job") or (details.get("event") if action in _UNBINDINGS else None)
    return f"{id}:{action}" if isinstance(id, str) and id else None


def folds(connection: Connection, tenant_pk: int, acts: Sequence[str | None]) -> list[bool]:
    """Return for each of new entries whether an earlier one, new or stored, represents its act."""
    wanted = {act for act in acts if act is not None}
    known = set()
    if wanted:
        stored = sa.select(audit.c.bulk).where(audit.c.tenant_pk == tenant_pk, audit.c.bulk.in_(wanted)).distinct()
        known = set(connection.execute(stored).scalars())
    found = []
    for act in acts:
        found.append(act in known)
        if act is not None:
            known.add(act)
    return found


def first_wrong_fold(connection: sa.Connection, tenant_pk: int, rows: Sequence[Any]) -> Any | None:
    """Return the first of these folded entries that is hidden without being part of an act that is shown."""
    for row in rows:
        if row.bulk is None or row.bulk != act_of(row.action, row.target_id, json.loads(row.details)):
            return row
    acts = {row.bulk for row in rows}
    oldest = link_before_first(connection, tenant_pk).seq
    shown = sa.select(audit.c.bulk, sa.func.min(audit.c.seq)).where(
        audit.c.tenant_pk == tenant_pk, audit.c.bulk.in_(acts), audit.c.seq > oldest, audit.c.folded.is_(sa.false())
    )
    first = {row[0]: row[1] for row in connection.execute(shown.group_by(audit.c.bulk))}
    return next((row for row in rows if first.get(row.bulk, row.seq) >= row.seq), None)


def sizes(
    connection: sa.Connection, tenant_pk: int, acts: Sequence[str], *which: sa.ColumnElement[bool]
) -> dict[str, int]:
    """Return how many entries of each act match."""
    query = sa.select(audit.c.bulk, sa.func.count()).where(
        audit.c.tenant_pk == tenant_pk, audit.c.bulk.in_(acts), *which
    )
    return {act: int(number) for act, number in connection.execute(query.group_by(audit.c.bulk))} if acts else {}
