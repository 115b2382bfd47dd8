"""Delivery settings of a tenant: per kind at most one in effect and one that waits for its test."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.messages.delivery import SettingsState
from secconsole.domain.model import FactorKind
from secconsole.store.schema import delivery_settings


@dataclass(frozen=True, slots=True)
class SettingsRecord:
    """Delivery settings.

    `config` is JSON of everything that is not secret. `sealed` is the password or auth token, if there is one.
    """

    pk: int
    id: str
    tenant_pk: int
    kind: FactorKind
    state: SettingsState
    config: str
    sealed: bytes | None
    created: int
    by: str
    anywhere: bool  # their host may have any address


_ROW = delivery_settings.c


def settings_of(connection: sa.Connection, tenant_pk: int) -> list[SettingsRecord]:
    """Return all settings of a tenant, those in effect first."""
    query = sa.select(delivery_settings).where(_ROW.tenant_pk == tenant_pk).order_by(_ROW.kind, _ROW.state)
    return [_record(row) for row in connection.execute(query)]


def settings_to_send_with(
    connection: sa.Connection, tenant_pk: int, kind: FactorKind, id: str
) -> SettingsRecord | None:
    """Return the settings with an id, or those in effect if it is empty."""
    query = sa.select(delivery_settings).where(_ROW.tenant_pk == tenant_pk, _ROW.kind == kind)
    query = query.where(_ROW.id == id) if id else query.where(_ROW.state == SettingsState.ACTIVE)
    row = connection.execute(query).one_or_none()
    return _record(row) if row else None


def put_pending(connection: sa.Connection, values: dict[str, object]) -> None:
    """Store settings that wait for their test, in place of earlier ones that did."""
    connection.execute(
        sa.delete(delivery_settings).where(
            _ROW.tenant_pk == values["tenant_pk"],
            _ROW.kind == values["kind"],
            _ROW.state == SettingsState.PENDING,
        )
    )
    connection.execute(sa.insert(delivery_settings).values(**values, state=SettingsState.PENDING))


def make_active(connection: sa.Connection, record: SettingsRecord) -> None:
    """Put settings into effect in place of the current ones."""
    others = sa.and_(_ROW.tenant_pk == record.tenant_pk, _ROW.kind == record.kind, _ROW.state == SettingsState.ACTIVE)
    connection.execute(sa.delete(delivery_settings).where(others))
    query = sa.update(delivery_settings).where(_ROW.pk == record.pk)
    connection.execute(query.values(state=SettingsState.ACTIVE))


def _record(row: sa.Row[tuple[object, ...]]) -> SettingsRecord:
    values = dict(row._mapping)
    return SettingsRecord(**{**values, "kind": FactorKind(values["kind"]), "state": SettingsState(values["state"])})
