"""`secconsole whitelist`: who need not use a second factor, why, and until when."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from secconsole.cli.command import Noun
from secconsole.cli.csv_file import opened, read_records
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column, Listing
from secconsole.cli.paging import pages
from secconsole.cli.work import Work, working
from secconsole.config.until import parse_until
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound
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
AT_ONCE = 500


@click.group(cls=Noun)
def whitelist() -> None:
    """Who need not use a second factor, why, and until when."""


@whitelist.command("list")
@click.option("--search", default="", metavar="TEXT", help="Part of login or name.")
@working
async def list_entries(work: Work, search: str) -> None:
    """List the entries."""
    listing = Listing(work.out, COLUMNS[:-1] if work.out.is_table else COLUMNS)
    query = ListWhitelist(tenant=await work.tenant(), search=search)
    async for page in pages(lambda at, size: work.perform(replace(query, cursor=at, limit=size))):
        listing.add(page.items)
    listing.end()


@whitelist.command("add")
@click.argument("logins", nargs=-1, required=True, metavar="LOGIN…")
@click.option("--reason", required=True, help="Why; it stands in the list and in the audit.")
@click.option("--until", metavar="DATE", help="2027-01-31: through that day, here; 2027-01-31T18:00Z: until then.")
@working
async def add(work: Work, logins: tuple[str, ...], reason: str, until: str | None) -> int:
    """Put users on the whitelist, or change reason and end of those who are on it."""
    end = parse_until(until or "", datetime.now(UTC))
    changed = await work.perform(AddToWhitelist(tenant=await work.tenant(), users=logins, reason=reason, until=end))
    return _answer(work, changed, len(logins))


@whitelist.command("remove")
@click.argument("logins", nargs=-1, required=True, metavar="LOGIN…")
@click.option("--yes", is_flag=True, help="Even if it leaves no platform administrator who could sign in.")
@working
async def remove(work: Work, logins: tuple[str, ...], yes: bool) -> int:
    """Take users off the whitelist.

    Taking off the last platform administrator who has no factor bound can lock everybody out: exit 5, unless --yes.
    """
    operation = RemoveFromWhitelist(tenant=await work.tenant(), users=logins, accept_lockout=yes)
    try:
        changed = await work.perform(operation)
    except Conflict as error:
        if yes or type(error) is not Conflict:
            raise
        raise Conflict(f"{error.message} To do it all the same: --yes") from None
    return _answer(work, changed, len(logins))


@whitelist.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@working
async def import_entries(work: Work, file: Path) -> int:
    """Put the users of a CSV file on the whitelist, or those on standard input with -.

    The columns are login, reason and until (2027-01-31, or empty for no end). Who is on it already gets the file's
    reason and end. Lines that cannot be done are listed: exit 7.
    """
    done: list[str] = []
    unchanged: list[str] = []
    failed: list[NotDone] = []
    with opened(file, sys.stdin.buffer) as stream:
        entries = _entries(stream, failed)
    for (reason, until), logins in entries.items():
        for start in range(0, len(logins), AT_ONCE):
            some = tuple(logins[start : start + AT_ONCE])
            changed = await work.perform(
                AddToWhitelist(tenant=await work.tenant(), users=some, reason=reason, until=until)
            )
            done += changed.changed
            unchanged += changed.unchanged
            failed += changed.failed
    _tell(work, WhitelistChanged(tuple(done), tuple(unchanged), tuple(failed)))
    return ExitCode.PARTLY if failed else ExitCode.DONE


def _entries(stream: BinaryIO, failed: list[NotDone]) -> dict[tuple[str, datetime | None], list[str]]:
    """Logins by reason and end, so that those who share them go together; bad lines go to `failed`."""
    entries: dict[tuple[str, datetime | None], list[str]] = {}
    for record in read_records(stream, ("login", "reason", "until"), needed="login"):
        login, until = record.cells.get("login", ""), record.cells.get("until", "")
        problem = record.problem
        if not problem and not login:
            problem = "the login is empty"
        if not problem:
            try:
                end = parse_until(until or "", datetime.now(UTC))
                entries.setdefault((record.cells.get("reason", ""), end), []).append(login)
            except Invalid as error:
                problem = error.message
        if problem:
            failed.append(NotDone("", login, f"line {record.line}: {problem}"))
    return entries


def _answer(work: Work, changed: WhitelistChanged, asked: int) -> int:
    """Of many, some that failed is partly done; for one that failed there is an exit code of its own."""
    if asked == 1 and changed.failed:
        left = changed.failed[0]
        unknown = left.user == left.login  # somebody who is known has an id
        raise NotFound(left.reason) if unknown else NotAllowed(left.reason)
    _tell(work, changed)
    return ExitCode.PARTLY if changed.failed else ExitCode.DONE


def _tell(work: Work, changed: WhitelistChanged) -> None:
    rows = [
        *((login, "changed", "") for login in changed.changed),
        *((login, "stood so already", "") for login in changed.unchanged),
        *((left.login or left.user, "not done", left.reason) for left in changed.failed),
    ]
    if work.out.format == "json":
        work.out.json(changed)
    else:
        work.out.listing(RESULT, rows)
