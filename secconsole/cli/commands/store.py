"""`secconsole store`: make or update the schema of a PostgreSQL database, and move an organisation between stores."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import click

from secconsole.cli.command import Here, Noun, current_call
from secconsole.cli.diagnostics import say
from secconsole.cli.output import Column, Output
from secconsole.domain.errors import Invalid, Unavailable

STORE_VARIABLE = "SECCONSOLE_STORE"


@click.group(cls=Noun)
def store() -> None:
    """Make and update stores on PostgreSQL, and copy an organisation from one store to another."""


@store.command("migrate", cls=Here)
@click.option("--store", "url", metavar="URL", envvar=STORE_VARIABLE, default="", show_envvar=True,
              help="postgresql://USER@HOST/DATABASE; the password comes from ~/.pgpass or PGPASSWORD.")  # fmt: skip
def migrate(url: str) -> None:
    """Make the tables in an empty database, or bring older ones up to date.

    Nothing else does: a server refuses a database that is not current. The key is made in this home with the tables;
    copy master.key to every other server of the same database.
    """
    from secconsole.backends.stores import parse_store

    if not url:
        raise click.UsageError("Say which: --store postgresql://USER@HOST/DATABASE.")
    place = parse_store(url)
    if isinstance(place.database, Path):
        raise Invalid("An SQLite store is brought up to date by opening it. Give postgresql://…", "store")
    try:
        from secconsole.backends.postgres import Migrated, migrate_postgres
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    columns: list[Column[Migrated]] = [
        Column("store", lambda m: m.store),
        Column("before", lambda m: m.before, "Schema before"),
        Column("after", lambda m: m.after, "Schema now"),
        Column("key", lambda m: m.key, "Key made"),
    ]
    out = Output(current_call().format)
    done = asyncio.run(migrate_postgres(place.database))
    out.record(columns, done)
    out.flush()
    if out.is_table and not done.before:
        say(f"Make its first tenant: secconsole init --store {shlex.quote(str(place))}")


@store.command("copy", cls=Here)
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--anew", is_flag=True, help="Forget what an unfinished copy has brought over, and begin again.")
def copy(origin: str, target: str, anew: bool) -> None:
    """Move an organisation: sqlite:///PATH to postgresql://USER@HOST/DATABASE, or back.

    Stop everything that uses FROM first. The same command goes on where an interrupted one stopped. Both sides are
    counted and compared by checksum; until they are equal nothing opens TO. FROM is left as it is.

    \b
    secconsole store copy sqlite:////var/lib/secconsole/console.db postgresql://secconsole@db.example/secconsole
    """
    from secconsole.backends.stores import parse_store

    places = parse_store(origin), parse_store(target)
    try:
        from secconsole.backends.store_copy import CopiedTable, copy_store

        done = asyncio.run(copy_store(*places, _progress if sys.stderr.isatty() else _quiet, anew=anew))
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    columns: list[Column[CopiedTable]] = [
        Column("table", lambda t: t.name),
        Column("rows", lambda t: t.rows, numeric=True),
        Column("checksum", lambda t: t.checksum, "SHA-256"),
    ]
    out = Output(current_call().format)
    out.listing(columns, done.tables)
    out.flush()
    rows = sum(table.rows for table in done.tables)
    say(f"{done.target} has all {rows:,} rows of {done.origin}, compared one by one. Serve it from now on.")


def _progress(table: str, rows: int) -> None:
    say(f"{table}: {rows:,}")


def _quiet(table: str, rows: int) -> None:
    """Nobody looks on."""


def _missing(error: ModuleNotFoundError) -> Unavailable:
    return Unavailable(f"PostgreSQL needs {error.name}: install secconsole with its extra postgres.")
