"""`secconsole user invite`: a first-time password by mail for one user who has none, or for many as a job."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.cli.bulk import Selection, read_selection, run_bulk, selection_options
from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import confirmation_options
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, format_value
from secconsole.domain.errors import Conflict, NotFound
from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.model import Flag
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations.invitations import Invited, InviteUsers
from secconsole.operations.jobs import StartJob

NOBODY = "Everyone has a password already: there is nobody to invite."
COLUMNS: list[Column[Invited]] = [
    Column("login", lambda user: user.login),
    Column("id", lambda user: user.id, "Id"),
    Column("result", lambda _: "invited"),
    Column("to", lambda user: user.masked),
]


@click.command("invite", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--all-without-password", is_flag=True, help="All users who have no password.")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_INVITATION),
    default=USUAL_DAYS,
    show_default=True,
    help="How long the first-time password is valid.",
)
@selection_options
@confirmation_options
@with_backend
async def invite(
    context: CommandContext,
    logins: tuple[str, ...],
    all_without_password: bool,
    days: int,
    file: Path | None,
    words: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Mail a first-time password to users who have none.

    The mail goes to the address on record and contains no link. The first sign-in with the password asks for a new one.
    It is shown nowhere else. Inviting again replaces it, and users who chose a password keep it. Several users are a
    job, which `job resume` continues: exit 7 if some failed, as those with no address. After the limit of a day,
    `job retry` continues with those who are left.

    \b
    secconsole user invite --all-without-password --dry-run
    secconsole user invite --filter "role:helpdesk is:no-password" --yes
    """
    if all_without_password:
        if logins or file is not None or words is not None:
            raise click.UsageError("Name users, or use one of --all-without-password, --file and --filter.")
        words = f"is:{Flag.NO_PASSWORD}"
    chosen, tenant = read_selection(logins, file, words), await context.tenant()
    if chosen.one and not dry_run:
        return await _invite_one(context, InviteUsers(tenant=tenant, users=(chosen.one,), days=days))
    return await _invite_many(context, StartJob(tenant=tenant, kind=JobKind.INVITE, days=days), chosen, dry_run, yes)


async def _invite_one(context: CommandContext, operation: InviteUsers) -> int:
    """Invite one user, with a separate exit code for each outcome."""
    result = await context.perform(operation)
    if result.failed:
        left = result.failed[0]
        if left.user == left.login:  # a known user has an id
            raise NotFound(left.reason)
        raise Conflict(f"{left.login} was not invited: {left.reason}")
    if context.out.format == "json":
        context.out.json(result)
        return ExitCode.DONE
    context.out.listing(COLUMNS, result.invited)
    if context.out.is_table:
        context.out.line(f"The first-time password is valid until {format_value(result.until)}.")
    return ExitCode.DONE


async def _invite_many(context: CommandContext, job: StartJob, chosen: Selection, dry_run: bool, yes: bool) -> int:
    try:
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    except NotFound:
        if chosen.filter != f"is:{Flag.NO_PASSWORD}":
            raise
        say(NOBODY)  # repeated by a timer, say
        return ExitCode.DONE
