"""`secconsole init`: create the store on this machine."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import click

from secconsole.backends.embedded import store_exists
from secconsole.backends.new_store import Created, create_store
from secconsole.backends.stores import parse_store, postgres_missing
from secconsole.cli.command import LocalCommand, current_call
from secconsole.cli.diagnostics import ask, say
from secconsole.cli.output import Column, Output
from secconsole.cli.stdin import read_new_password
from secconsole.config import locations
from secconsole.domain.errors import Conflict, Invalid

COLUMNS: list[Column[Created]] = [
    Column("tenant", lambda c: c.tenant),
    Column("admin", lambda c: c.admin, "Administrator"),
    Column("role", lambda c: c.role),
    Column("database", lambda c: c.database),
    Column("key", lambda c: c.key),
]


@click.command(cls=LocalCommand)
@click.option("--admin", metavar="LOGIN", help="The first platform administrator. Asked for if omitted.")
@click.option("--password-stdin", is_flag=True, help="Read the administrator's password from standard input.")
@click.option(
    "--store",
    metavar="URL",
    envvar="SECCONSOLE_STORE",
    default="",
    show_envvar=True,
    help="postgresql://USER@HOST/DATABASE in place of a file on this machine.",
)
def init(admin: str | None, password_stdin: bool, store: str) -> None:
    """Create the store on this machine, with a tenant (--tenant) and its first administrator.

    The store is in $SECCONSOLE_HOME or the XDG data folder. Omitted values are asked for at the terminal. On
    PostgreSQL, the database must exist: its tables are created, and only the key is kept on this machine.

    \b
    secconsole init --tenant acme --admin root
    """
    place = parse_store(store)
    address = None if isinstance(place.database, Path) else place.database
    if store and address is None:
        raise Invalid(
            "For init, --store must name a PostgreSQL database. A file is created in $SECCONSOLE_HOME.", "store"
        )
    if address is None and store_exists():
        raise Conflict(f"A store already exists in {locations.data_home()}. Nothing was changed.")
    call = current_call()
    tenant = call.tenant or ask("Tenant (the organisation's short name):")
    login = admin or ask("Administrator's login:")
    password = read_new_password(from_stdin=password_stdin)
    if address is None:
        made = asyncio.run(create_store(tenant=tenant, admin=login, password=password))
    else:
        try:
            from secconsole.backends.postgres import create_in_postgres
        except ModuleNotFoundError as error:
            raise postgres_missing(error) from None
        made = asyncio.run(create_in_postgres(address, tenant=tenant, admin=login, password=password))
    out = Output(call.format)
    out.record(COLUMNS, made)
    out.flush()
    if out.is_table:
        say(
            "Open the console with: secconsole"
            if address is None
            else f"Serve it with: secconsole serve --store {shlex.quote(str(place))}"
        )
