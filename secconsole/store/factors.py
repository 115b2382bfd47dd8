"""Factors: pending, active, removed; and what a user's factors amount to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from secconsole.domain.model import BindingStatus, FactorKind, FactorState, binding_status
from secconsole.store.prepared import Prepared
from secconsole.store.recovery import erase_voided, restore_codes, void_codes
from secconsole.store.rows import FactorRecord, UserRecord, kinds_to
from secconsole.store.schema import factors, unbindings, users
from secconsole.store.users import user_by_pk

_LIVE = factors.c.removed.is_(None)

_LIVE_OF = Prepared(sa.select(factors).where(factors.c.user_pk == sa.bindparam("user"), _LIVE).order_by(factors.c.pk))
_USE = Prepared(
    sa.update(factors)
    .where(factors.c.pk == sa.bindparam("this"), factors.c.last_step < sa.bindparam("step"))
    .where(factors.c.state == FactorState.ACTIVE, _LIVE)
    .values(last_step=sa.bindparam("step"), last_used=sa.bindparam("now"), failures=0)
)
_ERASABLE = (
    sa.select(unbindings.c.pk).where(unbindings.c.erased.is_(None), unbindings.c.at <= sa.bindparam("before")).limit(1)
)


def live_factors(connection: sa.Connection, user_pk: int) -> list[FactorRecord]:
    """The pending and active factors of a user, oldest first."""
    return [_factor(row) for row in _LIVE_OF.rows(connection, user=user_pk)]


def factor_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> FactorRecord | None:
    """A live factor of a tenant."""
    query = sa.select(factors).where(factors.c.tenant_pk == tenant_pk, factors.c.id == id, _LIVE)
    row = connection.execute(query).one_or_none()
    return _factor(row) if row else None


def add_factor(connection: sa.Connection, values: dict[str, object]) -> FactorRecord:
    row = connection.execute(sa.insert(factors).values(values).returning(factors)).one()
    refresh_user(connection, row.user_pk)
    return _factor(row)


def activate(connection: sa.Connection, factor: FactorRecord, *, step: int, now: int) -> bool:
    """Make a pending factor active and mark the confirming step used; False if somebody else was first."""
    query = (
        sa.update(factors)
        .where(factors.c.pk == factor.pk, factors.c.state == FactorState.PENDING, _LIVE)
        .values(state=FactorState.ACTIVE, bound=now, last_used=now, last_step=step, expires=None, failures=0)
    )
    done = connection.execute(query).rowcount == 1
    refresh_user(connection, factor.user_pk)
    return done


def use_step(connection: sa.Connection, factor: FactorRecord, *, step: int, now: int) -> bool:
    """Mark a time step used if no such or later one was: one statement decides that a code counts once."""
    return _USE.change(connection, this=factor.pk, step=step, now=now) == 1


def note_use(connection: sa.Connection, factor: FactorRecord, now: int) -> None:
    """A code that was sent for a factor came back."""
    connection.execute(sa.update(factors).where(factors.c.pk == factor.pk).values(last_used=now, failures=0))


def rename(connection: sa.Connection, factor: FactorRecord, label: str) -> None:
    connection.execute(sa.update(factors).where(factors.c.pk == factor.pk).values(label=label))
    refresh_user(connection, factor.user_pk)


def note_given(connection: sa.Connection, pk: int) -> None:
    """An administrator entered an address or number that its user had begun to bind."""
    connection.execute(sa.update(factors).where(factors.c.pk == pk).values(given=True))


def count_failure(connection: sa.Connection, pks: Iterable[int]) -> None:
    """One more wrong code for each of these factors."""
    query = sa.update(factors).where(factors.c.pk.in_(list(pks))).values(failures=factors.c.failures + 1)
    connection.execute(query)


def remove(connection: sa.Connection, user_pk: int, pks: Sequence[int], *, now: int, event: str | None) -> None:
    """Make factors stop working, with the last one the recovery codes too.

    Without an event that could be undone their seeds are wiped at once.
    """
    values: dict[str, object] = {"removed": now, "removed_event": event}
    if event is None:
        values["sealed"] = None
    connection.execute(sa.update(factors).where(factors.c.pk.in_(pks), _LIVE).values(values))
    if refresh_user(connection, user_pk).status is not BindingStatus.BOUND:
        void_codes(connection, user_pk, now=now, event=event)  # they stand in for a factor: there is none


def drop_pending(connection: sa.Connection, user_pk: int, kind: FactorKind, now: int) -> None:
    """Forget an unconfirmed enrollment of a kind."""
    query = sa.select(factors.c.pk).where(
        factors.c.user_pk == user_pk, factors.c.kind == kind, factors.c.state == FactorState.PENDING, _LIVE
    )
    if pks := connection.execute(query).scalars().all():
        remove(connection, user_pk, pks, now=now, event=None)


def restore(connection: sa.Connection, user_pk: int, event: str) -> None:
    """Put back what an unbinding removed from a user."""
    query = (
        sa.update(factors)
        .where(factors.c.user_pk == user_pk, factors.c.removed_event == event)
        .values(removed=None, removed_event=None)
    )
    connection.execute(query)
    restore_codes(connection, user_pk, event)
    refresh_user(connection, user_pk)


def removed_by(connection: sa.Connection, event: str) -> dict[int, list[FactorRecord]]:
    """What an unbinding removed and can still be put back, by user."""
    found: dict[int, list[FactorRecord]] = {}
    query = sa.select(factors).where(factors.c.removed_event == event, factors.c.removed.is_not(None))
    for row in connection.execute(query.order_by(factors.c.pk)):
        found.setdefault(row.user_pk, []).append(_factor(row))
    return found


def add_unbinding(connection: sa.Connection, values: dict[str, object]) -> None:
    connection.execute(sa.insert(unbindings).values(values))


def unbinding(connection: sa.Connection, tenant_pk: int, id: str) -> sa.Row[tuple[object, ...]] | None:
    query = sa.select(unbindings).where(unbindings.c.tenant_pk == tenant_pk, unbindings.c.id == id)
    return connection.execute(query).one_or_none()


def unbinding_of(connection: sa.Connection, user_pk: int, since: int) -> sa.Row[tuple[object, ...]] | None:
    """The newest unbinding of a user that can still be undone."""
    query = (
        sa.select(unbindings)
        .join(factors, factors.c.removed_event == unbindings.c.id)
        .where(factors.c.user_pk == user_pk, factors.c.removed > since, unbindings.c.erased.is_(None))
        .order_by(unbindings.c.pk.desc())
    )
    return connection.execute(query).first()


def erase_before(connection: sa.Connection, tenant_pks: Sequence[int], before: int, now: int) -> int:
    """Wipe the seeds of these tenants' unbindings that can no longer be undone; how many unbindings that were."""
    old = sa.select(unbindings.c.id).where(
        unbindings.c.erased.is_(None), unbindings.c.at <= before, unbindings.c.tenant_pk.in_(tenant_pks)
    )
    ids = connection.execute(old).scalars().all()
    if ids:
        connection.execute(sa.update(factors).where(factors.c.removed_event.in_(ids)).values(sealed=None))
        connection.execute(sa.update(unbindings).where(unbindings.c.id.in_(ids)).values(erased=now))
        erase_voided(connection, ids)
    return len(ids)


def tenants_with_erasable(connection: sa.Connection, before: int) -> list[int]:
    query = sa.select(unbindings.c.tenant_pk).distinct()
    return list(connection.execute(query.where(unbindings.c.erased.is_(None), unbindings.c.at <= before)).scalars())


def has_erasable(connection: sa.Connection, before: int) -> bool:
    return connection.execute(_ERASABLE, {"before": before}).first() is not None


def refresh_user(connection: sa.Connection, user_pk: int) -> UserRecord:
    """Keep on the user's row what the live factors amount to."""
    query = sa.select(factors.c.kind, factors.c.state).where(factors.c.user_pk == user_pk, _LIVE)
    live = [(FactorKind(row.kind), FactorState(row.state)) for row in connection.execute(query)]
    status = binding_status({state for _, state in live})
    active = tuple(kind for kind, state in live if state is FactorState.ACTIVE)
    shown = active or tuple(kind for kind, _ in live)
    values = {
        "status": status,
        "kinds": kinds_to(shown),
        "weak_only": bool(active) and FactorKind.TOTP not in active,
        "version": users.c.version + 1,
    }
    connection.execute(sa.update(users).where(users.c.pk == user_pk).values(values))
    return user_by_pk(connection, user_pk)


def _factor(row: Sequence[Any]) -> FactorRecord:
    values: list[Any] = list(row)
    values[_KIND] = FactorKind(values[_KIND])
    values[_STATE] = FactorState(values[_STATE])
    values[_GIVEN] = bool(values[_GIVEN])
    return FactorRecord(*values)


_COLUMNS = tuple(column.name for column in factors.c)
_KIND, _STATE, _GIVEN = (_COLUMNS.index(name) for name in ("kind", "state", "given"))
assert tuple(field.name for field in fields(FactorRecord)) == _COLUMNS  # so that a row can be taken as it comes
