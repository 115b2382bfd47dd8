"""Creation and migration of the schema in one transaction, so that it is never half done.

Alembic is imported only here, and only if there is something to do.
"""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.errors import Unavailable

CURRENT = "0026"
SCRIPTS = "secconsole:store/migrations"


def schema_version(connection: sa.Connection) -> str:
    """Return the revision of the store's schema, empty if it has none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or ""


def check_version(connection: sa.Connection) -> bool:
    """Return True if the schema is current, or raise `Unavailable` if a newer secconsole wrote the store."""
    found = schema_version(connection)
    # Revisions are numbers of four digits, which sort as text.
    if found > CURRENT:
        raise Unavailable(
            f"The store was written by a newer secconsole (schema {found}, this one supports {CURRENT}). "
            "Update secconsole."
        )
    return found == CURRENT


def migrate(connection: sa.Connection) -> None:
    """Migrate the schema to the current revision within the transaction of the connection."""
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
