"""Creating the schema and bringing an older one up to date, in one transaction: old or new, never half.

Alembic is imported only here, and only when there is something to do.
"""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.errors import Unavailable

CURRENT = "0002"
SCRIPTS = "secconsole:store/migrations"


def schema_version(connection: sa.Connection) -> str:
    """The revision of the store's schema; empty if it has none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or ""


def check_version(connection: sa.Connection) -> bool:
    """Whether the schema is current; raise `Unavailable` if a newer secconsole has written the store."""
    found = schema_version(connection)
    if found > CURRENT:
        raise Unavailable(
            f"The store was written by a newer secconsole (schema {found}, this one knows {CURRENT}). "
            "Update secconsole."
        )
    return found == CURRENT


def migrate(connection: sa.Connection) -> None:
    """Bring the schema to the current revision inside the transaction that the connection is in."""
    from alembic.config import Config
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    scripts = ScriptDirectory.from_config(config)
    context = MigrationContext.configure(connection)
    found = context.get_current_revision()
    pending = list(scripts.iterate_revisions(CURRENT, found or "base"))
    with Operations.context(context):
        for script in reversed(pending):
            script.module.upgrade()
            context.stamp(scripts, script.revision)
