"""Messages that leave after commit: each is taken by one process before it is sent, and a code is never taken twice.

`waiting` → `sending` → `sent` | `failed` | `unsure`, or back to `waiting` when it was surely not sent. A message that
was taken and of which nothing was heard for long is `unsure`: whoever took it is gone, and it may have been sent. A
notice waits again then, since to be told twice does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.domain.delivery import MessageState, Purpose
from secconsole.domain.model import FactorKind
from secconsole.domain.sending import Cap, Counted
from secconsole.store.schema import outbox, users

TAKEN_FOR = 120_000  # milliseconds until who took a message counts as gone
KEPT = 7 * 24 * 3_600_000
MOST_FORGOTTEN = 200  # rows at a time
_LOST = "Whoever was sending it ended in the middle of that."
_ROW = outbox.c
_OPEN = _ROW.state.in_((MessageState.WAITING, MessageState.SENDING))
_IS_NOTICE = _ROW.purpose == Purpose.NOTICE


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A message that was taken."""

    pk: int
    id: str
    tenant_pk: int
    user_pk: int | None
    kind: FactorKind
    purpose: Purpose
    settings: str
    sealed: bytes
    attempts: int
    expires: int


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """What is known of a message, without address and text. `login`: whose it is; empty for a test."""

    id: str
    at: int
    kind: FactorKind
    purpose: Purpose
    login: str
    masked: str
    state: MessageState
    attempts: int
    problem: str


def add(connection: sa.Connection, values: dict[str, object]) -> None:
    connection.execute(sa.insert(outbox).values(values))


def void(connection: sa.Connection, attempt: str, now: int) -> None:
    """Keep codes of an attempt that have not left yet from leaving."""
    query = sa.update(outbox).where(_ROW.attempt == attempt, _ROW.state == MessageState.WAITING)
    connection.execute(query.values(state=MessageState.VOID, sealed=None, ended=now))


def note_answer(connection: sa.Connection, attempt: str) -> None:
    """The code of an attempt came back: who got it need not wait for the next one."""
    connection.execute(sa.update(outbox).where(_ROW.attempt == attempt).values(answered=True))


def nth_latest(
    connection: sa.Connection,
    cap: Cap,
    tenant_pk: int,
    kind: FactorKind,
    user_pk: int | None,
    address: bytes,
    *,
    notices: bool = False,
) -> int | None:
    """When as many messages ago as a cap allows one was asked for; `address`: its digest.

    Counted are either notices or all the others.
    """
    query = sa.select(_ROW.created).where(_IS_NOTICE if notices else sa.not_(_IS_NOTICE))
    if cap.counted is Counted.TENANT:
        query = query.where(_ROW.tenant_pk == tenant_pk, _ROW.kind == kind)
    else:
        if cap.counted is not Counted.USER:
            query = query.where(_ROW.address == address)
        if cap.counted is not Counted.ADDRESS:
            query = query.where(_ROW.user_pk == user_pk)
    if cap.unanswered:
        query = query.where(_ROW.answered.is_(sa.false()))
    query = query.order_by(_ROW.created.desc()).offset(cap.most - 1).limit(1)
    found: int | None = connection.execute(query).scalar()
    return found


def is_due(connection: sa.Connection, now: int, *, notices: bool) -> bool:
    """Whether there is a message to send, or one to give up; `notices`: a notice would do."""
    query = sa.select(_ROW.pk).where(_OPEN, _ROW.due <= now, *_only(notices)).limit(1)
    return connection.execute(query).first() is not None


def next_due(connection: sa.Connection, *, notices: bool) -> int | None:
    """When the next message is to be tried; None if none waits."""
    query = sa.select(sa.func.min(_ROW.due)).where(_ROW.state == MessageState.WAITING, *_only(notices))
    found: int | None = connection.execute(query).scalar()
    return found


def tidy(connection: sa.Connection, now: int) -> None:
    """Give up what is too late to be sent or was taken by somebody who is gone, and forget what is long over."""
    late = sa.and_(_ROW.state == MessageState.WAITING, _ROW.expires <= now)
    gone = sa.and_(_ROW.state == MessageState.SENDING, _ROW.due <= now)
    ended = {"sealed": None, "ended": now}
    for which, values in (
        (late, {"state": MessageState.EXPIRED, **ended}),
        (sa.and_(gone, sa.not_(_IS_NOTICE)), {"state": MessageState.UNSURE, "problem": _LOST, **ended}),
        (sa.and_(gone, _IS_NOTICE), {"state": MessageState.WAITING, "problem": _LOST}),  # twice is better than never
    ):
        connection.execute(sa.update(outbox).where(which).values(values))
    old = sa.select(_ROW.pk).where(_ROW.created < now - KEPT, sa.not_(_OPEN)).limit(MOST_FORGOTTEN)
    connection.execute(sa.delete(outbox).where(_ROW.pk.in_(old.with_for_update(skip_locked=True))))


def take(connection: sa.Connection, now: int, *, notices: bool) -> OutboxRecord | None:
    """Take the message that waits longest; nobody else takes it then, whichever process they are.

    With `notices` one of these, if nothing waits that somebody else waits for.
    """
    for which in (sa.not_(_IS_NOTICE), _IS_NOTICE) if notices else (sa.not_(_IS_NOTICE),):
        waiting = sa.and_(_ROW.state == MessageState.WAITING, _ROW.due <= now, _ROW.expires > now, which)
        query = sa.select(_ROW.pk).where(waiting).order_by(_ROW.due).limit(1).with_for_update(skip_locked=True)
        while (pk := connection.execute(query).scalar()) is not None:
            values = {"state": MessageState.SENDING, "due": now + TAKEN_FOR, "attempts": _ROW.attempts + 1}
            taken = sa.update(outbox).where(_ROW.pk == pk, _ROW.state == MessageState.WAITING).values(values)
            if connection.execute(taken).rowcount == 1:
                return _record(connection.execute(sa.select(outbox).where(_ROW.pk == pk)).one())
    return None


def put_back(connection: sa.Connection, record: OutboxRecord, *, due: int, problem: str) -> None:
    """Have a message that was surely not sent tried again."""
    query = sa.update(outbox).where(_ROW.pk == record.pk, _ROW.state == MessageState.SENDING)
    connection.execute(query.values(state=MessageState.WAITING, due=due, problem=problem))


def end(connection: sa.Connection, record: OutboxRecord, state: MessageState, *, now: int, problem: str) -> None:
    """Note what became of a message, and wipe it."""
    query = sa.update(outbox).where(_ROW.pk == record.pk, _ROW.state == MessageState.SENDING)
    connection.execute(query.values(state=state, sealed=None, ended=now, problem=problem))


def recent(connection: sa.Connection, tenant_pk: int, limit: int) -> list[MessageRecord]:
    """A tenant's latest messages, newest first."""
    query = (
        sa.select(_ROW.id, _ROW.created, _ROW.kind, _ROW.purpose, users.c.login, _ROW.masked, _ROW.state,
                  _ROW.attempts, _ROW.problem)
        .select_from(outbox.outerjoin(users, users.c.pk == _ROW.user_pk))
        .where(_ROW.tenant_pk == tenant_pk)
        .order_by(_ROW.created.desc(), _ROW.pk.desc())
        .limit(limit)
    )  # fmt: skip
    return [
        MessageRecord(
            row.id, row.created, FactorKind(row.kind), Purpose(row.purpose), row.login or "", row.masked,
            MessageState(row.state), row.attempts, row.problem,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def counts(connection: sa.Connection, tenant_pk: int, kind: FactorKind, since: int) -> dict[MessageState, int]:
    """How many messages of a kind stand in each state."""
    query = (
        sa.select(_ROW.state, sa.func.count())
        .where(_ROW.tenant_pk == tenant_pk, _ROW.kind == kind, _ROW.created > since)
        .group_by(_ROW.state)
    )
    return {MessageState(state): int(n) for state, n in connection.execute(query)}


def _only(notices: bool) -> tuple[sa.ColumnElement[bool], ...]:
    """All messages, or all but notices."""
    return () if notices else (sa.not_(_IS_NOTICE),)


def _record(row: sa.Row[Any]) -> OutboxRecord:
    return OutboxRecord(
        row.pk, row.id, row.tenant_pk, row.user_pk, FactorKind(row.kind), Purpose(row.purpose), row.settings,
        row.sealed or b"", row.attempts, row.expires,
    )  # fmt: skip
