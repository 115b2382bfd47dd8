"""`secconsole incident`: what to do after a breach, step by step."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import click

from secconsole.cli.command import Group, ReportCommand
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.incident_users import advice, require_binding, reset_passwords
from secconsole.cli.commands.secret_key import rotation_effect, show_new_keys
from secconsole.cli.confirm import (
    Affected,
    Effect,
    confirm_effect,
    confirm_for_tenant,
    confirmation_options,
    pluralize,
)
from secconsole.cli.diagnostics import ExitCode, Progress, say
from secconsole.cli.incident_view import ENDED, ENTRIES, FREEZE, integrations, show_status
from secconsole.cli.output import format_value
from secconsole.config.dates import local_words, parse_past, parse_until
from secconsole.domain.audit.alert_rules import AlertState
from secconsole.domain.limits import LONGEST_OVERLAP, MOST_PER_PAGE
from secconsole.operations.alerts import ListAlerts
from secconsole.operations.incident import (
    EndTenantSessions,
    FreezeSignIns,
    Incident,
    ReportIncident,
    ShowIncident,
    ThawSignIns,
)
from secconsole.operations.incident_text import STEPS_BY_JOB, latest_job, markdown
from secconsole.operations.jobs import ListJobs
from secconsole.operations.portions import end_all_in_portions, whole_report
from secconsole.operations.secret_keys import ListSecretKeys, RotateSecretKeys

_since = click.option(
    "--since", default="24h", show_default=True, metavar="TIME", help="Since when: 90m, 24h, 7d, or 2027-01-31T18:00."
)
_reason = click.option("--reason", default="", help="Why, for the audit log.")


@click.group(cls=Group)
def incident() -> None:
    """Handle a breach: freeze sign-ins, end all sessions, reset, rotate, report.

    For tenant administrators and platform administrators. Each step has --dry-run, and can be repeated.
    """


@incident.command("show")
@_since
@with_backend
async def show(context: CommandContext, since: str) -> None:
    """Show what is known, what each step would affect, and which steps were taken."""
    query = ShowIncident(tenant=await context.tenant(), since=parse_past(since, datetime.now(UTC)))
    found = await context.perform(query)
    opened = ListAlerts(tenant=query.tenant, state=AlertState.OPEN, since=found.since, limit=MOST_PER_PAGE)
    alerts = await context.perform(opened)
    every = (await context.perform(ListJobs(tenant=query.tenant))).items
    jobs = [job for kind in STEPS_BY_JOB if (job := latest_job(every, kind, found.since)) is not None]
    if context.out.is_table:
        show_status(context.out, context.named_tenant, found, alerts, jobs)
    else:
        known = {field.name: getattr(found, field.name) for field in fields(found)}
        context.out.json({**known, "alerts": alerts.items, "jobs": jobs})


@incident.command("freeze")
@_reason
@confirmation_options
@with_backend
async def freeze(context: CommandContext, reason: str, dry_run: bool, yes: bool) -> int:
    """Refuse all sign-ins except those of platform administrators.

    Sign-ins in progress are refused too, and programs that check codes get "refused". Open sessions and tokens go on:
    end them with end-sessions. Thaw from an open session, as a platform administrator, or as the store's owner.
    What one of the latter two froze, only they can thaw.

    \b
    secconsole incident freeze --reason "stolen passwords, INC-7" --yes
    """
    tenant = await context.tenant()
    effect = _freeze_effect(tenant, await _status(context, tenant))
    if (ended := confirm_for_tenant(context, tenant, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    frozen = await context.perform(FreezeSignIns(tenant=tenant, reason=reason))
    context.out.record(FREEZE, frozen)
    say(f"Sign-ins to {tenant} are frozen. To end open sessions too: secconsole incident end-sessions")
    return ExitCode.DONE


@incident.command("thaw")
@_reason
@confirmation_options
@with_backend
async def thaw(context: CommandContext, reason: str, dry_run: bool, yes: bool) -> int:
    """Let users sign in again."""
    tenant = await context.tenant()
    found = await _status(context, tenant)
    since = f"since {format_value(found.frozen_since)} by {found.frozen_by}" if found.frozen_since else ""
    affected = [Affected("tenant", "", "", tenant, "sign-ins allowed")] if since else []
    words = f"Sign-ins to {tenant} are frozen {since}. Users can sign in again." if since else NOT_FROZEN.format(tenant)
    if dry_run or since:
        if (ended := confirm_effect(context, Effect(words, affected), dry_run=dry_run, yes=yes)) is not None:
            return ended
    else:
        say(words)
    context.out.record(FREEZE, await context.perform(ThawSignIns(tenant=tenant, reason=reason)))
    return ExitCode.DONE


NOT_FROZEN = "Sign-ins to {} are not frozen."


@incident.command("end-sessions")
@click.option("--and-mine", is_flag=True, help="End the session of this command too. By default it stays.")
@confirmation_options
@with_backend
async def end_sessions(context: CommandContext, and_mine: bool, dry_run: bool, yes: bool) -> int:
    """End all sessions, tokens and sign-ins in progress of the tenant.

    Your own session stays, so that you can go on, and so do those of users who outrank you: exit 7 if there are any.
    After an interruption the same command continues. The secret key stays: rotate it with rotate-secret.
    """
    tenant = await context.tenant()
    found = await _status(context, tenant)
    effect = _ending_effect(tenant, found, and_mine=and_mine)
    if (ended := confirm_for_tenant(context, tenant, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    progress = Progress("Ending sessions:")
    try:
        async for done in end_all_in_portions(context.perform, EndTenantSessions(tenant=tenant, own=and_mine)):
            progress.show(done.sessions + done.tokens)
    finally:
        progress.end()
    context.out.record(ENDED, done)
    if done.spared:
        say(f"Left open, because their users outrank you: {done.spared:,} sessions or tokens.")
    return ExitCode.PARTLY if done.spared else ExitCode.DONE


@incident.command("rotate-secret")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, LONGEST_OVERLAP),
    default=0,
    show_default=True,
    metavar="N",
    help="Keep the old key valid for N hours. After a leak: 0.",
)
@confirmation_options
@with_backend
async def rotate(context: CommandContext, overlap_hours: int, dry_run: bool, yes: bool) -> int:
    """Rotate all secret keys of the tenant's programs together, and show the new ones once.

    Names the addresses of the programs that used it last: they stop working until they have the new key.
    """
    tenant = await context.tenant()
    for line in integrations(await _status(context, tenant)):
        say(line)
    keys = (await context.perform(ListSecretKeys(tenant=tenant))).items
    effect = rotation_effect(tenant, keys, overlap_hours)
    if (ended := confirm_for_tenant(context, tenant, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    made = await context.perform(RotateSecretKeys(tenant=tenant, overlap_hours=overlap_hours))
    show_new_keys(context, made.items, first=not effect.affected)
    return ExitCode.DONE


incident.add_command(reset_passwords)
incident.add_command(require_binding)
incident.add_command(advice)


@incident.command("report", cls=ReportCommand)
@_since
@click.option("--until", metavar="TIME", help="Until when; by default now.")
@with_backend
async def report(context: CommandContext, since: str, until: str | None) -> None:
    """Print from the audit log who did what, when and from where.

    \b
    secconsole incident report --since 24h --format markdown > report.md
    """
    now = datetime.now(UTC)
    query = ReportIncident(tenant=await context.tenant(), since=parse_past(since, now))
    if until:
        query = replace(query, until=parse_until(until, now))
    found = await whole_report(context.perform, query)
    if context.out.format == "json":
        context.out.json(found)
    elif context.out.format == "csv":
        context.out.listing(ENTRIES, found.items)
    else:
        context.out.document(markdown(found, local_words))


async def _status(context: CommandContext, tenant: str) -> Incident:
    return await context.perform(ShowIncident(tenant=tenant))


def _freeze_effect(tenant: str, found: Incident) -> Effect:
    if found.frozen_since:
        return Effect(f"Sign-ins to {tenant} are frozen already, since {format_value(found.frozen_since)}.", [])
    users = sum(role.users for role in found.roles) - found.platform_admins
    able = found.platform_admins
    who = f"{able:,} of its users" if able else "none of its users"
    open_ones = f"{pluralize(found.sessions, 'session')} and {pluralize(found.tokens, 'token')}"
    words = (
        f"Only platform administrators can sign in to {tenant} until you thaw it: {who}. {pluralize(users, 'user')} "
        f'cannot. {open_ones} stay open. Programs that check codes get "refused".'
    )
    roles = [
        Affected("role", "", "", str(role.role), f"{role.users:,} cannot sign in")
        for role in found.roles
        if role.users and role.role != "platform-admin"
    ]
    return Effect(words, roles)


def _ending_effect(tenant: str, found: Incident, *, and_mine: bool) -> Effect:
    mine = "Yours ends last." if and_mine else "Yours stays."
    spared = f" {found.spared:,} of users who outrank you stay." if found.spared else ""
    words = (
        f"{pluralize(found.sessions, 'session')} and {pluralize(found.tokens, 'token')} of {tenant} end, and all "
        f"sign-ins in progress. {mine}{spared}"
    )
    affected = [
        Affected("sessions", "", "", pluralize(found.sessions, "session"), "ended", sessions=found.sessions),
        Affected("tokens", "", "", pluralize(found.tokens, "token"), "ended", tokens=found.tokens),
    ]
    return Effect(words, affected)
