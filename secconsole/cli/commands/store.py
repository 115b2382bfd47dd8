"""`secconsole store`: migrate a PostgreSQL database, and copy an organisation between stores."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import click

from secconsole.cli.command import Group, LocalCommand, current_call
from secconsole.cli.diagnostics import say
from secconsole.cli.output import Column, Output
from secconsole.domain.errors import Invalid

STORE_VARIABLE = "SECCONSOLE_STORE"


@click.group(cls=Group)
def store() -> None:
    """Migrate stores on PostgreSQL, and copy an organisation from one store to another."""


@store.command("migrate", cls=LocalCommand)
@click.option(
    "--store",
    "url",
    metavar="URL",
    envvar=STORE_VARIABLE,
    default="",
    show_envvar=True,
    help="postgresql://USER@HOST/DATABASE. The password comes from ~/.pgpass or PGPASSWORD.",
)
def migrate(url: str) -> None:
    """Create the tables in an empty database, or migrate existing ones.

    Only this command does so: a server refuses a database that is not current. The key is created in this home with
    the tables. Copy master.key to every other server of the same database.
    """
    from secconsole.backends.stores import parse_store, postgres_missing

    if not url:
        raise click.UsageError("Name the database: --store postgresql://USER@HOST/DATABASE.")
    place = parse_store(url)
    if isinstance(place.database, Path):
        raise Invalid("An SQLite store is migrated when it is opened. Name a postgresql:// database.", "store")
    try:
        # Here and not at the top: its driver is an optional dependency, and most commands never need it.
        from secconsole.backends.postgres import Migrated, migrate_postgres
    except ModuleNotFoundError as error:
        raise postgres_missing(error) from None
    columns: list[Column[Migrated]] = [
        Column("store", lambda m: m.store),
        Column("before", lambda m: m.before, "Schema before"),
        Column("after", lambda m: m.after, "Schema now"),
        Column("key", lambda m: m.key, "Key created"),
    ]
    out = Output(current_call().format)
    done = asyncio.run(migrate_postgres(place.database))
    out.record(columns, done)
    out.flush()
    if out.is_table and not done.before:
        say(f"Create the first tenant: secconsole init --store {shlex.quote(str(place))}")


@store.command("copy", cls=LocalCommand)
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--restart", is_flag=True, help="Discard an unfinished copy, and start again.")
def copy(origin: str, target: str, restart: bool) -> None:
    """Copy an organisation from sqlite:///PATH to postgresql://USER@HOST/DATABASE, or back.

    Stop everything that uses FROM first. After an interruption, the same command continues. Both sides are counted
    and compared by checksum. TO cannot be opened until they are equal. FROM is not changed.

    \b
    secconsole store copy sqlite:////var/lib/secconsole/console.db postgresql://secconsole@db.example/secconsole
    """
    from secconsole.backends.stores import parse_store, postgres_missing

    places = parse_store(origin), parse_store(target)
    try:
        from secconsole.backends.store_copy import CopiedTable, copy_store

        # A log needs the result, not a line for each table as it grows.
        done = asyncio.run(copy_store(*places, _progress if sys.stderr.isatty() else _quiet, restart=restart))
    except ModuleNotFoundError as error:
        raise postgres_missing(error) from None
    columns: list[Column[CopiedTable]] = [
        Column("table", lambda t: t.name),
        Column("rows", lambda t: t.rows, numeric=True),
        Column("checksum", lambda t: t.checksum, "SHA-256"),
    ]
    out = Output(current_call().format)
    out.listing(columns, done.tables)
    out.flush()
    rows = sum(table.rows for table in done.tables)
    say(f"{done.target} has all {rows:,} rows of {done.origin}, compared one by one. Use it from now on.")


def _progress(table: str, rows: int) -> None:
    say(f"{table}: {rows:,}")


def _quiet(table: str, rows: int) -> None:
    """Report nothing, without a terminal."""
