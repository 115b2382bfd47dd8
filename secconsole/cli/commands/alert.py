"""`secconsole alert`: alerts of suspicious activity, and the rules that raise them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.audit import IN_TABLE
from secconsole.cli.confirm import pluralize
from secconsole.cli.diagnostics import say
from secconsole.cli.output import Column, Format, Listing
from secconsole.config.dates import parse_past, parse_until
from secconsole.domain.audit.alert_rules import AlertRule, AlertState
from secconsole.domain.errors import Invalid
from secconsole.operations.alerts import (
    AcknowledgeAlert,
    Alert,
    AlertPage,
    ListAlertRules,
    ListAlerts,
    RuleRow,
    SetAlertRule,
    ShowAlert,
    TryAlertRule,
    WouldAlert,
)
from secconsole.operations.paging import pages

COLUMNS: list[Column[Alert]] = [
    Column("id", lambda a: a.id, "Id"),
    Column("last", lambda a: a.last, "Last seen"),
    Column("state", lambda a: a.state),
    Column("rule", lambda a: a.rule),
    Column("summary", lambda a: a.summary),
    Column("events", lambda a: a.events, numeric=True),
    Column("name", lambda a: a.name),
    Column("subject", lambda a: a.subject),
    Column("number", lambda a: a.number, numeric=True),
    Column("minutes", lambda a: a.minutes, numeric=True),
    Column("others", lambda a: a.others, numeric=True),
    Column("created", lambda a: a.created),
    Column("first", lambda a: a.first, "First seen"),
    Column("acknowledged", lambda a: a.acknowledged),
    Column("acknowledged_by", lambda a: a.acknowledged_by),
    Column("note", lambda a: a.note),
]
LISTED = [column for column in COLUMNS if column.key in ("id", "last", "state", "summary", "events")]
RULES: list[Column[RuleRow]] = [
    Column("rule", lambda r: r.rule),
    Column("on", lambda r: r.on),
    Column("threshold", lambda r: r.threshold, numeric=True),
    Column("unit", lambda r: r.unit, "Counts"),
    Column("minutes", lambda r: r.minutes, "Window, min", numeric=True),
    Column("hours", lambda r: r.hours),
    Column("zone", lambda r: r.zone if r.hours else ""),
    Column("about", lambda r: r.about),
]
TRIED: list[Column[WouldAlert]] = [
    Column("last", lambda w: w.last, "Last seen"),
    Column("summary", lambda w: w.summary),
    Column("events", lambda w: w.events, numeric=True),
    Column("name", lambda w: w.name),
    Column("subject", lambda w: w.subject),
    Column("number", lambda w: w.number, numeric=True),
    Column("first", lambda w: w.first, "First seen"),
    Column("entries", lambda w: w.entries),
]
_RULE = EnumChoice(AlertRule)
_SINCE = "From then on: 30d, 12h, 2027-01-31 or 2027-01-31T18:00."


class Changes(TypedDict):
    """Options that change the settings of a rule, as click passes them."""

    threshold: int | None
    minutes: int | None
    hours: str | None
    zone: str | None


@click.group(cls=Group)
def alert() -> None:
    """List and acknowledge alerts of suspicious activity, and set the rules that raise them."""


@alert.command("list")
@click.option("--state", type=EnumChoice(AlertState), help="Only open or only acknowledged alerts.")
@click.option("--rule", type=_RULE, help="Only alerts of this rule.")
@click.option("--since", metavar="DATE", help=f"Only with activity since then. {_SINCE}")
@click.option("--until", metavar="DATE", help="Only alerts raised until then, a day included.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The maximum number of alerts.")
@click.option("--cursor", help="Continue after an earlier result, from its next.")
@with_backend
async def list_alerts(
    context: CommandContext,
    state: AlertState | None,
    rule: AlertRule | None,
    since: str | None,
    until: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List alerts, newest first."""
    now, tenant = datetime.now(UTC), await context.tenant()
    begin = parse_past(since, now) if since else None
    end = parse_until(until, now) if until else None
    listing, next = Listing(context.out, LISTED if context.out.is_table else COLUMNS), cursor

    async def page_at(at: str | None, size: int) -> AlertPage:
        query = ListAlerts(tenant=tenant, state=state, rule=rule, since=begin, until=end, limit=size, cursor=at)
        return await context.perform(query)

    async for page in pages(page_at, most=limit, cursor=cursor):
        listing.add(page.items)
        next = page.next
    listing.end(next)
    if next and context.out.is_table:
        say(f"There are more alerts: use --cursor {next}")


@alert.command("show")
@click.argument("alert", metavar="ID")
@with_backend
async def show(context: CommandContext, alert: str) -> None:
    """Show an alert with the audit entries that it was made from."""
    found = await context.perform(ShowAlert(tenant=await context.tenant(), alert=alert))
    context.out.record(COLUMNS, found.alert, reply=found)
    if context.out.is_table:
        context.out.line()
        context.out.listing(IN_TABLE, found.entries)
        if found.alert.events > len(found.entries):
            say(f"The first {len(found.entries)} of {found.alert.events:,} entries are shown.")


@alert.command("acknowledge")
@click.argument("alert", metavar="ID")
@click.option("--note", default="", metavar="TEXT", help="The cause. Required, and shown with the alert.")
@with_backend
async def acknowledge(context: CommandContext, alert: str, note: str) -> None:
    """Acknowledge an alert, with a note about its cause.

    From then on its rule counts from zero again.
    """
    if not note.strip():
        raise Invalid("Say what the cause was with --note TEXT.", "note")
    wanted = AcknowledgeAlert(tenant=await context.tenant(), alert=alert, note=note)
    context.out.record(COLUMNS, await context.perform(wanted))


@alert.group("rule", cls=Group)
def rule() -> None:
    """List, change and try the rules of suspicious activity."""


@rule.command("list")
@with_backend
async def list_rules(context: CommandContext) -> None:
    """List the rules with their settings."""
    context.out.listing(RULES, (await context.perform(ListAlertRules(tenant=await context.tenant()))).items)


def _changes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change the settings of a rule."""
    options = (
        click.option("--threshold", type=int, help="The number from which an alert is raised."),
        click.option("--minutes", type=int, help="The window in which it is counted."),
        click.option("--hours", metavar="TEXT", help='Working hours of out-of-hours: "mon-fri 08:00-18:00".'),
        click.option("--zone", metavar="NAME", help="Their time zone: Europe/Prague."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@rule.command("set")
@click.argument("rule", type=_RULE, metavar="NAME")
@click.option("--on/--off", "on", default=None, help="Whether the rule raises alerts.")
@_changes
@with_backend
async def set_rule(context: CommandContext, rule: AlertRule, on: bool | None, **changes: Unpack[Changes]) -> None:
    """Change a rule.

    What is left out stays.

    \b
    secconsole alert rule set out-of-hours --on --hours "mon-fri 08:00-18:00" --zone Europe/Prague
    """
    if on is None and all(value is None for value in changes.values()):
        raise click.UsageError("Say what to change: --on, --off, --threshold, --minutes, --hours or --zone.")
    changed = SetAlertRule(tenant=await context.tenant(), rule=rule, on=on, **changes)
    context.out.record(RULES, await context.perform(changed))


@rule.command("try")
@click.argument("rule", type=_RULE, metavar="NAME")
@click.option("--since", default="30d", show_default=True, metavar="DATE", help=_SINCE)
@_changes
@with_backend
async def try_rule(context: CommandContext, rule: AlertRule, since: str, **changes: Unpack[Changes]) -> None:
    """Show what a rule would have found in the past, with its settings or others.

    Nothing is changed.
    """
    begin = parse_past(since, datetime.now(UTC))
    trial = await context.perform(TryAlertRule(tenant=await context.tenant(), rule=rule, since=begin, **changes))
    if context.out.is_table:
        more = "" if trial.whole else f" There are too many: it stopped at {trial.until:%Y-%m-%d %H:%M} UTC."
        say(f"{pluralize(trial.raised, 'alert')} from {trial.read:,} audit entries.{more}")
        context.out.listing([c for c in TRIED if c.key in ("last", "summary", "events")], trial.items)
    elif context.out.format is Format.JSON:
        context.out.json(trial)
    else:
        context.out.listing(TRIED, trial.items)
