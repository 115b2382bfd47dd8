"""`secconsole init`: make the store on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import click

from secconsole.cli.command import Verb, current_call
from secconsole.cli.diagnostics import ask, say
from secconsole.cli.output import Column, Output
from secconsole.cli.stdin import chosen_password
from secconsole.config import locations
from secconsole.domain.errors import Conflict


@dataclass(frozen=True, slots=True)
class Made:
    """A new store: where it is, and who may sign in."""

    home: str
    tenant: str
    admin: str


COLUMNS: list[Column[Made]] = [
    Column("home", lambda m: m.home),
    Column("tenant", lambda m: m.tenant),
    Column("admin", lambda m: m.admin, "Administrator"),
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
    from secconsole.backends.embedded import create_store, store_exists

    if store_exists():
        raise Conflict(f"There is a store already in {locations.data_home()}. Nothing was changed.")
    call = current_call()
    tenant = call.tenant or ask("Tenant (the organisation's short name):")
    login = admin or ask("Administrator's login:")
    password = chosen_password(from_stdin=password_stdin)
    asyncio.run(create_store(tenant=tenant, admin=login, password=password))
    out = Output(call.format)
    out.record(COLUMNS, Made(str(locations.data_home()), tenant, login))
    out.flush()
    if out.is_table:
        say("Open the console with: secconsole")
