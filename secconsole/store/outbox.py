"""Messages that are sent after commit, each claimed by one process and each code at most once.

`waiting` → `sending` → `sent` | `failed` | `unsure`, or back to `waiting` if it was certainly not sent. A message that
was claimed and not finished for a long time is `unsure`: its process is gone and may have sent it. A notice goes back
to waiting then, because receiving it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.messages.delivery import NOT_AWAITED, MessageState, Purpose
from secconsole.domain.messages.sending import Cap, CapSubject
from secconsole.domain.model import FactorKind
from secconsole.store.schema import outbox, users

TAKEN_FOR = 120_000  # milliseconds after which the process that claimed a message is considered dead
KEPT = 7 * 24 * 3_600_000
MOST_FORGOTTEN = 200  # rows at a time
_LOST = "The process that was sending it ended before it finished."
_ROW = outbox.c
_OPEN = _ROW.state.in_((MessageState.WAITING, MessageState.SENDING))
_NEVER_LEFT = sa.or_(
    _ROW.state.in_((MessageState.FAILED, MessageState.EXPIRED)),
    sa.and_(_ROW.state == MessageState.VOID, _ROW.attempts > 0),
)
_IS_NOTICE = _ROW.purpose.in_(NOT_AWAITED)  # here and below: a message that nobody waits for


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """Message that was claimed."""

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
class MessageOutcome:
    """State of a message, and why it was not sent."""

    state: MessageState
    problem: str


class OpenMessages(NamedTuple):
    """Digest of the unfinished messages, which changes when a message finishes or an attempt fails."""

    number: int
    pks: int
    tries: int


NONE_OPEN = OpenMessages(0, 0, 0)
_LOOKED_AT = 500  # waiting messages; every message is in state sending before it finishes, however many wait


def _open(state: MessageState, tries: sa.ColumnElement[int]) -> sa.Select[Any]:
    query = sa.select(_ROW.tenant_pk, _ROW.pk, tries.label("tries")).where(_ROW.state == state)
    return sa.select(query.order_by(_ROW.due).limit(_LOOKED_AT).subquery())


# An attempt is counted when it begins. It appears in the digest only once it has failed.
_OPEN_NOW = sa.union_all(
    _open(MessageState.WAITING, _ROW.attempts), _open(MessageState.SENDING, _ROW.attempts - 1)
).subquery()
_DIGEST = (
    sa.func.count(),
    sa.func.coalesce(sa.func.sum(_OPEN_NOW.c.pk), 0),
    sa.func.coalesce(sa.func.sum(_OPEN_NOW.c.tries), 0),
)
ALL_OPEN = sa.select(*_DIGEST).select_from(_OPEN_NOW)


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """Message without its address and text.

    `login`: the user it belongs to, empty for a test.
    """

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
    """Void codes of an attempt that were not sent yet."""
    # A message that is being sent cannot be recalled.
    query = sa.update(outbox).where(_ROW.attempt == attempt, _ROW.state == MessageState.WAITING)
    connection.execute(query.values(state=MessageState.VOID, sealed=None, ended=now))


def note_answer(connection: sa.Connection, attempt: str) -> None:
    """Record that the code of an attempt was typed back, so that the next one may be sent at once."""
    connection.execute(sa.update(outbox).where(_ROW.attempt == attempt).values(answered=True))


def nth_latest(
    connection: sa.Connection,
    cap: Cap,
    tenant_pk: int,
    kind: FactorKind,
    user_pk: int | None,
    address: bytes,
    *,
    now: int,
    purpose: Purpose | None = None,
) -> int | None:
    """Return when the n-th latest message within a cap was requested.

    `address` is its digest. Notices, invitations and all other messages are counted separately, as `purpose` says,
    without those recorded by a clock that was ahead. Messages that were certainly not sent count only for caps on
    tries.
    """
    query = sa.select(_ROW.created).where(_counted_with(purpose), _ROW.created <= now + NOTICED)
    if not cap.tries:
        query = query.where(sa.not_(_NEVER_LEFT))
    if cap.counted is CapSubject.TENANT:
        query = query.where(_ROW.tenant_pk == tenant_pk, _ROW.kind == kind)
    else:
        if cap.counted is not CapSubject.USER:
            query = query.where(_ROW.address == address)
        if cap.counted is not CapSubject.ADDRESS:
            query = query.where(_ROW.user_pk == user_pk)
    if cap.unanswered:
        query = query.where(_ROW.answered.is_(sa.false()))
    query = query.order_by(_ROW.created.desc()).offset(cap.most - 1).limit(1)
    found: int | None = connection.execute(query).scalar()
    return found


def count_of_tenant(
    connection: sa.Connection, tenant_pk: int, kind: FactorKind, purpose: Purpose, *, since: int, now: int
) -> int:
    """Return how many messages of a tenant count for its cap, without those that were certainly not sent."""
    own = (_ROW.tenant_pk == tenant_pk, _ROW.kind == kind, _ROW.created > since, _ROW.created <= now + NOTICED)
    query = sa.select(sa.func.count()).select_from(outbox).where(*own, _counted_with(purpose), sa.not_(_NEVER_LEFT))
    return int(connection.execute(query).scalar_one())


def is_due(connection: sa.Connection, now: int, *, notices: bool, but: Collection[int] = ()) -> bool:
    """Return True if a message has to be sent or given up, outside the tenants in `but`.

    Notices are included with `notices`.
    """
    query = sa.select(_ROW.pk).where(_OPEN, _ROW.due <= now, *_only(notices, but)).limit(1)
    return connection.execute(query).first() is not None


def next_due(connection: sa.Connection, *, notices: bool, but: Collection[int] = ()) -> int | None:
    """Return when the next message is due, or None if none waits."""
    query = sa.select(sa.func.min(_ROW.due)).where(_ROW.state == MessageState.WAITING, *_only(notices, but))
    found: int | None = connection.execute(query).scalar()
    return found


def tidy(connection: sa.Connection, now: int) -> None:
    """Give up messages that are too late or whose process is gone, and delete old ones."""
    late = sa.and_(_ROW.state == MessageState.WAITING, _ROW.expires <= now)
    gone = sa.and_(_ROW.state == MessageState.SENDING, _ROW.due <= now)
    ahead = sa.and_(_ROW.state == MessageState.WAITING, _ROW.created > now + NOTICED)  # by a wrong clock
    ended = {"sealed": None, "ended": now}
    for which, values in (
        (late, {"state": MessageState.EXPIRED, **ended}),
        (sa.and_(ahead, sa.not_(_IS_NOTICE)), {"state": MessageState.EXPIRED, **ended}),
        (sa.and_(ahead, _IS_NOTICE), {"created": now, "due": now}),
        (sa.and_(gone, sa.not_(_IS_NOTICE)), {"state": MessageState.UNSURE, "problem": _LOST, **ended}),
        (sa.and_(gone, _IS_NOTICE), {"state": MessageState.WAITING, "problem": _LOST}),  # twice is better than never
    ):
        connection.execute(sa.update(outbox).where(which).values(values))
    old = sa.select(_ROW.pk).where(_ROW.created < now - KEPT, sa.not_(_OPEN)).limit(MOST_FORGOTTEN)
    connection.execute(sa.delete(outbox).where(_ROW.pk.in_(old.with_for_update(skip_locked=True))))


def take(connection: sa.Connection, now: int, *, notices: bool, but: Collection[int] = ()) -> OutboxRecord | None:
    """Claim the message that has waited longest, against all other processes.

    With `notices` claim a notice if nothing else waits. Tenants in `but` are skipped.
    """
    for which in (sa.not_(_IS_NOTICE), _IS_NOTICE) if notices else (sa.not_(_IS_NOTICE),):
        waiting = sa.and_(
            _ROW.state == MessageState.WAITING, _ROW.due <= now, _ROW.expires > now, which, *_only(True, but)
        )
        query = sa.select(_ROW.pk).where(waiting).order_by(_ROW.due).limit(1).with_for_update(skip_locked=True)
        # If another process has claimed it between the two statements, the next one is tried.
        while (pk := connection.execute(query).scalar()) is not None:
            values = {"state": MessageState.SENDING, "due": now + TAKEN_FOR, "attempts": _ROW.attempts + 1}
            taken = sa.update(outbox).where(_ROW.pk == pk, _ROW.state == MessageState.WAITING).values(values)
            if connection.execute(taken).rowcount == 1:
                return _record(connection.execute(sa.select(outbox).where(_ROW.pk == pk)).one())
    return None


def put_back(connection: sa.Connection, record: OutboxRecord, *, due: int, problem: str) -> None:
    """Return a message that was certainly not sent to the queue."""
    # Only while it is this process's: after a long pause `tidy` may have given it up.
    query = sa.update(outbox).where(_ROW.pk == record.pk, _ROW.state == MessageState.SENDING)
    connection.execute(query.values(state=MessageState.WAITING, due=due, problem=problem))


def end(connection: sa.Connection, record: OutboxRecord, state: MessageState, *, now: int, problem: str) -> None:
    """Record the outcome of a message, and wipe its content."""
    query = sa.update(outbox).where(_ROW.pk == record.pk, _ROW.state == MessageState.SENDING)
    connection.execute(query.values(state=state, sealed=None, ended=now, problem=problem))


def recent(connection: sa.Connection, tenant_pk: int, limit: int) -> list[MessageRecord]:
    """Return a tenant's latest messages, newest first."""
    query = (
        sa.select(
            _ROW.id,
            _ROW.created,
            _ROW.kind,
            _ROW.purpose,
            users.c.login,
            _ROW.masked,
            _ROW.state,
            _ROW.attempts,
            _ROW.problem,
        )
        .select_from(outbox.outerjoin(users, users.c.pk == _ROW.user_pk))
        .where(_ROW.tenant_pk == tenant_pk)
        .order_by(_ROW.created.desc(), _ROW.pk.desc())
        .limit(limit)
    )
    return [
        MessageRecord(
            row.id,
            row.created,
            FactorKind(row.kind),
            Purpose(row.purpose),
            row.login or "",
            row.masked,
            MessageState(row.state),
            row.attempts,
            row.problem,
        )
        for row in connection.execute(query)
    ]


def newest(connection: sa.Connection, attempt: str) -> MessageOutcome | None:
    """Return the outcome of the newest message of an attempt."""
    query = sa.select(_ROW.state, _ROW.problem).where(_ROW.attempt == attempt).order_by(_ROW.pk.desc()).limit(1)
    row = connection.execute(query).first()
    return MessageOutcome(MessageState(row.state), row.problem) if row is not None else None


def open_messages(connection: sa.Connection) -> dict[int, OpenMessages]:
    """Return a digest of the unfinished messages for each tenant that has any."""
    query = sa.select(_OPEN_NOW.c.tenant_pk, *_DIGEST).group_by(_OPEN_NOW.c.tenant_pk)
    return {pk: OpenMessages(number, int(pks), int(tries)) for pk, number, pks, tries in connection.execute(query)}


def newest_message(connection: sa.Connection) -> int:
    """Return the key of the newest message of all tenants, 0 if there is none."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(_ROW.pk), 0))).scalar_one())


def progressed_since(connection: sa.Connection, tenant_pk: int, newest: int, before: OpenMessages) -> bool:
    """Return True if messages of a tenant have finished or failed an attempt, not if there are only new ones.

    `newest` and `before` are from an earlier look.
    """
    old = sa.select(*_DIGEST).where(_OPEN_NOW.c.tenant_pk == tenant_pk, _OPEN_NOW.c.pk <= newest)
    number, pks, tries = connection.execute(old).one()
    if OpenMessages(number, int(pks), int(tries)) != before:
        return True
    waits = sa.and_(_ROW.state == MessageState.WAITING, _ROW.attempts == 0)
    done = sa.not_(sa.or_(waits, _ROW.state == MessageState.SENDING))
    new = sa.select(_ROW.pk).where(_ROW.tenant_pk == tenant_pk, _ROW.pk > newest, done).limit(1)
    return connection.execute(new).first() is not None


def counts(connection: sa.Connection, tenant_pk: int, kind: FactorKind, since: int) -> dict[MessageState, int]:
    """Return the number of messages of a kind by state."""
    query = (
        sa.select(_ROW.state, sa.func.count())
        .where(_ROW.tenant_pk == tenant_pk, _ROW.kind == kind, _ROW.created > since)
        .group_by(_ROW.state)
    )
    return {MessageState(state): int(n) for state, n in connection.execute(query)}


def _counted_with(purpose: Purpose | None) -> sa.ColumnElement[bool]:
    """Return the condition on messages that share the caps of a purpose."""
    return _ROW.purpose == purpose if purpose in NOT_AWAITED else sa.not_(_IS_NOTICE)


def _only(notices: bool, but: Collection[int]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return conditions for all messages, or all but notices, outside the tenants in `but`."""
    kinds = () if notices else (sa.not_(_IS_NOTICE),)
    return (*kinds, _ROW.tenant_pk.not_in(but)) if but else kinds


def _record(row: sa.Row[Any]) -> OutboxRecord:
    return OutboxRecord(
        row.pk,
        row.id,
        row.tenant_pk,
        row.user_pk,
        FactorKind(row.kind),
        Purpose(row.purpose),
        row.settings,
        row.sealed or b"",
        row.attempts,
        row.expires,
    )
