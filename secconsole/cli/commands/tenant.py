"""`secconsole tenant`: create and list tenants, and how far one has come."""

from __future__ import annotations

import click

from secconsole.cli.command import Noun
from secconsole.cli.output import Column
from secconsole.cli.stdin import chosen_password
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.domain.impact import Group, impact
from secconsole.domain.model import BindingStatus
from secconsole.operations.tenants import CreateTenant, ListTenants, ShowAdoption, Tenant

COLUMNS: list[Column[Tenant]] = [
    Column("name", lambda t: t.name),
    Column("policy", lambda t: t.policy),
    Column("users", lambda t: t.users, numeric=True),
    Column("created", lambda t: t.created),
    Column("id", lambda t: t.id),
]
GROUPS: list[Column[Group]] = [
    Column("role", lambda g: g.role),
    Column("status", lambda g: g.status),
    Column("whitelisted", lambda g: g.whitelisted),
    Column("disabled", lambda g: g.disabled),
    Column("must_reset", lambda g: g.must_reset),
    Column("weak_only", lambda g: g.weak_only),
    Column("has_recovery", lambda g: g.has_recovery),
    Column("blocked", lambda g: g.blocked),
    Column("switched_on", lambda g: g.switched_on),
    Column("keeps_factor", lambda g: g.keeps_factor),
    Column("count", lambda g: g.count, numeric=True),
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


@tenant.command("adoption")
@working
async def adoption(work: Work) -> None:
    """Show how far a tenant has come: who is bound, and what wants a look. As CSV, the counted groups."""
    found = await work.perform(ShowAdoption(tenant=await work.tenant()))
    if work.out.format == "json":
        work.out.json(found)
        return
    if not work.out.is_table:
        work.out.listing(GROUPS, found.groups)
        return
    now = impact(found.groups, found.policy)
    bound = [g for g in found.groups if g.status is BindingStatus.BOUND and not g.disabled]
    work.out.pairs(
        [
            ("Policy", found.policy),
            ("Users", now.users),
            ("Bound", now.bound),
            ("  only by e-mail or SMS", now.weak_only),
            ("  without a recovery code", sum(g.count for g in bound if not g.has_recovery)),
            ("Pending", now.pending),
            ("Unbound", now.unbound),
            ("Whitelisted", now.whitelisted),
            ("  without an end", found.whitelisted_open),
            ("  ending within 7 days", found.expiring_soon),
            ("Locked", found.locked),
            ("Must choose a password", sum(g.count for g in found.groups if g.must_reset)),
            ("Disabled", sum(g.count for g in found.groups if g.disabled)),
        ]
    )
