"""`secconsole audit retain` and `audit retention`: how long the audit is kept."""

from __future__ import annotations

from dataclasses import replace

import click

from secconsole.cli.command import Command, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, Progress, say
from secconsole.cli.output import Column, format_value
from secconsole.domain.audit.retention import parse_days
from secconsole.operations.audit_retention import RetainAudit, Retained, Retention, SetRetention, ShowRetention

COLUMNS: list[Column[Retention]] = [
    Column("keep_days", lambda r: r.keep_days or "for good", "Days kept"),
    Column("changed", lambda r: r.changed),
    Column("changed_by", lambda r: r.changed_by),
    Column("removed", lambda r: r.removed, "Removed up to entry", numeric=True),
    Column("removed_at", lambda r: r.removed_at),
    Column("newest", lambda r: r.newest, "Newest entry", numeric=True),
    Column("oldest", lambda r: r.oldest, "Oldest from"),
    Column("held_by", lambda r: r.held_by, "Waits for"),
]
DONE: list[Column[Retained]] = [
    Column("removed", lambda r: r.removed, numeric=True),
    Column("last", lambda r: r.last, "Up to entry", numeric=True),
    Column("kept_from", lambda r: r.kept_from),
    Column("held", lambda r: r.held, "Kept", numeric=True),
    Column("held_by", lambda r: r.held_by, "Kept for"),
]


_ADVICE = "See: secconsole audit stream list, secconsole alert list"


@click.group(cls=Group)
def retention() -> None:
    """Show and set how long the audit is kept."""


@retention.command("show")
@with_backend
async def show_retention(context: CommandContext) -> None:
    """Show how long the audit is kept, and what was removed."""
    found = await context.perform(ShowRetention(tenant=await context.tenant()))
    context.out.record(COLUMNS, found)
    if found.held_by:
        say(f"Older entries are kept for {found.held_by}. {_ADVICE}")


@retention.command("set")
@click.argument("keep", metavar="DAYS|forever")
@confirmation_options
@with_backend
async def set_retention(context: CommandContext, keep: str, dry_run: bool, yes: bool) -> int:
    """Set how long the audit is kept: at least 30 days, or forever.

    Older entries are removed each hour by serve, or by a console on the embedded store, once every stream has
    sent them and no alert needs them. A signed checkpoint keeps the rest provable.

    \b
    secconsole audit retention set 400d --yes
    """
    tenant = await context.tenant()
    days = 0 if keep.strip().lower() == "forever" else parse_days(keep)
    if days:
        checked = await context.perform(RetainAudit(tenant=tenant, keep_days=days, check_only=True))
        effect = _effect(tenant, checked, f"The audit of {tenant} is kept for {days:,} days.")
    else:
        effect = Effect(f"The audit of {tenant} is kept for good.", [])
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    context.out.record(COLUMNS, await context.perform(SetRetention(tenant=tenant, keep_days=days)))
    return ExitCode.DONE


@click.command("retain", cls=Command)
@click.option("--keep", required=True, metavar="DAYS", help="Remove what is older: 400d. At least 30 days.")
@confirmation_options
@with_backend
async def retain(context: CommandContext, keep: str, dry_run: bool, yes: bool) -> int:
    """Remove old entries now, oldest first, and sign a checkpoint that keeps the rest provable.

    Entries that a stream has not sent, or that an open alert needs, are kept: exit 7 if there are some.

    \b
    secconsole audit retain --keep 400d --dry-run
    """
    tenant, days = await context.tenant(), parse_days(keep)
    wanted = RetainAudit(tenant=tenant, keep_days=days)
    checked = await context.perform(replace(wanted, check_only=True))
    if (ended := confirm_effect(context, _effect(tenant, checked, ""), dry_run=dry_run, yes=yes)) is not None:
        return ended
    progress, removed = Progress("Removed:"), 0
    try:
        while True:
            part = await context.perform(wanted)
            removed += part.removed
            progress.show(removed)
            if not part.more:
                break
    finally:
        progress.end()
    done = replace(part, removed=removed)
    context.out.record(DONE, done)
    if done.held:
        say(f"{done.held:,} older entries are kept for {done.held_by}. {_ADVICE}")
        return ExitCode.PARTLY
    return ExitCode.DONE


def _effect(tenant: str, checked: Retained, first: str) -> Effect:
    since = format_value(checked.kept_from)
    words = f"Removes {checked.removed:,} entries of the audit of {tenant}, all from before {since}, for good."
    held = f" {checked.held:,} more are kept for {checked.held_by}." if checked.held else ""
    affected = [Affected("audit", tenant, "", f"up to entry {checked.last:,}", f"{checked.removed:,} entries removed")]
    return Effect(f"{first} {words}{held}".strip(), affected if checked.removed else [])
