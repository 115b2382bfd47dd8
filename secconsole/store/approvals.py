"""Requests for approval, each bound to one operation and used once."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.store.schema import approvals

_ROW = approvals.c
_MOST = 200  # in a list


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
    """Store a request in place of the same operator's unused ones for that user."""
    asker = _by(str(values["by_id"]), str(values["by"]))
    same = sa.and_(_ROW.user_pk == values["user_pk"], _ROW.kind == values["kind"], asker, _ROW.used.is_(None))
    connection.execute(sa.delete(approvals).where(same))
    connection.execute(sa.insert(approvals).values(values))


def approval_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> ApprovalRecord | None:
    query = sa.select(approvals).where(_ROW.tenant_pk == tenant_pk, _ROW.id == id)
    row = connection.execute(query).one_or_none()
    return ApprovalRecord(*row) if row else None


def live_approvals(connection: sa.Connection, tenant_pk: int, now: int) -> list[ApprovalRecord]:
    """Return the unused requests and answers of a tenant that are not over, newest first."""
    query = sa.select(approvals).where(_ROW.tenant_pk == tenant_pk, *_live(now)).order_by(_ROW.pk.desc()).limit(_MOST)
    return [ApprovalRecord(*row) for row in connection.execute(query)]


def approval_of(
    connection: sa.Connection, user_pk: int, kind: str, by_id: str, by: str, now: int
) -> ApprovalRecord | None:
    """Return an operator's own unused request for a user, answered or not."""
    mine = sa.and_(_ROW.user_pk == user_pk, _ROW.kind == kind, _by(by_id, by))
    query = sa.select(approvals).where(mine, *_live(now)).order_by(_ROW.pk.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return ApprovalRecord(*row) if row else None


def answer(connection: sa.Connection, pk: int, values: dict[str, object], now: int) -> bool:
    """Answer a request, or return False if it was answered or is over."""
    query = sa.update(approvals).where(_ROW.pk == pk, _ROW.answer == "", *_live(now))
    return connection.execute(query.values(values)).rowcount == 1


def use(connection: sa.Connection, pk: int, reason: str, now: int) -> bool:
    """Use a granted approval for the reason that it was asked with, or return False.

    It is a single conditional statement, so an approval counts once.
    """
    this = sa.and_(_ROW.pk == pk, _ROW.answer == "granted", _ROW.reason == reason, *_live(now))
    return connection.execute(sa.update(approvals).where(this).values(used=now)).rowcount == 1


def _by(by_id: str, by: str) -> sa.ColumnElement[bool]:
    """Return the condition that corresponds to `is_same_person` in domain/helpdesk.py."""
    return _ROW.by_id == by_id if by_id else sa.and_(_ROW.by_id == "", _ROW.by == by)


def _live(now: int) -> tuple[sa.ColumnElement[bool], ...]:
    return _ROW.used.is_(None), _ROW.expires > now, _ROW.created <= now + NOTICED
