"""`secconsole audit`: list, verify and export the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click

from secconsole.cli.command import Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.audit_retention import retain, retention
from secconsole.cli.commands.audit_stream import stream
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Listing
from secconsole.cli.verifying import verify_against, verify_chain
from secconsole.config.dates import parse_since, parse_until
from secconsole.operations.audit import AuditCheck, AuditEntry, AuditHead, AuditPage, ListAudit, ShowAuditHead
from secconsole.operations.events import EventGroup
from secconsole.operations.paging import pages

GROUPS = tuple(group.value for group in EventGroup)
OUTCOMES = ("done", "continues", "refused", "failed")

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
    Column("act", lambda e: e.act),
]
IN_TABLE = [
    Column("target", lambda e: _of_many(e)) if c.key == "target" else c
    for c in COLUMNS
    if c.key in ("at", "actor", "action", "target", "outcome", "reason", "ticket")
]
CHECK: list[Column[AuditCheck]] = [
    Column("whole", lambda c: c.whole),
    Column("entries", lambda c: c.entries),
    Column("first_broken", lambda c: c.first_broken),
    Column("problem", lambda c: c.problem),
    Column("position", lambda c: c.position),
    Column("heads", lambda c: c.heads, "Heads that agree"),
    Column("removed", lambda c: c.removed, "Entries removed"),
    Column("older_heads", lambda c: c.older_heads, "Heads of removed"),
]
HEADS: list[Column[AuditHead]] = [
    Column("tenant", lambda h: h.tenant),
    Column("tenant_id", lambda h: h.tenant_id),
    Column("chain", lambda h: h.chain),
    Column("seq", lambda h: h.seq, "Entry"),
    Column("mac", lambda h: h.mac, "MAC"),
    Column("at", lambda h: h.at),
    Column("key_id", lambda h: h.key_id),
    Column("signature", lambda h: h.signature),
]


@click.group(cls=Group)
def audit() -> None:
    """List, verify and export the audit log: who did what to which target, when and from where."""


for _command in (stream, retention, retain):
    audit.add_command(_command)


class FilterWords(TypedDict):
    """Options of the filters, as click passes them."""

    search: str
    actor: str
    user: str
    action: tuple[str, ...]
    group: str | None
    outcome: str | None
    ticket: str
    address: str
    since: str | None
    until: str | None


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the filters, in the order that the help lists them."""
    options = (
        click.option("--search", default="", metavar="TEXT", help="Text in actor, target, action, reason or ticket."),
        click.option("--actor", default="", metavar="LOGIN", help="Only entries about what this user did."),
        click.option("--user", default="", metavar="LOGIN", help="Only entries about this user."),
        click.option("--action", multiple=True, help="Only this action, for example unbind. May be repeated."),
        click.option("--group", type=click.Choice(GROUPS), help="Only the actions of this group."),
        click.option("--outcome", type=click.Choice(OUTCOMES), help="Only entries with this outcome."),
        click.option("--ticket", default="", help="Only entries with this ticket."),
        click.option("--address", default="", help="Only requests from this address."),
        click.option("--since", metavar="DATE", help="Only entries since then: 2027-01-31 or 2027-01-31T18:00."),
        click.option("--until", metavar="DATE", help="Only entries until then, a day included."),
    )
    # Decorators apply from the bottom up, so reversed they keep the order above.
    for option in reversed(options):
        command = option(command)
    return command


@audit.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The maximum number of entries.")
@click.option("--expand", is_flag=True, help="List each user of an act on many. Always so with json and csv.")
@click.option("--act", default="", metavar="ACT", help="List only the users of one act, by the act in an entry.")
@click.option("--all", "everything", is_flag=True, help="List all entries.")
@click.option("--cursor", help="Continue after an earlier result, from its next.")
@with_backend
async def list_entries(
    context: CommandContext,
    limit: int,
    expand: bool,
    act: str,
    everything: bool,
    cursor: str | None,
    **words: Unpack[FilterWords],
) -> None:
    """List entries, newest first, with one line for an act on many users."""
    # People read one line for an act on many users. Programs get every entry, as the log has it.
    fold = context.out.is_table and not expand and not act
    query = replace(_query(await context.tenant(), words), fold=fold, act=act)
    listing = Listing(context.out, IN_TABLE if context.out.is_table else COLUMNS)
    next = cursor
    folded = ""
    async for page in _pages(context, query, most=None if everything else limit, cursor=cursor):
        listing.add(page.items)
        next = page.next
        folded = folded or _first_act(page.items)
    listing.end(next)
    if folded:
        say(f"List the users of an act with --expand, or of one: secconsole audit list --act {folded}")
    if next and context.out.is_table:
        say(f"There are more entries: use --all, or --cursor {next}")


def _first_act(entries: Sequence[AuditEntry]) -> str:
    """Return the first act of these that represents several entries, empty if there is none."""
    return next((entry.act for entry in entries if entry.entries > 1), "")


def _of_many(entry: AuditEntry) -> str:
    return f"{entry.target} and {entry.entries - 1:,} more" if entry.entries > 1 else entry.target


@audit.command("head")
@with_backend
async def head(context: CommandContext) -> None:
    """Print the signed head of the audit, as JSON unless --format is given.

    Keep it where nobody who can write to the store can change it: it proves later that no entry before it was changed,
    removed or inserted, even if an older state of the store was restored.

    \b
    secconsole audit head > head.json
    secconsole audit verify --against head.json
    """
    heads = await context.perform(ShowAuditHead(tenant=await context.tenant()))
    # It is kept as a file and read by `verify --against`, so nobody should have to remember --format json.
    context.out.as_document()
    context.out.listing(HEADS, heads.items, next=heads.next)


@audit.command("verify")
@click.option(
    "--against",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Heads kept elsewhere: from audit head, or a log of serve; - for standard input.",
)
@with_backend
async def verify(context: CommandContext, against: tuple[Path, ...]) -> int:
    """Verify that no entry was changed, removed or inserted: exit 0 if so, 1 if not.

    Without --against, entries that were cut off together with the head are not missed.

    \b
    journalctl -u secconsole -o cat | secconsole audit verify --against -
    """
    tenant = await context.tenant()
    check = await (verify_against(context, tenant, against) if against else verify_chain(context, tenant))
    context.out.record(CHECK, check)
    if context.out.is_table and check.removed:
        say(f"Retention removed the entries up to {check.removed:,}. The check starts from their signed checkpoint.")
    if check.older_heads:
        say(f"Heads that name removed entries prove nothing now: {check.older_heads:,}. Keep newer ones.")
    return ExitCode.DONE if check.whole else ExitCode.NO


@audit.command("export")
@_filters
@click.option("--lines", is_flag=True, help="Write JSON Lines: one object on each line.")
@with_backend
async def export(context: CommandContext, lines: bool, **words: Unpack[FilterWords]) -> None:
    """Export entries, newest first, as CSV unless --format or --lines is given."""
    query = _query(await context.tenant(), words)
    if lines:
        # Page by page, since the log of years does not fit in memory.
        async for page in _pages(context, query):
            context.out.json_lines(page.items)
        return
    context.out.for_export()
    listing = Listing(context.out, COLUMNS)
    async for page in _pages(context, query):
        listing.add(page.items)
    listing.end()


def _query(tenant: str, words: FilterWords) -> ListAudit:
    since, until = words["since"], words["until"]
    return ListAudit(
        tenant=tenant,
        search=words["search"],
        actor=words["actor"],
        user=words["user"],
        actions=words["action"],
        group=words["group"] or "",
        outcome=words["outcome"] or "",
        ticket=words["ticket"],
        address=words["address"],
        since=parse_since(since) if since else None,
        until=parse_until(until, datetime.now(UTC)) if until else None,
    )


def _pages(
    context: CommandContext, query: ListAudit, *, most: int | None = None, cursor: str | None = None
) -> AsyncIterator[AuditPage]:
    return pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size)), most=most, cursor=cursor)
