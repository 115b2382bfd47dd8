"""`secconsole whitelist`: users who are exempt from a second factor."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from secconsole.cli.bulk import read_selection, run_bulk, selection_options
from secconsole.cli.command import Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import confirmation_options
from secconsole.cli.diagnostics import ExitCode, say_sessions_ended
from secconsole.cli.output import Column, Listing
from secconsole.config.csv_file import opened, read_records
from secconsole.config.dates import parse_until
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import LONGEST_REASON, LONGEST_USER
from secconsole.operations.jobs import StartJob
from secconsole.operations.paging import pages
from secconsole.operations.portions import in_portions
from secconsole.operations.whitelist import (
    AddToWhitelist,
    Exemption,
    ListWhitelist,
    NotDone,
    RemoveFromWhitelist,
    WhitelistChanged,
)

COLUMNS: list[Column[Exemption]] = [
    Column("login", lambda e: e.login),
    Column("name", lambda e: e.name),
    Column("role", lambda e: e.role),
    Column("status", lambda e: e.status),
    Column("reason", lambda e: e.reason),
    Column("since", lambda e: e.since),
    Column("until", lambda e: e.until),
    Column("by", lambda e: e.by),
    Column("user", lambda e: e.user, "Id"),
]
RESULT: list[Column[tuple[str, str, str]]] = [
    Column("login", lambda row: row[0]),
    Column("result", lambda row: row[1]),
    Column("reason", lambda row: row[2]),
]


@click.group(cls=Group)
def whitelist() -> None:
    """Manage users who are exempt from a second factor, with reason and end."""


@whitelist.command("list")
@click.option("--search", default="", metavar="TEXT", help="Words of login, name, reason; also until:none, until:<7d.")
@with_backend
async def list_entries(context: CommandContext, search: str) -> None:
    """List the entries."""
    listing = Listing(context.out, COLUMNS[:-1] if context.out.is_table else COLUMNS)
    query = ListWhitelist(tenant=await context.tenant(), search=search)
    async for page in pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size))):
        listing.add(page.items)
    listing.end()


@whitelist.command("add")
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--reason", required=True, help="The reason, shown in the list and in the audit log.")
@click.option("--until", metavar="DATE", help="2027-01-31 (including that day, local time) or 2027-01-31T18:00Z.")
@selection_options
@confirmation_options
@with_backend
async def add(
    context: CommandContext,
    logins: tuple[str, ...],
    reason: str,
    until: str | None,
    file: Path | None,
    words: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Add users to the whitelist, or change the reason and end of their entries.

    With --file and --filter it is a job, which `job resume` continues after an interruption: exit 7 if some failed.
    """
    end, chosen = parse_until(until or "", datetime.now(UTC)), read_selection(logins, file, words)
    if dry_run or not logins:
        tenant = await context.tenant()
        job = StartJob(tenant=tenant, kind=JobKind.WHITELIST_ADD, reason=reason, until=end)
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    changed = await context.perform(
        AddToWhitelist(tenant=await context.tenant(), users=logins, reason=reason, until=end)
    )
    return _answer(context, changed, len(logins))


@whitelist.command("remove")
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--yes", is_flag=True, help="Proceed even if no platform administrator could sign in.")
@click.option("--keep-sessions", is_flag=True, help="Keep sessions and tokens that needed only a password.")
@click.option("--dry-run", is_flag=True, help="Show what would change, without changing it.")
@selection_options
@with_backend
async def remove(
    context: CommandContext,
    logins: tuple[str, ...],
    yes: bool,
    keep_sessions: bool,
    dry_run: bool,
    file: Path | None,
    words: str | None,
) -> int:
    """Remove users from the whitelist.

    Sessions and tokens that needed only a password end if a factor is now required.
    Removing the last platform administrator who could sign in can lock everyone out: exit 5, unless --yes. With --file
    and --filter it is a job, which leaves that one on the whitelist and lists them: exit 7.
    """
    chosen = read_selection(logins, file, words)
    if dry_run or not logins:
        job = StartJob(tenant=await context.tenant(), kind=JobKind.WHITELIST_REMOVE, keep_sessions=keep_sessions)
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    operation = RemoveFromWhitelist(
        tenant=await context.tenant(), users=logins, accept_lockout=yes, keep_sessions=keep_sessions
    )
    try:
        changed = await context.perform(operation)
    except Conflict as error:
        if yes or type(error) is not Conflict:
            raise
        raise Conflict(f"{error.message} To do it anyway, use --yes") from None
    code = _answer(context, changed, len(logins))
    if context.out.is_table:
        say_sessions_ended(changed.sessions_ended)
    return code


@whitelist.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@with_backend
async def import_entries(context: CommandContext, file: Path) -> int:
    """Add the users of a CSV file, or of standard input for -, to the whitelist.

    The columns are login, reason and until (2027-01-31, or empty for no end date). Existing entries take reason and end
    from the file. Lines that fail are listed: exit 7.
    """
    done: list[str] = []
    unchanged: list[str] = []
    failed: list[NotDone] = []
    with opened(file, sys.stdin.buffer) as stream:
        entries = _entries(stream, failed)
    for (reason, until), logins in entries.items():
        for some in in_portions(logins):
            wanted = AddToWhitelist(tenant=await context.tenant(), users=some, reason=reason, until=until)
            try:
                changed = await context.perform(wanted)
            except Invalid as error:  # the reason or end, which these lines share
                failed += (NotDone("", login, error.message) for login in some)
                continue
            done += changed.changed
            unchanged += changed.unchanged
            failed += changed.failed
    _show_result(context, WhitelistChanged(tuple(done), tuple(unchanged), tuple(failed)))
    return ExitCode.PARTLY if failed else ExitCode.DONE


def _entries(stream: BinaryIO, failed: list[NotDone]) -> dict[tuple[str, datetime | None], list[str]]:
    """Return logins grouped by reason and end, and append invalid lines to `failed`."""
    entries: dict[tuple[str, datetime | None], list[str]] = {}
    for record in read_records(stream, ("login", "reason", "until"), needed="login"):
        login, until = record.cells.get("login", ""), record.cells.get("until", "")
        problem = record.problem
        if not problem and not login:
            problem = "the login is empty"
        if not problem:
            problem = _too_long(record.cells)
        if not problem:
            try:
                end = parse_until(until or "", datetime.now(UTC))
                entries.setdefault((record.cells.get("reason", ""), end), []).append(login)
            except Invalid as error:
                problem = error.message
        if problem:
            failed.append(NotDone("", login, f"line {record.line}: {problem}"))
    return entries


def _too_long(cells: dict[str, str]) -> str:
    """Return why a line would make its whole request fail, or an empty text."""
    for name, most in (("login", LONGEST_USER), ("reason", LONGEST_REASON)):
        if len(cells.get(name, "")) > most:
            return f"the {name} is longer than {most:,} characters"
    return ""


def _answer(context: CommandContext, changed: WhitelistChanged, requested: int) -> int:
    """Write the result.

    A single failed user has its own exit code, and several users a partial failure.
    """
    if requested == 1 and changed.failed:
        left = changed.failed[0]
        unknown = left.user == left.login  # a known user has an id
        raise NotFound(left.reason) if unknown else NotAllowed(left.reason)
    _show_result(context, changed)
    return ExitCode.PARTLY if changed.failed else ExitCode.DONE


def _show_result(context: CommandContext, changed: WhitelistChanged) -> None:
    rows = [
        *((login, "changed", "") for login in changed.changed),
        *((login, "unchanged", "") for login in changed.unchanged),
        *((left.login or left.user, "not done", left.reason) for left in changed.failed),
    ]
    if context.out.format == "json":
        context.out.json(changed)
    else:
        context.out.listing(RESULT, rows)
