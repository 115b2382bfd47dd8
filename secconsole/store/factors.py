"""Factors (pending, active, removed), and the status that they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from secconsole.domain.model import BindingStatus, FactorKind, FactorState, binding_status
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import FactorRecord, UserRecord, kinds_to
from secconsole.store.schema import factors, unbindings, users
from secconsole.store.sign_in.recovery import erase_voided, restore_codes, void_codes
from secconsole.store.users import in_parts, user_by_pk

_LIVE = factors.c.removed.is_(None)

LIVE_OF = Prepared(sa.select(factors).where(factors.c.user_pk == sa.bindparam("user"), _LIVE).order_by(factors.c.pk))
_USE = Prepared(
    sa.update(factors)
    # A code is accepted once, and none of an earlier step after it (RFC 6238 section 5.2).
    .where(factors.c.pk == sa.bindparam("this"), factors.c.last_step < sa.bindparam("step"))
    .where(factors.c.state == FactorState.ACTIVE, _LIVE)
    .values(last_step=sa.bindparam("step"), last_used=sa.bindparam("now"), failures=0)
)
_AT = unbindings.c.at
_ERASABLE = (
    sa.select(unbindings.c.pk)
    .where(unbindings.c.erased.is_(None), sa.or_(sa.bindparam("before") >= _AT, sa.bindparam("ahead") < _AT))
    .limit(1)
)


def live_factors(connection: sa.Connection, user_pk: int) -> list[FactorRecord]:
    """Return the pending and active factors of a user, oldest first."""
    return [_factor(row) for row in LIVE_OF.rows(connection, user=user_pk)]


def factor_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> FactorRecord | None:
    """Return a live factor of a tenant."""
    query = sa.select(factors).where(factors.c.tenant_pk == tenant_pk, factors.c.id == id, _LIVE)
    row = connection.execute(query).one_or_none()
    return _factor(row) if row else None


def keys_on_record(connection: sa.Connection, user_pks: Sequence[int]) -> dict[int, list[FactorRecord]]:
    """Return the authenticator apps of users, with the removed ones whose keys an import would recognise."""
    found: dict[int, list[FactorRecord]] = {}
    wanted = sa.and_(factors.c.kind == FactorKind.TOTP, sa.or_(_LIVE, factors.c.key_digest.is_not(None)))
    for part in in_parts(user_pks):
        for row in connection.execute(sa.select(factors).where(factors.c.user_pk.in_(part), wanted)):
            found.setdefault(row.user_pk, []).append(_factor(row))
    return found


def add_factor(connection: sa.Connection, values: dict[str, object]) -> FactorRecord:
    row = connection.execute(sa.insert(factors).values(values).returning(factors)).one()
    refresh_user(connection, row.user_pk)
    return _factor(row)


def activate(connection: sa.Connection, factor: FactorRecord, *, step: int, now: int) -> bool:
    """Activate a pending factor and mark the confirming step as used, or return False if it is not pending."""
    query = (
        sa.update(factors)
        .where(factors.c.pk == factor.pk, factors.c.state == FactorState.PENDING, _LIVE)
        .values(state=FactorState.ACTIVE, bound=now, last_used=now, last_step=step, expires=None, failures=0)
    )
    done = connection.execute(query).rowcount == 1
    refresh_user(connection, factor.user_pk)
    return done


def use_step(connection: sa.Connection, factor: FactorRecord, *, step: int, now: int) -> bool:
    """Mark a time step as used, or return False if it or a later one already was.

    It is a single conditional statement, so a code is accepted only once.
    """
    # The row may have changed since it was read, so only the statement decides that a code is accepted.
    return factor.last_step < step and _USE.change_one(connection, this=factor.pk, step=step, now=now)


def note_use(connection: sa.Connection, factor: FactorRecord, now: int) -> None:
    """Record that a code sent to a factor was typed back."""
    connection.execute(sa.update(factors).where(factors.c.pk == factor.pk).values(last_used=now, failures=0))


def rename(connection: sa.Connection, factor: FactorRecord, label: str) -> None:
    connection.execute(sa.update(factors).where(factors.c.pk == factor.pk).values(label=label))
    refresh_user(connection, factor.user_pk)


def mark_entered(connection: sa.Connection, pk: int) -> None:
    """Record that an administrator entered an address or number that its user had begun to bind."""
    connection.execute(sa.update(factors).where(factors.c.pk == pk).values(given=True))


def count_failure(connection: sa.Connection, pks: Iterable[int]) -> None:
    """Count one more wrong code for each of these factors."""
    query = sa.update(factors).where(factors.c.pk.in_(list(pks))).values(failures=factors.c.failures + 1)
    connection.execute(query)


def remove(connection: sa.Connection, user_pk: int, pks: Sequence[int], *, now: int, event: str | None) -> None:
    """Remove factors, and with the last one the recovery codes.

    Without an event that can be undone, their seeds are wiped at once.
    """
    values: dict[str, object] = {"removed": now, "removed_event": event}
    if event is None:
        values["sealed"] = None
    connection.execute(sa.update(factors).where(factors.c.pk.in_(pks), _LIVE).values(values))
    if refresh_user(connection, user_pk).status is not BindingStatus.BOUND:
        void_codes(connection, user_pk, now=now, event=event)  # they replace a factor, and none is left


def drop_pending(connection: sa.Connection, user_pk: int, kind: FactorKind, now: int) -> None:
    """Delete an unconfirmed enrollment of a kind."""
    query = sa.select(factors.c.pk).where(
        factors.c.user_pk == user_pk, factors.c.kind == kind, factors.c.state == FactorState.PENDING, _LIVE
    )
    if pks := connection.execute(query).scalars().all():
        remove(connection, user_pk, pks, now=now, event=None)


def restore(connection: sa.Connection, user_pk: int, event: str) -> None:
    """Restore what an unbinding removed from a user."""
    query = (
        sa.update(factors)
        .where(factors.c.user_pk == user_pk, factors.c.removed_event == event)
        .values(removed=None, removed_event=None)
    )
    connection.execute(query)
    restore_codes(connection, user_pk, event)
    refresh_user(connection, user_pk)


def removed_by(connection: sa.Connection, event: str) -> dict[int, list[FactorRecord]]:
    """Return by user what an unbinding removed and can still be restored."""
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


def unbinding_of(connection: sa.Connection, user_pk: int, since: int, ahead: int) -> sa.Row[tuple[object, ...]] | None:
    """Return the newest unbinding of a user that can still be undone.

    One later than `ahead` cannot.
    """
    query = (
        sa.select(unbindings)
        .join(factors, factors.c.removed_event == unbindings.c.id)
        .where(factors.c.user_pk == user_pk, factors.c.removed > since, unbindings.c.erased.is_(None), ahead >= _AT)
        .order_by(unbindings.c.pk.desc())
    )
    return connection.execute(query).first()


def erase_over(connection: sa.Connection, tenant_pks: Sequence[int], before: int, ahead: int, now: int) -> int:
    """Wipe the seeds of these tenants' unbindings that can no longer be undone, and return their number.

    They are those up to `before`, and those after `ahead`, which were recorded by a wrong clock.
    """
    old = sa.select(unbindings.c.id).where(
        unbindings.c.erased.is_(None), sa.or_(before >= _AT, ahead < _AT), unbindings.c.tenant_pk.in_(tenant_pks)
    )
    ids = connection.execute(old).scalars().all()
    if ids:
        connection.execute(sa.update(factors).where(factors.c.removed_event.in_(ids)).values(sealed=None))
        connection.execute(sa.update(unbindings).where(unbindings.c.id.in_(ids)).values(erased=now))
        erase_voided(connection, ids)
    return len(ids)


def tenants_with_erasable(connection: sa.Connection, before: int, ahead: int) -> list[int]:
    query = sa.select(unbindings.c.tenant_pk).where(unbindings.c.erased.is_(None), sa.or_(before >= _AT, ahead < _AT))
    return list(connection.execute(query.distinct()).scalars())


def has_erasable(connection: sa.Connection, before: int, ahead: int) -> bool:
    return connection.execute(_ERASABLE, {"before": before, "ahead": ahead}).first() is not None


def refresh_user(connection: sa.Connection, user_pk: int) -> UserRecord:
    """Update the summary of the live factors in the user's row."""
    query = sa.select(factors.c.kind, factors.c.state).where(factors.c.user_pk == user_pk, _LIVE)
    live = [(FactorKind(row.kind), FactorState(row.state)) for row in connection.execute(query)]
    status = binding_status({state for _, state in live})
    # Lists and counts read this summary and not the factors, so every change of a factor ends here.
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
    values[_WEAK] = bool(values[_WEAK])
    values[_COUNTS] = bool(values[_COUNTS])
    return FactorRecord(*values)


_COLUMNS = tuple(column.name for column in factors.c)
_KIND, _STATE, _GIVEN, _WEAK, _COUNTS = map(_COLUMNS.index, ("kind", "state", "given", "weak_key", "counts"))
assert tuple(field.name for field in fields(FactorRecord)) == _COLUMNS  # so that a row can be used as it is


def count_live(connection: sa.Connection, tenant_pk: int, ids: Sequence[str]) -> int:
    """Return how many of the factors with these ids were not removed."""
    if not ids:
        return 0
    found = sa.and_(factors.c.tenant_pk == tenant_pk, factors.c.id.in_(ids), factors.c.removed.is_(None))
    return int(connection.execute(sa.select(sa.func.count()).select_from(factors).where(found)).scalar_one())
