"""Mark on delivery settings whose host may have any address, depending on who set them."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from secconsole.domain.messages.delivery import is_loopback

revision = "0003"
down_revision = "0002"

_TWILIO = "https://api.twilio.com"


def upgrade() -> None:
    """Add the column, and derive it for existing settings as far as it is known who set them.

    Settings of the store's owner and of platform administrators of the same tenant may have any address, and so may
    settings that nobody else could have set. All others are limited to public addresses from now on.
    """
    op.add_column("delivery_settings", sa.Column("anywhere", sa.Boolean(), server_default=sa.false(), nullable=False))
    settings = sa.table(
        "delivery_settings",
        *(sa.column(name) for name in ("pk", "tenant_pk", "config", "by")),
        sa.column("anywhere", sa.Boolean()),
    )
    users = sa.table("users", *(sa.column(name) for name in ("tenant_pk", "login", "role")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(settings)).all():
        config = json.loads(row.config)
        is_admin = sa.select(users.c.login).where(
            users.c.tenant_pk == row.tenant_pk, users.c.login == row.by, users.c.role == "platform-admin"
        )
        if (
            row.by.startswith("local:")
            or is_loopback(str(config.get("host", "")))
            or config.get("base_url", _TWILIO) != _TWILIO
            or connection.execute(is_admin).first() is not None
        ):
            connection.execute(sa.update(settings).where(settings.c.pk == row.pk).values(anywhere=True))
