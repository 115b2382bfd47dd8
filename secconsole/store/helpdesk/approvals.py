"""Requests for approval, each bound to one operation and used once."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.store.schema import approvals

_ROW = approvals.c


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    pk: int
    id: str
    tenant_pk: int
    user_pk: int
    kind: str
    by_id: str
    by: str
    reason: str
    ticket: str
    created: int
    expires: int
    answer: str
    answered: int | None
    answer_by_id: str
    answer_by: str
    used: int | None


def add_request(connection: sa.Connection, values: dict[str, object]) -> None:
    """Store a request in place of the same operator's unused ones for that user, of any kind."""
    asker = _by(str(values["by_id"]), str(values["by"]))
    same = sa.and_(_ROW.user_pk == values["user_pk"], asker, _ROW.used.is_(None))
    # Several requests for one act could each be granted, and one of them used later.
    connection.execute(sa.delete(approvals).where(same))
    connection.execute(sa.insert(approvals).values(values))


def approval_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> ApprovalRecord | None:
    query = sa.select(approvals).where(_ROW.tenant_pk == tenant_pk, _ROW.id == id)
    row = connection.execute(query).one_or_none()
    return ApprovalRecord(*row) if row else None


def live_approvals(
    connection: sa.Connection, tenant_pk: int, now: int, *, before: int | None, limit: int
) -> list[ApprovalRecord]:
    """Return the unused requests and answers of a tenant that are not over, newest first, before an internal key."""
    query = sa.select(approvals).where(_ROW.tenant_pk == tenant_pk, *_live(now)).order_by(_ROW.pk.desc()).limit(limit)
    if before is not None:
        query = query.where(_ROW.pk < before)
    return [ApprovalRecord(*row) for row in connection.execute(query)]


def count_waiting(
    connection: sa.Connection, tenant_pk: int, by_id: str, by: str, *, but: int, now: int
) -> tuple[int, int]:
    """Return how many requests of an operator, and of all, wait for an answer, except for those about one user."""
    mine = sa.func.coalesce(sa.func.sum(sa.case((_by(by_id, by), 1), else_=0)), 0)
    waiting = (_ROW.tenant_pk == tenant_pk, _ROW.answer == "", *_live(now))
    # A request about this user does not count, because the new one replaces it.
    others = sa.or_(_ROW.user_pk != but, sa.not_(_by(by_id, by)))
    row = connection.execute(sa.select(mine, sa.func.count()).where(*waiting, others)).one()
    return int(row[0]), int(row[1])


def approval_of(connection: sa.Connection, user_pk: int, by_id: str, by: str, now: int) -> ApprovalRecord | None:
    """Return an operator's own unused request for a user, answered or not."""
    mine = sa.and_(_ROW.user_pk == user_pk, _by(by_id, by))
    query = sa.select(approvals).where(mine, *_live(now)).order_by(_ROW.pk.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return ApprovalRecord(*row) if row else None


def answer(connection: sa.Connection, pk: int, values: dict[str, object], now: int) -> bool:
    """Answer a request, or return False if it was answered or is over."""
    query = sa.update(approvals).where(_ROW.pk == pk, _ROW.answer == "", *_live(now))
    return connection.execute(query.values(values)).rowcount == 1


def use(connection: sa.Connection, pk: int, reason: str, ticket: str, now: int) -> bool:
    """Use a granted approval for the reason and ticket that it was asked with, or return False.

    It is a single conditional statement, so an approval counts once.
    """
    asked = sa.and_(_ROW.reason == reason, _ROW.ticket == ticket)
    this = sa.and_(_ROW.pk == pk, _ROW.answer == "granted", asked, *_live(now))
    return connection.execute(sa.update(approvals).where(this).values(used=now)).rowcount == 1


def _by(by_id: str, by: str) -> sa.ColumnElement[bool]:
    """Return the condition that corresponds to `is_same_person` in domain/helpdesk.py."""
    return _ROW.by_id == by_id if by_id else sa.and_(_ROW.by_id == "", _ROW.by == by)


def _live(now: int) -> tuple[sa.ColumnElement[bool], ...]:
    return _ROW.used.is_(None), _ROW.expires > now, _ROW.created <= now + NOTICED
