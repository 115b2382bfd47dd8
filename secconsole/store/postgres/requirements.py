"""Requirements on a PostgreSQL database, checked once when it is opened."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.errors import Unavailable
from secconsole.domain.text import visible

ENCODING = "UTF8"
_LOOK = sa.text(
    "SELECT (SELECT setting FROM pg_settings WHERE name = 'lock_timeout'), current_setting('server_encoding')"
)


class UnfitDatabase(Unavailable):
    """Database that answers, but does not meet the requirements."""


def refuse_unfit(connection: sa.Connection, shown: str, *, lock_timeout: int) -> None:
    """Raise `UnfitDatabase` for an encoding other than UTF-8, or a pooler that ignores our settings.

    Without `lock_timeout` (milliseconds) a write could wait for another one forever.
    """
    found, encoding = connection.execute(_LOOK).one()
    if encoding != ENCODING:
        raise UnfitDatabase(
            f"{shown} is encoded in {visible(str(encoding))} and cannot store names in other scripts. "
            "Create a database in UTF-8: createdb -E UTF8 -T template0 NAME"
        )
    if int(found) != lock_timeout:
        raise UnfitDatabase(
            f"{shown} is a pooler that ignores lock_timeout. "
            "Use the address of PostgreSQL itself. secconsole pools its own connections."
        )
