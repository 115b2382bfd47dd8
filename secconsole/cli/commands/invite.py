"""`secconsole user invite`: a first-time password by mail for users who have none."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import confirmation_options, pluralize
from secconsole.cli.csv_file import opened
from secconsole.cli.diagnostics import ExitCode, Progress, ask, ask_yes_no, can_ask, say
from secconsole.cli.output import Column, format_value
from secconsole.cli.people_file import read_people
from secconsole.domain.errors import Conflict, Invalid, NotFound
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.model import Flag
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.domain.users.search import UserFilter, parse_search
from secconsole.operations.invitations import InvitationPreview, InvitationResult, InviteUsers
from secconsole.operations.paging import pages
from secconsole.operations.portions import invite_in_portions, preview_invitations
from secconsole.operations.unbinding import TYPED_ABOVE
from secconsole.operations.user_import import Rejected
from secconsole.operations.users import ListUsers
from secconsole.operations.whitelist import NotDone

_LISTED = 200  # users who cannot be invited, in a table; JSON and CSV have all of them
NOBODY = "Everyone who matches has a password already: there is nobody to invite."


@dataclass(frozen=True, slots=True)
class _Row:
    """One user of the result."""

    login: str
    id: str
    result: str
    to: str
    reason: str


COLUMNS: list[Column[_Row]] = [
    Column("login", lambda r: r.login),
    Column("id", lambda r: r.id, "Id"),
    Column("result", lambda r: r.result),
    Column("to", lambda r: r.to),
    Column("reason", lambda r: r.reason),
]


@click.command("invite", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--all-without-password", is_flag=True, help="All users who have no password.")
@click.option(
    "--file", type=click.Path(path_type=Path, allow_dash=True), help="The users of a CSV file with a column login."
)
@click.option("--filter", "words", default="", metavar="WORDS", help="The users that a search finds.")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_INVITATION),
    default=USUAL_DAYS,
    show_default=True,
    help="How long the first-time password is valid.",
)
@confirmation_options
@with_backend
async def invite(
    context: CommandContext,
    logins: tuple[str, ...],
    all_without_password: bool,
    file: Path | None,
    words: str,
    days: int,
    dry_run: bool,
    yes: bool,
) -> int:
    """Mail a first-time password to users who have none.

    The mail goes to the address on record and contains no link. The first sign-in with the password asks for a new one.
    It is shown nowhere else. Inviting again replaces it. Users who have a password, or no address, are listed with the
    reason: exit 7. Without a terminal, --yes is required for more than one user. After the limit of a day, the same
    command continues with those who are left.

    \b
    secconsole user invite --all-without-password --dry-run
    secconsole user invite --filter "role:helpdesk is:no-password" --yes
    """
    ways = (bool(logins), all_without_password, file is not None, bool(words.strip()))
    if sum(ways) != 1:
        raise click.UsageError("Name users, or use one of --all-without-password, --file and --filter.")
    tenant = await context.tenant()
    if len(logins) == 1 and not dry_run:
        return await _invite_one(context, InviteUsers(tenant=tenant, users=logins, days=days))
    failed: list[NotDone] = []
    users = tuple(dict.fromkeys(logins)) or await _users(context, tenant, file, words, failed)
    if not users and not failed:
        say(NOBODY)
        return ExitCode.DONE
    if dry_run or not yes:
        preview = InvitationPreview((), 0, (), 0, mails=True)
        if users:
            preview = await preview_invitations(context.perform, tenant, users)
        if dry_run:
            _show_preview(context, preview, failed)
            return ExitCode.DONE
        if not _agreed(preview):
            say("Nobody was invited.")
            return ExitCode.NO
    result = await _invite_many(context, tenant, users, days)
    _show(context, InvitationResult(result.invited, (*result.failed, *failed), result.until))
    return ExitCode.PARTLY if result.failed or failed else ExitCode.DONE


async def _invite_one(context: CommandContext, operation: InviteUsers) -> int:
    """Invite one user, with a separate exit code for each outcome."""
    result = await context.perform(operation)
    if result.failed:
        left = result.failed[0]
        if left.user == left.login:  # a known user has an id
            raise NotFound(left.reason)
        raise Conflict(f"{left.login} was not invited: {left.reason}")
    _show(context, result)
    return ExitCode.DONE


async def _users(
    context: CommandContext, tenant: str, file: Path | None, words: str, failed: list[NotDone]
) -> tuple[str, ...]:
    """Return the users of a file or of a search, and append the invalid lines to `failed`."""
    if file is not None:
        found: list[str] = []
        with opened(file, sys.stdin.buffer) as stream:
            for person in read_people(stream):
                if isinstance(person, Rejected):
                    failed.append(NotDone("", person.login, f"line {person.line}: {person.reason}"))
                else:
                    found.append(person.login)
        return tuple(found)
    wanted, problems = parse_search(words) if words else (UserFilter(flag=Flag.NO_PASSWORD), [])
    if problems:
        raise Invalid(f"--filter is invalid: {'; '.join(problems)}.", "filter")
    ids: list[str] = []
    async for page in pages(
        lambda at, size: context.perform(ListUsers(tenant=tenant, filter=wanted, cursor=at, limit=size))
    ):
        ids += (user.id for user in page.items)
    return tuple(ids)


def _agreed(preview: InvitationPreview) -> bool:
    """Ask for confirmation, or raise `Invalid` if no one can be asked."""
    count = len(preview.invited)
    if not can_ask():
        raise Invalid(f"{_counts(preview)} Check with --dry-run, and confirm with --yes.", "yes")
    say(_counts(preview))
    if count > TYPED_ABOVE:
        return ask("Type the number of users to invite them:").strip().replace(",", "") == str(count)
    return bool(count) and ask_yes_no(f"Invite {pluralize(count, 'user')}?")


async def _invite_many(context: CommandContext, tenant: str, users: tuple[str, ...], days: int) -> InvitationResult:
    done = InvitationResult((), (), None)
    progress = Progress("Inviting users:")
    try:
        async for done in invite_in_portions(context.perform, tenant, users, days):
            progress.show(len(done.invited) + len(done.failed))
    except BaseException:
        progress.end()
        if done.invited:
            say(f"{pluralize(len(done.invited), 'user')} were invited before the error. Repeat to continue.")
        raise
    progress.end()
    return done


def _counts(preview: InvitationPreview) -> str:
    """Return what an invitation of many would do, in one line."""
    if not preview.mails:
        return "Mail is not set up here, so nobody can be invited. Set it up first: secconsole delivery set-smtp"
    parts = [f"{pluralize(len(preview.invited), 'user')} would get a first-time password by mail."]
    if preview.again:
        parts.append(f"{preview.again:,} of them again: the earlier one is void then.")
    if preview.failed:
        parts.append(f"{len(preview.failed):,} cannot be invited.")
    if len(preview.invited) > preview.room:
        parts.append(f"The limit of a day has room for {preview.room:,} now; repeat tomorrow for the rest.")
    return " ".join(parts)


def _show_preview(context: CommandContext, preview: InvitationPreview, failed: list[NotDone]) -> None:
    if context.out.format == "json":
        context.out.json(preview)
        return
    if context.out.is_table:
        context.out.line(_counts(preview))
    rows = [_Row(user.login, user.id, "would be invited", user.masked, "") for user in preview.invited]
    _list(context, rows, [*preview.failed, *failed], "cannot be invited")


def _show(context: CommandContext, result: InvitationResult) -> None:
    if context.out.format == "json":
        context.out.json(result)
        return
    rows = [_Row(user.login, user.id, "invited", user.masked, "") for user in result.invited]
    _list(context, rows, list(result.failed), "not invited")
    if context.out.is_table and result.until:
        context.out.line(f"The first-time passwords are valid until {format_value(result.until)}.")


def _list(context: CommandContext, rows: list[_Row], failed: list[NotDone], words: str) -> None:
    """Write the users, those who are not invited first in a table, as they need attention."""
    left = [_Row(one.login or one.user, one.user, words, "", one.reason) for one in failed]
    if not context.out.is_table:
        context.out.listing(COLUMNS, [*rows, *left])
        return
    context.out.listing(COLUMNS, [*left[:_LISTED], *rows[:_LISTED]])
    for count, what in ((len(left), words), (len(rows), rows[0].result if rows else "")):
        if count > _LISTED:
            say(f"{count - _LISTED:,} more: {what}. For all of them: --format csv")
