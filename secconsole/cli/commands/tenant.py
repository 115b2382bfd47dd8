"""`secconsole tenant`: create and list tenants, and show the adoption of one."""

from __future__ import annotations

import click

from secconsole.cli.command import Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.output import Column
from secconsole.cli.stdin import read_new_password
from secconsole.domain.errors import Invalid
from secconsole.domain.history import MOST_DAYS
from secconsole.domain.impact import Group as UserGroup
from secconsole.domain.impact import impact
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role
from secconsole.operations.tenants import (
    AdoptionHistory,
    CreateTenant,
    DayFigures,
    ListTenants,
    ShowAdoption,
    ShowAdoptionHistory,
    Tenant,
)

COLUMNS: list[Column[Tenant]] = [
    Column("name", lambda t: t.name),
    Column("policy", lambda t: t.policy),
    Column("users", lambda t: t.users, numeric=True),
    Column("created", lambda t: t.created),
    Column("id", lambda t: t.id),
]
GROUPS: list[Column[UserGroup]] = [
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
DAYS: list[Column[DayFigures]] = [
    Column("at", lambda d: d.at),
    Column("users", lambda d: d.users, numeric=True),
    Column("bound", lambda d: d.bound, numeric=True),
    Column("pending", lambda d: d.pending, numeric=True),
    Column("whitelisted", lambda d: d.whitelisted, numeric=True),
    Column("overdue", lambda d: d.overdue, numeric=True),
]


@click.group(cls=Group)
def tenant() -> None:
    """Create and list tenants, which are isolated from each other."""


@tenant.command("list")
@with_backend
async def list_tenants(context: CommandContext) -> None:
    """List the tenants that you may see."""
    tenants = await context.perform(ListTenants())
    context.out.listing(COLUMNS, tenants.items, next=tenants.next)


@tenant.command("create")
@click.argument("name")
@click.option("--admin", default="", metavar="LOGIN", help="Create its first administrator as well.")
@click.option(
    "--role",
    type=click.Choice(
        [Role.TENANT_ADMIN.value, Role.PLATFORM_ADMIN.value]
    ),  # by value, since click uses the names of enums
    default=Role.TENANT_ADMIN.value,
    show_default=True,
    help="The role of that administrator: for this tenant, or for all.",
)
@click.option("--password-stdin", is_flag=True, help="Read the administrator's password from standard input.")
@with_backend
async def create(context: CommandContext, name: str, admin: str, role: str, password_stdin: bool) -> None:
    """Create a tenant."""
    if password_stdin and not admin:
        raise Invalid("--password-stdin requires --admin LOGIN.", "admin")
    password = read_new_password(from_stdin=password_stdin) if admin else None
    made = CreateTenant(name=name, admin=admin, password=password, role=Role(role))
    context.out.record(COLUMNS, await context.perform(made))


@tenant.command("adoption")
@click.option("--history", is_flag=True, help="The figures at the beginning of each day (UTC) instead.")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=MOST_DAYS,
    show_default=True,
    help="How many days of history.",
)
@with_backend
async def adoption(context: CommandContext, history: bool, days: int) -> None:
    """Show the adoption in a tenant: how many users are bound, and what needs attention.

    CSV has the groups, or the days with --history.

    \b
    secconsole --format csv tenant adoption --history --days 90
    """
    if history:
        _show_history(context, await context.perform(ShowAdoptionHistory(tenant=await context.tenant(), days=days)))
        return
    found = await context.perform(ShowAdoption(tenant=await context.tenant()))
    if context.out.format == "json":
        context.out.json(found)
        return
    if not context.out.is_table:
        context.out.listing(GROUPS, found.groups)
        return
    now = impact(found.groups, found.policy)
    bound = [g for g in found.groups if g.status is BindingStatus.BOUND and not g.disabled]
    context.out.pairs(
        [
            ("Policy", found.policy),
            ("Users", now.users),
            ("Bound", now.bound),
            ("  only by e-mail or SMS", now.weak_only),
            *((f"  by {kind.kind}", f"{kind.bound:,}, {kind.alone:,} by nothing else") for kind in found.kinds),
            ("  with a key shorter than 128 bits", found.weak_keys),
            ("  without a recovery code", sum(g.count for g in bound if not g.has_recovery)),
            ("Pending", now.pending),
            ("Unbound", now.unbound),
            ("  overdue", found.overdue),
            ("Whitelisted", now.whitelisted),
            ("  with no end date", found.whitelisted_open),
            ("  ending within 7 days", found.expiring_soon),
            ("Locked", found.locked),
            ("Must choose a password", sum(g.count for g in found.groups if g.must_reset)),
            ("Disabled", sum(g.count for g in found.groups if g.disabled)),
        ]
    )


def _show_history(context: CommandContext, found: AdoptionHistory) -> None:
    if context.out.format == "json":
        context.out.json(found)
        return
    context.out.listing(DAYS, found.days)
    if context.out.is_table and not found.complete:
        context.out.line("Earlier days are still being worked out, a portion of the users at a time.")
