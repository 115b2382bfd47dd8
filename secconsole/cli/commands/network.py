"""`secconsole network`: networks from which the users of a tenant may sign in."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import pluralize
from secconsole.cli.diagnostics import ExitCode, ask, can_ask, say
from secconsole.cli.output import Column, format_value
from secconsole.config.dates import parse_until
from secconsole.domain.errors import Conflict
from secconsole.domain.roles import Role
from secconsole.operations.networks import (
    AddNetwork,
    AllowedNetwork,
    CheckNetwork,
    ConfirmNetworks,
    ListNetworks,
    NetworkChange,
    NetworkList,
    NetworkPreview,
    NetworkVerdict,
    PreviewNetwork,
    RemoveNetwork,
    RevertNetworks,
)

COLUMNS: list[Column[AllowedNetwork]] = [
    Column("network", lambda n: n.network),
    Column("note", lambda n: n.note),
    Column("roles", lambda n: n.roles),
    Column("until", lambda n: n.until),
    Column("no_challenge", lambda n: n.no_challenge, "No challenge"),
    Column("pending_until", lambda n: n.pending_until, "Waits until"),
    Column("leaving", lambda n: n.leaving, "Removed"),
    Column("by", lambda n: n.by),
    Column("id", lambda n: n.id),
]
CHECKED: list[Column[NetworkVerdict]] = [
    Column("login", lambda v: v.login),
    Column("role", lambda v: v.role),
    Column("address", lambda v: v.address),
    Column("allowed", lambda v: v.allowed),
    Column("ground", lambda v: v.ground),
    Column("network", lambda v: v.network.network if v.network else None),
    Column("note", lambda v: v.network.note if v.network else None),
    Column("message", lambda v: v.message),
]
PREVIEWED: list[Column[NetworkPreview]] = [
    Column("network", lambda p: p.network),
    Column("address", lambda p: p.address),
    Column("you_allowed", lambda p: p.you_allowed),
    Column("refused", lambda p: p.refused),
    Column("looked_at", lambda p: p.looked_at),
    Column("logins", lambda p: p.logins),
    Column("opens", lambda p: p.opens),
]


@click.group(cls=Group)
def network() -> None:
    """Manage the networks from which users may sign in.

    Without any, every network is allowed.
    """


@network.command("list")
@with_backend
async def list_networks(context: CommandContext) -> None:
    """List the allowed networks."""
    _show_list(context, await context.perform(ListNetworks(tenant=await context.tenant())))


@network.command("add")
@click.argument("network")
@click.option("--note", default="", metavar="TEXT", help="Its name or purpose, shown in lists and in the audit log.")
@click.option("--role", "roles", type=EnumChoice(Role), multiple=True, help="Only for this role. May be repeated.")
@click.option("--until", metavar="DATE", help="2027-01-31 (including that day, local time) or 2027-01-31T18:00Z.")
@click.option("--no-challenge", is_flag=True, help="Do not ask for a bound factor there. Binding one is still asked.")
@click.option("--confirm", default="", metavar="TENANT", help="Do it although it shuts you out.")
@click.option("--dry-run", is_flag=True, help="Show which sign-ins would be refused, without changing anything.")
@with_backend
async def add(
    context: CommandContext,
    network: str,
    note: str,
    roles: tuple[Role, ...],
    until: str | None,
    no_challenge: bool,
    confirm: str,
    dry_run: bool,
) -> None:
    """Allow a network.

    With the first one, all networks that are not listed are refused.

    `local` means this machine: the store itself and UNIX sockets. It is allowed unless it is listed for certain
    roles. A change that shuts you out needs --confirm TENANT, and is undone after five minutes unless you sign in from
    a network that is allowed then, or confirm it from there with secconsole network confirm.

    \b
    secconsole network add 10.0.0.0/8 --note office
    """
    tenant = await context.tenant()
    end = parse_until(until or "", datetime.now(UTC))
    preview = await context.perform(PreviewNetwork(tenant=tenant, network=network, roles=roles))
    if dry_run:
        _show_preview(context, preview)
        return
    typed = confirm or _asked(tenant, preview)
    wanted = AddNetwork(
        tenant=tenant, network=network, note=note, roles=roles, until=end, no_challenge=no_challenge, confirm=typed
    )
    try:
        _show_change(context, await context.perform(wanted))
    except Conflict as error:
        raise _with_option(error, tenant, preview, typed) from None


@network.command("remove")
@click.argument("network")
@click.option("--confirm", default="", metavar="TENANT", help="Do it although it shuts you out.")
@click.option("--dry-run", is_flag=True, help="Show which sign-ins would be refused, without changing anything.")
@with_backend
async def remove(context: CommandContext, network: str, confirm: str, dry_run: bool) -> None:
    """Remove an allowed network, by itself or by its id.

    Without any left, every network is allowed.
    """
    tenant = await context.tenant()
    preview = await context.perform(PreviewNetwork(tenant=tenant, network=network, remove=True))
    if dry_run:
        _show_preview(context, preview)
        return
    typed = confirm or _asked(tenant, preview)
    try:
        changed = await context.perform(RemoveNetwork(tenant=tenant, network=network, confirm=typed))
        if preview.opens:
            say(preview.opens_words)
        _show_change(context, changed)
    except Conflict as error:
        raise _with_option(error, tenant, preview, typed) from None


@network.command("confirm")
@with_backend
async def confirm_change(context: CommandContext) -> None:
    """Confirm a change that waits, from an address that the changed networks allow."""
    _show_list(context, await context.perform(ConfirmNetworks(tenant=await context.tenant())))


@network.command("revert")
@with_backend
async def revert_change(context: CommandContext) -> None:
    """Undo a change that waits, before its time."""
    _show_list(context, await context.perform(RevertNetworks(tenant=await context.tenant())))


@network.command("check")
@click.argument("address")
@click.argument("login")
@with_backend
async def check(context: CommandContext, address: str, login: str) -> int:
    """Check whether a user may sign in from an address, and by which network: exit 0 if so, 1 if not.

    \b
    secconsole network check 203.0.113.9 ana
    """
    found = await context.perform(CheckNetwork(tenant=await context.tenant(), user=login, address=address))
    if context.out.is_table:
        context.out.line(f"{'Allowed' if found.allowed else 'Refused'}. {found.message}")
    else:
        context.out.record(CHECKED, found, reply=found)
    return ExitCode.DONE if found.allowed else ExitCode.NO


def _asked(tenant: str, preview: NetworkPreview) -> str:
    """Return what a person at the terminal types to confirm a change that shuts them out, empty if it does not."""
    if preview.you_allowed or not can_ask():
        return ""
    say(f"This would shut you out: {preview.address or 'your address'} would not be allowed.")
    return ask(f"Type {tenant} to do it for five minutes, until you confirm it from an allowed network:")


def _with_option(error: Conflict, tenant: str, preview: NetworkPreview, typed: str) -> Conflict:
    """Return the error with the option that does it anyway, if there is one."""
    if preview.you_allowed or typed or type(error) is not Conflict:
        return error
    return Conflict(f"{error.message} Use --confirm {tenant}")


def _show_list(context: CommandContext, found: NetworkList) -> None:
    if context.out.format == "json":
        context.out.json(found)
        return
    context.out.listing(COLUMNS, found.items)
    if context.out.is_table and not found.items:
        say("No network is listed, so every network is allowed.")
    if found.pending_until:
        say(f"A change is undone at {format_value(found.pending_until)} unless it is confirmed.")


def _show_change(context: CommandContext, changed: NetworkChange) -> None:
    context.out.record(COLUMNS, changed.network, reply=changed)
    if changed.pending_until:
        say(
            f"This is undone at {format_value(changed.pending_until)}, unless you sign in from a network that is "
            "allowed now, or confirm it from there: secconsole network confirm"
        )


def _show_preview(context: CommandContext, preview: NetworkPreview) -> None:
    if not context.out.is_table:
        context.out.record(PREVIEWED, preview)
        return
    people = pluralize(preview.looked_at, "user")
    more = ", …" if preview.refused > len(preview.logins) else ""
    names = f": {', '.join(preview.logins)}{more}" if preview.logins else ""
    context.out.line(f"Of the {people} who signed in last, {preview.refused:,} would be refused{names}.")
    if preview.opens:
        context.out.line(preview.opens_words)
    context.out.line(
        f"You would {'not ' if preview.you_allowed else ''}be shut out ({preview.address or 'unknown address'})."
    )
