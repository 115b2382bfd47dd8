"""The alert rule of many wrong entries for one user has the name that its documentation uses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    for name in ("alert_rules", "alert_signals", "alerts"):
        table = sa.table(name, sa.column("rule", sa.Text()))
        op.execute(sa.update(table).where(table.c.rule == "user-failures").values(rule="many-failures"))
