"""`secconsole audit`: what was done, by whom, to whom, when and from where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import click

from secconsole.cli.command import Noun
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Listing
from secconsole.cli.paging import pages
from secconsole.cli.work import Work, working
from secconsole.config.until import parse_since
from secconsole.operations.audit import AuditCheck, AuditEntry, AuditPage, ListAudit, VerifyAudit

MOST_PER_PAGE = 500

COLUMNS: list[Column[AuditEntry]] = [
    Column("id", lambda e: e.id, "Id"),
    Column("at", lambda e: e.at, "When"),
    Column("actor", lambda e: e.actor, "Who"),
    Column("action", lambda e: e.action),
    Column("target", lambda e: e.target),
    Column("target_id", lambda e: e.target_id),
    Column("outcome", lambda e: e.outcome),
    Column("reason", lambda e: e.reason),
    Column("ticket", lambda e: e.ticket),
    Column("channel", lambda e: e.channel),
    Column("address", lambda e: e.address),
    Column("request_id", lambda e: e.request_id),
    Column("details", lambda e: tuple(f"{name}={value}" for name, value in e.details.items())),
]
IN_TABLE = [c for c in COLUMNS if c.key not in ("id", "target_id", "channel", "address", "request_id", "details")]
CHECK: list[Column[AuditCheck]] = [
    Column("whole", lambda c: c.whole),
    Column("entries", lambda c: c.entries),
    Column("first_broken", lambda c: c.first_broken),
    Column("problem", lambda c: c.problem),
]


@click.group(cls=Noun)
def audit() -> None:
    """What was done, by whom, to whom, when and from where."""


@audit.command("list")
@click.option("--search", default="", metavar="TEXT", help="Part of who, whom or what.")
@click.option("--action", default="", help="Only this action, such as unbind.")
@click.option("--user", default="", metavar="LOGIN", help="Only what concerns this user.")
@click.option("--since", metavar="DATE", help="Only from then on: 2027-01-31 or 2027-01-31T18:00.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="All of them, however many.")
@click.option("--cursor", help="Go on after an earlier answer: its next.")
@working
async def list_entries(
    work: Work, search: str, action: str, user: str, since: str | None, limit: int, everything: bool, cursor: str | None
) -> None:
    """List entries, the newest first."""
    query = ListAudit(
        tenant=await work.tenant(), search=search, action=action, user=user,
        since=parse_since(since) if since else None,
    )  # fmt: skip
    listing = Listing(work.out, IN_TABLE if work.out.is_table else COLUMNS)
    next = cursor
    async for page in _pages(work, query, most=None if everything else limit, cursor=cursor):
        listing.add(page.items)
        next = page.next
    listing.end(next)
    if next and work.out.is_table:
        say(f"There are more: --all, or --cursor {next}")


@audit.command("verify")
@working
async def verify(work: Work) -> int:
    """Check that no entry was changed, removed or put in: exit 0 whole, 1 not."""
    check = await work.perform(VerifyAudit(tenant=await work.tenant()))
    work.out.record(CHECK, check)
    return ExitCode.DONE if check.whole else ExitCode.NO


@audit.command("export")
@working
async def export(work: Work) -> None:
    """Write all entries, the newest first: CSV unless --format says otherwise."""
    work.out.for_export()
    listing = Listing(work.out, COLUMNS)
    async for page in _pages(work, ListAudit(tenant=await work.tenant())):
        listing.add(page.items)
    listing.end()


def _pages(
    work: Work, query: ListAudit, *, most: int | None = None, cursor: str | None = None
) -> AsyncIterator[AuditPage]:
    return pages(lambda at, size: work.perform(replace(query, cursor=at, limit=size)), most=most, cursor=cursor)
