"""`secconsole bypass`: one short-lived code for a user whose phone is not at hand."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, format_value
from secconsole.config.dates import parse_start
from secconsole.domain.errors import Invalid
from secconsole.domain.factors.bypass import MOST_MINUTES
from secconsole.operations.bypass import BypassIssued, BypassRevoked, IssueBypass, RevokeBypass
from secconsole.operations.users import ShowUser

ISSUED: list[Column[BypassIssued]] = [
    Column("login", lambda b: b.login),
    Column("id", lambda b: b.id, "Id"),
    Column("code", lambda b: b.code.reveal()),
    Column("starts", lambda b: b.starts),
    Column("until", lambda b: b.until),
    Column("replaced", lambda b: b.replaced),
]
REVOKED: list[Column[BypassRevoked]] = [Column("login", lambda b: b.login), Column("id", lambda b: b.id, "Id")]


@click.command(cls=Command)
@click.argument("login")
@click.option("--reason", default="", help="The reason. Required, and kept in the audit log.")
@click.option("--ticket", default="", help="The ticket of the request.")
@click.option("--minutes", type=click.IntRange(1, MOST_MINUTES), help="How long it works. The policy has a default.")
@click.option(
    "--from", "starts", default="", metavar="TIME", help="When it begins to work: 08:00, or 2027-01-31T08:00."
)
@click.option("--revoke", is_flag=True, help="Revoke the unused code instead.")
@with_backend
async def bypass(
    context: CommandContext, login: str, reason: str, ticket: str, minutes: int | None, starts: str, revoke: bool
) -> int:
    """Issue a code that replaces the second factor of one sign-in.

    The code is shown once. An earlier code of the user stops working. The user types it in place of the phone's code;
    case, spaces and dashes do not matter. A sign-in with it can neither bind a factor nor confirm dangerous actions.

    \b
    secconsole bypass uma --reason "phone at home" --minutes 30
    secconsole bypass uma --revoke
    """
    tenant = await context.tenant()
    if revoke:
        if reason or ticket or minutes is not None or starts:
            raise Invalid("--revoke takes only the login.", "revoke")
        found = await context.perform(ShowUser(tenant=tenant, user=login))
        context.out.record(REVOKED, await context.perform(RevokeBypass(tenant=tenant, user=found.user.id)))
        return ExitCode.DONE
    if not reason.strip():
        raise Invalid("Say why with --reason TEXT.", "reason")
    begin = parse_start(starts, datetime.now(UTC))
    found = await context.perform(ShowUser(tenant=tenant, user=login))
    wanted = IssueBypass(tenant=tenant, user=found.user.id, reason=reason, ticket=ticket, minutes=minutes, starts=begin)
    issued = await context.perform(wanted)
    if context.out.format == "json":
        context.out.json(issued, reveal=True)
    elif context.out.is_table:
        context.out.line(issued.code.reveal())
        say(bypass_words(issued))
    else:
        context.out.listing(ISSUED, [issued])
    return ExitCode.DONE


def bypass_words(issued: BypassIssued) -> str:
    """Describe a new code for the person who passes it on."""
    starts, until = format_value(issued.starts), format_value(issued.until)
    text = f"{issued.login} can sign in with it once, from {starts} until {until}. It is not shown again."
    if issued.replaced:
        text += " The earlier code no longer works."
    return f"{text} {issued.message}".rstrip()
