"""`secconsole init`: make the store on this machine."""

from __future__ import annotations

import asyncio

import click

from secconsole.backends.embedded import Created, create_store, store_exists
from secconsole.cli.command import Verb, current_call
from secconsole.cli.diagnostics import ask, say
from secconsole.cli.output import Column, Output
from secconsole.cli.stdin import chosen_password
from secconsole.config import locations
from secconsole.domain.errors import Conflict

COLUMNS: list[Column[Created]] = [
    Column("tenant", lambda c: c.tenant),
    Column("admin", lambda c: c.admin, "Administrator"),
    Column("role", lambda c: c.role),
    Column("database", lambda c: c.database),
    Column("key", lambda c: c.key),
]


@click.command(cls=Verb)
@click.option("--admin", metavar="LOGIN", help="The first platform administrator; asked for if it is left out.")
@click.option("--password-stdin", is_flag=True, help="Read the administrator's password from standard input.")
def init(admin: str | None, password_stdin: bool) -> None:
    """Make the store on this machine, with a tenant (--tenant) and its first administrator.

    It is kept in $SECCONSOLE_HOME, or where XDG says. What is left out is asked for at the terminal.

    \b
    secconsole init --tenant acme --admin root
    """
    if store_exists():
        raise Conflict(f"There is a store already in {locations.data_home()}. Nothing was changed.")
    call = current_call()
    tenant = call.tenant or ask("Tenant (the organisation's short name):")
    login = admin or ask("Administrator's login:")
    password = chosen_password(from_stdin=password_stdin)
    made = asyncio.run(create_store(tenant=tenant, admin=login, password=password))
    out = Output(call.format)
    out.record(COLUMNS, made)
    out.flush()
    if out.is_table:
        say("Open the console with: secconsole")
