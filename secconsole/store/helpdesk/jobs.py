"""Jobs and their items: each item is claimed once, in the transaction of what is done to its user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.domain.jobs import ENDED, ItemState, JobState
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import UserRecord
from secconsole.store.schema import job_items, jobs
from secconsole.store.schema import users as _users
from secconsole.store.users import USER, user_record

_JOB, _ITEM = jobs.c, job_items.c
_MOST = 200  # jobs in a list
_OPEN = _JOB.state.not_in([str(state) for state in ENDED])
_ADD_ITEM = Prepared(sa.insert(job_items).inline(), ("job_pk", "user_pk", "login", "state", "reason", "at"))
_CLAIM = Prepared(
    sa.update(job_items)
    .where(_ITEM.pk == sa.bindparam("this"), _ITEM.state == str(ItemState.PENDING))
    .values(state=sa.bindparam("to"), reason=sa.bindparam("why"), at=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class JobRecord:
    pk: int
    id: str
    tenant_pk: int
    kind: str
    state: str
    selection: str
    parameters: str
    events: str
    by_id: str
    by: str
    driver_id: str
    driver: str
    created: int
    progress: int
    ended: int
    total: int
    done: int
    failed: int
    skipped: int

    @property
    def pending(self) -> int:
        return self.total - self.done - self.failed - self.skipped


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """User of a job.

    `login` is the one at its start, or a name that nobody has.
    """

    pk: int
    user_pk: int | None
    login: str
    state: str
    reason: str
    at: int
    user_id: str
    name: str


def add_job(connection: sa.Connection, values: dict[str, object]) -> JobRecord:
    return JobRecord(*connection.execute(sa.insert(jobs).values(values).returning(jobs)).one())


def add_items(connection: sa.Connection, job_pk: int, users: Iterable[UserRecord], unknown: Iterable[str]) -> None:
    """Store the users of a job in order, with the names that nobody has as failed."""
    pending, failed = str(ItemState.PENDING), str(ItemState.FAILED)
    rows = [(job_pk, user.pk, user.login, pending, "", 0) for user in users]
    rows += [(job_pk, None, name, failed, "There is no such user.", 0) for name in unknown]  # type: ignore[misc]
    _ADD_ITEM.insert_together(connection, rows)


def job_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> JobRecord | None:
    row = connection.execute(sa.select(jobs).where(_JOB.tenant_pk == tenant_pk, _JOB.id == id)).one_or_none()
    return JobRecord(*row) if row else None


def list_jobs(connection: sa.Connection, tenant_pk: int, *, only_open: bool) -> list[JobRecord]:
    """Return the newest jobs of a tenant, newest first."""
    query = sa.select(jobs).where(_JOB.tenant_pk == tenant_pk, *([_OPEN] if only_open else []))
    return [JobRecord(*row) for row in connection.execute(query.order_by(_JOB.pk.desc()).limit(_MOST))]


def count_open(connection: sa.Connection, tenant_pk: int) -> int:
    query = sa.select(sa.func.count()).select_from(jobs).where(_JOB.tenant_pk == tenant_pk, _OPEN)
    return int(connection.execute(query).scalar_one())


def items_of(connection: sa.Connection, job_pk: int, *, state: str | None, after: int, limit: int) -> list[ItemRecord]:
    """Return a job's users in order, after the item with an internal key."""
    query = (
        sa.select(*job_items.c, _users.c.id, _users.c.name)
        .select_from(job_items.outerjoin(_users, _users.c.pk == _ITEM.user_pk))
        .where(_ITEM.job_pk == job_pk, _ITEM.pk > after, *([_ITEM.state == state] if state else []))
        .order_by(_ITEM.pk)
        .limit(limit)
    )
    return [_item(row) for row in connection.execute(query)]


def pending_users(connection: sa.Connection, job_pk: int, most: int) -> list[tuple[int, UserRecord]]:
    """Return the next users of a job as they are now, each with the internal key of its item."""
    query = (
        sa.select(_ITEM.pk.label("item"), *USER)
        .select_from(job_items.join(_users, _users.c.pk == _ITEM.user_pk))
        .where(_ITEM.job_pk == job_pk, _ITEM.state == str(ItemState.PENDING))
        .order_by(_ITEM.pk)
        .limit(most)
    )
    return [(row[0], user_record(row[1:])) for row in connection.execute(query)]


def claim(connection: sa.Connection, item_pk: int, state: ItemState, reason: str, now: int) -> bool:
    """Give a pending item its outcome, or return False if it has one.

    It is a single conditional statement, so what is done to a user in the same transaction is done once.
    """
    return _CLAIM.change(connection, this=item_pk, to=str(state), why=reason, now=now) == 1


def set_outcome(connection: sa.Connection, item_pk: int, state: ItemState, reason: str) -> None:
    """Replace the outcome of an item that this transaction has claimed."""
    connection.execute(sa.update(job_items).where(_ITEM.pk == item_pk).values(state=str(state), reason=reason))


def release(connection: sa.Connection, item_pk: int) -> None:
    """Make an item pending again that this transaction has claimed."""
    connection.execute(sa.update(job_items).where(_ITEM.pk == item_pk).values(state=str(ItemState.PENDING), at=0))


def step(connection: sa.Connection, job: JobRecord, now: int) -> bool:
    """Record progress, or return False if the job is no longer the driver's to go on with.

    It locks the job until the transaction ends, so a pause waits for the users in progress and stops the next ones.
    """
    this = (_JOB.pk == job.pk, _JOB.state == str(JobState.RUNNING))
    mine = (_JOB.driver_id == job.driver_id, _JOB.driver == job.driver)
    return connection.execute(sa.update(jobs).where(*this, *mine).values(progress=now)).rowcount == 1


def count_outcomes(
    connection: sa.Connection, pk: int, *, done: int, failed: int, skipped: int, events: str
) -> JobRecord:
    """Add the outcomes of some items to the counts of their job, and return it."""
    values = {"done": _JOB.done + done, "failed": _JOB.failed + failed, "skipped": _JOB.skipped + skipped}
    query = sa.update(jobs).where(_JOB.pk == pk).values(**values, events=events).returning(jobs)
    return JobRecord(*connection.execute(query).one())


def change_state(connection: sa.Connection, pk: int, before: Iterable[JobState], **values: object) -> JobRecord | None:
    """Change a job that is in one of these states, and return it, or None if it is in another one."""
    query = sa.update(jobs).where(_JOB.pk == pk, _JOB.state.in_([str(state) for state in before]))
    row = connection.execute(query.values(**values).returning(jobs)).one_or_none()
    return JobRecord(*row) if row else None


def skip_pending(connection: sa.Connection, job_pk: int, reason: str, now: int) -> int:
    """Skip the remaining users of a job, and return their number."""
    query = sa.update(job_items).where(_ITEM.job_pk == job_pk, _ITEM.state == str(ItemState.PENDING))
    return connection.execute(query.values(state=str(ItemState.SKIPPED), reason=reason, at=now)).rowcount


def reopen_failed(connection: sa.Connection, job_pk: int) -> int:
    """Make the failed users of a job pending, and return their number.

    A name that nobody has stays failed.
    """
    failed = (_ITEM.job_pk == job_pk, _ITEM.state == str(ItemState.FAILED), _ITEM.user_pk.is_not(None))
    return connection.execute(sa.update(job_items).where(*failed).values(state="pending", reason="", at=0)).rowcount


def forget_ended(connection: sa.Connection, tenant_pk: int, before: int, most: int = 3) -> None:
    """Delete the oldest jobs that ended before a time, a few at once."""
    old = sa.select(_JOB.pk).where(_JOB.tenant_pk == tenant_pk, _JOB.ended > 0, _JOB.ended < before)
    # A job may have 50,000 items, so only a few are deleted with each new job.
    pks = connection.execute(old.order_by(_JOB.pk).limit(most)).scalars().all()
    connection.execute(sa.delete(job_items).where(_ITEM.job_pk.in_(pks)))
    connection.execute(sa.delete(jobs).where(_JOB.pk.in_(pks)))


def _item(row: Sequence[Any]) -> ItemRecord:
    pk, _, user_pk, login, state, reason, at, user_id, name = row
    return ItemRecord(pk, user_pk, login, state, reason, at, user_id or "", name or "")
