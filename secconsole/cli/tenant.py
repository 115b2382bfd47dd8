"""`secconsole tenant`: create and list tenants."""

from __future__ import annotations

import click

from secconsole.cli.command import Noun
from secconsole.cli.output import Column
from secconsole.cli.stdin import chosen_password
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.operations.tenants import CreateTenant, ListTenants, Tenant

COLUMNS: list[Column[Tenant]] = [
    Column("name", lambda t: t.name),
    Column("policy", lambda t: t.policy),
    Column("users", lambda t: t.users, numeric=True),
    Column("created", lambda t: t.created),
    Column("id", lambda t: t.id),
]


@click.group(cls=Noun)
def tenant() -> None:
    """Create and list tenants: organisations that know nothing of each other."""


@tenant.command("list")
@working
async def list_tenants(work: Work) -> None:
    """List the tenants that you may know of."""
    tenants = await work.perform(ListTenants())
    work.out.listing(COLUMNS, tenants.items, next=tenants.next)


@tenant.command("create")
@click.argument("name")
@click.option("--admin", default="", metavar="LOGIN", help="Create its first administrator too.")
@click.option("--password-stdin", is_flag=True, help="Read the administrator's password from standard input.")
@working
async def create(work: Work, name: str, admin: str, password_stdin: bool) -> None:
    """Create a tenant."""
    if password_stdin and not admin:
        raise Invalid("--password-stdin is the password of --admin LOGIN.", "admin")
    password = chosen_password(from_stdin=password_stdin) if admin else None
    work.out.record(COLUMNS, await work.perform(CreateTenant(name=name, admin=admin, password=password)))
