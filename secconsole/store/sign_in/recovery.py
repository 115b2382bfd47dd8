"""Recovery codes, with rows for a user's current set only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from secconsole.store.schema import recovery_codes, users
from secconsole.store.users import in_parts

_ROW = recovery_codes.c
_UNUSED = sa.and_(_ROW.used.is_(None), _ROW.voided.is_(None))


def replace_codes(connection: sa.Connection, user_pk: int, rows: Iterable[Mapping[str, object]]) -> None:
    """Replace a user's codes by rows with a `digest` and, where needed, other columns."""
    connection.execute(sa.delete(recovery_codes).where(_ROW.user_pk == user_pk))
    connection.execute(sa.insert(recovery_codes), [{**row, "user_pk": user_pk} for row in rows])
    _note_left(connection, user_pk)


def use_code(connection: sa.Connection, user_pk: int, digest: bytes, now: int) -> bool:
    """Mark a code as used, or return False if it does not exist or was used.

    It is a single conditional statement, so a code is accepted only once.
    """
    this = sa.and_(_ROW.user_pk == user_pk, _ROW.digest == digest, _UNUSED)
    # The viewable copy goes with the code.
    if connection.execute(sa.update(recovery_codes).where(this).values(used=now, sealed=None)).rowcount != 1:
        return False
    _note_left(connection, user_pk)
    return True


def count_left(connection: sa.Connection, *user_pks: int) -> int:
    """Return the number of unused codes of these users."""
    query = sa.select(sa.func.count()).select_from(recovery_codes).where(_UNUSED)
    return sum(connection.execute(query.where(_ROW.user_pk.in_(part))).scalar_one() for part in in_parts(user_pks))


def count_used(connection: sa.Connection, user_pk: int) -> int:
    """Return how many codes of the current set were used.

    Codes that an unbinding voided do not count.
    """
    used = sa.and_(_ROW.user_pk == user_pk, _ROW.used.is_not(None), _ROW.voided.is_(None))
    return int(connection.execute(sa.select(sa.func.count()).select_from(recovery_codes).where(used)).scalar_one())


def unused_codes(connection: sa.Connection, user_pk: int) -> list[sa.Row[Any]]:
    """Return the unused codes of a user in their order: `id`, `sealed` (None: not viewable), `created`."""
    query = sa.select(_ROW.id, _ROW.sealed, _ROW.created).where(_ROW.user_pk == user_pk, _UNUSED)
    return list(connection.execute(query.order_by(_ROW.pk)))


def void_codes(connection: sa.Connection, user_pk: int, *, now: int, event: str | None) -> None:
    """Void a user's codes, permanently unless there is an event that can be undone."""
    these = sa.and_(_ROW.user_pk == user_pk, _ROW.voided.is_(None))
    change: sa.Delete | sa.Update = sa.delete(recovery_codes).where(these)
    if event is not None:
        change = sa.update(recovery_codes).where(these).values(voided=now, voided_event=event)
    if connection.execute(change).rowcount:
        _note_left(connection, user_pk)


def restore_codes(connection: sa.Connection, user_pk: int, event: str) -> None:
    """Restore the codes that an unbinding voided."""
    these = sa.and_(_ROW.user_pk == user_pk, _ROW.voided_event == event)
    if connection.execute(sa.update(recovery_codes).where(these).values(voided=None, voided_event=None)).rowcount:
        _note_left(connection, user_pk)


def erase_voided(connection: sa.Connection, events: Sequence[str]) -> None:
    """Delete the codes of unbindings that can no longer be undone."""
    connection.execute(sa.delete(recovery_codes).where(_ROW.voided_event.in_(events)))


def erase_viewable(connection: sa.Connection, tenant_pk: int) -> None:
    """Wipe the viewable copies of all codes in a tenant, which stay valid."""
    kept = sa.and_(_ROW.tenant_pk == tenant_pk, _ROW.sealed.is_not(None))
    connection.execute(sa.update(recovery_codes).where(kept).values(sealed=None))


def _note_left(connection: sa.Connection, user_pk: int) -> None:
    """Update in the user's row whether any codes are left, so that counting users without any is cheap."""
    left = count_left(connection, user_pk) > 0
    # Only if it differs, because each update of a user runs the triggers that count.
    differs = sa.and_(users.c.pk == user_pk, users.c.has_recovery.is_not(left))
    connection.execute(sa.update(users).where(differs).values(has_recovery=left))
