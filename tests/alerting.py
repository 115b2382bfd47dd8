"""An alert in the store, for tests of what can be done with one."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import AlertRule
from secconsole.store.audit_log import alerts
from secconsole.store.tenants import tenant_by_name
from tests.organisation import TENANT, Organisation

ALERT = "01KAN7M3R4T6V8X0Z2B4D6F8H0"


async def make_alert(organisation: Organisation, *, id: str = ALERT, tenant: str = TENANT) -> str:
    """Store an alert with the newest audit entry of its tenant, and return its id."""
    now = int(organisation.clock.now * 1000)

    def add(connection: sa.Connection) -> None:
        found = tenant_by_name(connection, tenant)
        assert found is not None
        values = {
            "id": id,
            "tenant_pk": found.pk,
            "rule": AlertRule.NETWORK_USERS,
            "subject": "192.0.2.0/24",
            "name": "192.0.2.0/24",
            "number": 41,
            "minutes": 10,
            "events": 1,
            "created": now,
            "first": now,
            "last": now,
        }
        record = alerts.add_alert(connection, values)
        alerts.name_events(connection, record.pk, [1])

    await asyncio.wrap_future(organisation.backend.store.write(add))
    return id
