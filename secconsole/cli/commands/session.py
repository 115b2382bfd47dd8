"""`secconsole session`: open sessions of a user."""

from __future__ import annotations

from dataclasses import replace

import click

from secconsole.cli.command import Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options, pluralize
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column, Listing, format_value
from secconsole.domain.errors import Invalid, NotFound
from secconsole.operations.paging import pages
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions, SessionRow, SessionsEnded
from secconsole.operations.signin import WhoAmI
from secconsole.operations.users import ShowUser

COLUMNS: list[Column[SessionRow]] = [
    Column("id", lambda s: s.id, "Id"),
    Column("created", lambda s: s.created, "Signed in"),
    Column("last_seen", lambda s: s.last_seen),
    Column("expires", lambda s: s.expires),
    Column("channel", lambda s: s.channel),
    Column("address", lambda s: s.address, "From"),
    Column("factor", lambda s: s.factor or "password alone", "Opened with"),
    Column("current", lambda s: s.current, "This one"),
]
ENDED: list[Column[SessionsEnded]] = [Column("ended", lambda e: e.ended, "Sessions ended")]


@click.group(cls=Group)
def session() -> None:
    """List and end open sessions: your own, or those of a user.

    LOGIN may also be a user id.
    """


@session.command("list")
@click.argument("login", required=False)
@with_backend
async def list_sessions(context: CommandContext, login: str | None) -> None:
    """List the open sessions of a user, or your own without LOGIN, newest first."""
    tenant, user = await _tenant_and_user(context, login)
    query = ListSessions(tenant=tenant, user=user)
    listing = Listing(context.out, COLUMNS)
    async for page in pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size))):
        listing.add(page.items)
    listing.end()


@session.command("end")
@click.argument("session_id", metavar="[SESSION]", required=False)
@click.option("--user", "login", metavar="LOGIN", help="The user. Default: yourself.")
@click.option("--others", is_flag=True, help="All sessions except the one of this command.")
@confirmation_options
@with_backend
async def end(
    context: CommandContext, session_id: str | None, login: str | None, others: bool, dry_run: bool, yes: bool
) -> int:
    """End one session, or all others.

    SESSION is an id shown by secconsole session list.

    \b
    secconsole session end --others
    secconsole session end --others --user ana
    """
    if others == bool(session_id):
        raise Invalid("Give the id of a session, or --others for all but this one.", "session")
    tenant, user = await _tenant_and_user(context, login)
    effect = await _effect(context, tenant, user, login or "you", session_id)
    if (refused := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return refused
    ended = await context.perform(
        EndSession(tenant=tenant, user=user, session=session_id)
        if session_id
        else EndOtherSessions(tenant=tenant, user=user)
    )
    context.out.record(ENDED, ended)
    return ExitCode.DONE


async def _effect(context: CommandContext, tenant: str, user: str, whose: str, session_id: str | None) -> Effect:
    """Return the sessions that would end.

    Raise `NotFound` if the named one is not open.
    """
    query = ListSessions(tenant=tenant, user=user)
    affected, own = [], False
    async for page in pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size))):
        for row in page.items:
            own |= row.current
            if row.id == session_id or (session_id is None and not row.current):
                name = f"{row.channel}, {row.address or 'no address'}, signed in {format_value(row.created)}"
                affected.append(Affected("session", row.id, whose, name, "ended", sessions=1))
    if session_id and not affected:
        raise NotFound("The session does not exist. It may have ended.")
    if session_id:
        return Effect(f"A session of {whose} ends: {affected[0].name}.", affected)
    tokens = 0 if own or whose == "you" else (await context.perform(ShowUser(tenant=tenant, user=user))).tokens
    if tokens:  # the tokens of another user end with the sessions
        affected.append(Affected("tokens", "", whose, pluralize(tokens, "token"), "ended", tokens=tokens))
    ending = f"{pluralize(len(affected) - bool(tokens), 'session')} and {pluralize(tokens, 'token')} of {whose}"
    return Effect(f"{ending} end, and so do sign-ins in progress.", affected)


async def _tenant_and_user(context: CommandContext, login: str | None) -> tuple[str, str]:
    """Return tenant and user: the named user, or the caller in their own tenant."""
    if login:
        return await context.tenant(), login
    me = await context.perform(WhoAmI())
    if not me.id:
        raise Invalid("The owner of the store has no sessions. Name a user.", "login")
    return me.tenant, me.id
