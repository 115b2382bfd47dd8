"""`secconsole session`: who is signed in as a user, and ending that."""

from __future__ import annotations

from dataclasses import replace

import click

from secconsole.cli.command import Noun
from secconsole.cli.output import Column, Listing
from secconsole.cli.paging import pages
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions, SessionRow, SessionsEnded
from secconsole.operations.signin import WhoAmI

COLUMNS: list[Column[SessionRow]] = [
    Column("id", lambda s: s.id, "Id"),
    Column("created", lambda s: s.created, "Signed in"),
    Column("last_seen", lambda s: s.last_seen),
    Column("expires", lambda s: s.expires),
    Column("channel", lambda s: s.channel),
    Column("address", lambda s: s.address, "From"),
    Column("current", lambda s: s.current, "This one"),
]
ENDED: list[Column[SessionsEnded]] = [Column("ended", lambda e: e.ended, "Sessions ended")]


@click.group(cls=Noun)
def session() -> None:
    """The open sessions of a user, or one's own. A LOGIN may also be a user's id."""


@session.command("list")
@click.argument("login", required=False)
@working
async def list_sessions(work: Work, login: str | None) -> None:
    """List open sessions, newest first: a user's, or without LOGIN your own."""
    tenant, user = await _whose(work, login)
    query = ListSessions(tenant=tenant, user=user)
    listing = Listing(work.out, COLUMNS)
    async for page in pages(lambda at, size: work.perform(replace(query, cursor=at, limit=size))):
        listing.add(page.items)
    listing.end()


@session.command("end")
@click.argument("session_id", metavar="[SESSION]", required=False)
@click.option("--user", "login", metavar="LOGIN", help="Whose; without it your own.")
@click.option("--others", is_flag=True, help="All but the one that this command acts with.")
@working
async def end(work: Work, session_id: str | None, login: str | None, others: bool) -> None:
    """End one session, or all others; see: secconsole session list

    \b
    secconsole session end --others
    secconsole session end --others --user ana
    """
    if others == bool(session_id):
        raise Invalid("Say which: the id of a session, or --others for all but this one.", "session")
    tenant, user = await _whose(work, login)
    ended = await work.perform(
        EndSession(tenant=tenant, user=user, session=session_id)
        if session_id
        else EndOtherSessions(tenant=tenant, user=user)
    )
    work.out.record(ENDED, ended)


async def _whose(work: Work, login: str | None) -> tuple[str, str]:
    """Tenant and user: the one that was named, else whoever acts, in the tenant that is theirs."""
    if login:
        return await work.tenant(), login
    me = await work.perform(WhoAmI())
    if not me.id:
        raise Invalid("The owner of the store has no sessions. Say whose you mean.", "login")
    return me.tenant, me.id
