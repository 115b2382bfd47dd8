"""Every table and every unique key carries the tenant, so that tenants can be divided among databases.

The exceptions are named here, each with its reason. A new table or key that needs another one has to add it.
"""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from secconsole.store.schema import metadata

TENANT = "tenant_pk"

#: tables of a whole database, of which every database of a divided store has its own
OF_A_DATABASE = {
    "facts": "settings of one database, such as its key and the time of its last sweep",
    "idempotency": "the name is a digest over caller and key, and a caller belongs to one tenant or to the database",
    "tenants": "the tenants themselves",
    "unknown_logins": "the subject is a digest over tenant and login",
}

#: tables whose rows belong to one row of another, and are read and removed with it only
OF_A_ROW = {
    "alert_events": "alerts",
    "audit_positions": "audit_streams",
    "job_items": "jobs",
    "known_networks": "users",
    "throttles": "users",
}

#: keys that are unique in a database without naming the tenant, and how they stay so in another one
WITHOUT_TENANT = {
    "pk": "a number of this database only, never shown; a copy to another database gives new ones",
    "id": "drawn at random with 80 bits, so that two databases never draw the same",
    "token_hash": "digest of a secret of 256 bits, looked up before the tenant is known",
    "digest": "keyed digest of a recovery code, bound to its user",
    "attempt": "id of a sign-in or step-up, drawn at random",
    "user_pk": "one row for each user, who belongs to one tenant",
}


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_a_table_carries_the_tenant_or_is_named_with_the_reason(table: sa.Table) -> None:
    if table.name in OF_A_DATABASE:
        assert TENANT not in table.c
    elif table.name in OF_A_ROW:
        parents = {key.column.table.name for key in table.foreign_keys}
        assert OF_A_ROW[table.name] in parents
        assert TENANT in metadata.tables[OF_A_ROW[table.name]].c
        assert TENANT not in table.c, f"{table.name} carries the tenant now: remove it here"
    else:
        assert TENANT in table.c
        assert not table.c[TENANT].nullable


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_a_unique_key_carries_the_tenant_or_is_named_with_the_reason(table: sa.Table) -> None:
    if table.name in OF_A_DATABASE:
        return
    for names in unique_keys(table):
        owners = {key.parent.name for key in table.foreign_keys if key.column.table.name == OF_A_ROW.get(table.name)}
        carries = TENANT in names or (names & owners)
        assert carries or (len(names) == 1 and names <= WITHOUT_TENANT.keys()), sorted(names)


def unique_keys(table: sa.Table) -> list[set[str]]:
    constraints = [
        {column.name for column in key.columns}
        for key in table.constraints
        if isinstance(key, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
    ]
    return constraints + [{column.name for column in index.columns} for index in table.indexes if index.unique]


def test_the_named_exceptions_exist() -> None:
    tables = set(metadata.tables)
    assert tables >= OF_A_DATABASE.keys() | OF_A_ROW.keys()
    used = {name for table in metadata.sorted_tables for names in unique_keys(table) for name in names}
    assert used >= WITHOUT_TENANT.keys()
