"""`secconsole init`: create the store on this machine."""

from __future__ import annotations

import asyncio
import shlex
from functools import partial
from pathlib import Path

import click

from secconsole.backends.embedded import store_exists
from secconsole.backends.new_store import Created, create_store
from secconsole.backends.stores import Address, parse_store, postgres_missing
from secconsole.cli.command import LocalCommand, current_call
from secconsole.cli.diagnostics import ask_until_valid, can_ask, say
from secconsole.cli.output import Column, Output
from secconsole.cli.stdin import discarding_typed_ahead, read_new_password
from secconsole.config import locations
from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.tenant_name import check_tenant_name
from secconsole.domain.users.login import check_login
from secconsole.domain.users.password import SHORTEST_ALONE, check_password, rules_words

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

    The store is in $SECCONSOLE_HOME or the XDG data folder. Omitted values are asked for at the terminal, again until
    they are valid. What was pasted beyond them is discarded, so that the shell does not run it. On PostgreSQL, the
    database must exist: its tables are created, and only the key is kept on this machine.

    \b
    secconsole init --tenant acme --admin root
    """
    with discarding_typed_ahead():
        _init(admin, password_stdin, store)


def _init(admin: str | None, password_stdin: bool, store: str) -> None:
    place = parse_store(store)
    address = None if isinstance(place.database, Path) else place.database
    if store and address is None:
        raise Invalid(
            "For init, --store must name a PostgreSQL database. A file is created in $SECCONSOLE_HOME.", "store"
        )
    if address is None and store_exists():
        raise Conflict(f"A store already exists in {locations.data_home()}. Nothing was changed.")
    call = current_call()
    tenant = call.tenant or ask_until_valid("Tenant (the organisation's short name):", check_tenant_name)
    login = admin or ask_until_valid("Administrator's login:", check_login)
    if can_ask():
        say(rules_words(SHORTEST_ALONE))
    check = partial(check_password, shortest=SHORTEST_ALONE, login=login, tenant=tenant)
    made = _create(address, tenant, login, read_new_password(from_stdin=password_stdin, check=check))
    out = Output(call.format)
    out.record(COLUMNS, made)
    out.flush()
    if out.is_table:
        say(
            "Open the console with: secconsole"
            if address is None
            else f"Serve it with: secconsole serve --store {shlex.quote(str(place))}"
        )


def _create(address: Address | None, tenant: str, login: str, password: Secret[str]) -> Created:
    if address is None:
        return asyncio.run(create_store(tenant=tenant, admin=login, password=password))
    try:
        from secconsole.backends.postgres import create_in_postgres
    except ModuleNotFoundError as error:
        raise postgres_missing(error) from None
    return asyncio.run(create_in_postgres(address, tenant=tenant, admin=login, password=password))
