"""`secconsole token`: personal access tokens."""

from __future__ import annotations

from dataclasses import replace

import click

from secconsole.cli.command import Noun, Word
from secconsole.cli.diagnostics import say
from secconsole.cli.output import Column, Listing
from secconsole.cli.paging import pages
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_TOKEN
from secconsole.domain.scope import Scope
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tokens import CreateToken, ListOwnTokens, ListTokens, NewToken, RevokeToken, TokenRow

COLUMNS: list[Column[TokenRow]] = [
    Column("name", lambda t: t.name),
    Column("scopes", lambda t: t.scopes),
    Column("owner", lambda t: t.owner),
    Column("created", lambda t: t.created),
    Column("expires", lambda t: t.expires),
    Column("last_used", lambda t: t.last_used),
    Column("id", lambda t: t.id),
]
MADE: list[Column[NewToken]] = [
    Column("id", lambda t: t.id),
    Column("token", lambda t: t.token.reveal()),
    Column("name", lambda t: t.name),
    Column("scopes", lambda t: t.scopes),
    Column("expires", lambda t: t.expires),
]


@click.group(cls=Noun)
def token() -> None:
    """Personal access tokens, with which programs act for you: create, list, revoke."""


@token.command("create")
@click.option("--name", required=True, metavar="NAME", help="What it is for.")
@click.option("--scope", "scopes", type=Word(Scope), multiple=True, default=("read",), show_default="read",
              help="What it may do: read what you may see, verify users' codes. May be repeated.")  # fmt: skip
@click.option("--days", type=click.IntRange(1, LONGEST_TOKEN), default=30, show_default=True, help="How long it works.")
@working
async def create(work: Work, name: str, scopes: tuple[Scope, ...], days: int) -> None:
    """Create a token of your own. It is shown once; put it into a file that only its user may read.

    Programs act with it by --token-file FILE or SECCONSOLE_TOKEN_FILE, within its scopes and your role. It ends when it
    expires, is revoked, or your account is disabled or reset. The owner of the store needs --tenant if there are
    several.

    \b
    (umask 077; secconsole token create --name ci --scope read > ci.token)
    """
    who = await work.perform(WhoAmI())
    tenant = None if who.id else await work.tenant()
    made = await work.perform(CreateToken(name=name, scopes=scopes, days=days, tenant=tenant))
    if work.out.format == "json":
        work.out.json(made, reveal=True)
    elif work.out.is_table:
        work.out.line(made.token.reveal())
        say(f"It is not shown again. Revoke it with: secconsole token revoke {made.id}")
    else:
        work.out.listing(MADE, [made])


@token.command("list")
@click.argument("login", required=False)
@click.option("--all", "everybody", is_flag=True, help="Those of everybody in the tenant.")
@working
async def list_tokens(work: Work, login: str | None, everybody: bool) -> None:
    """List tokens that work now: your own, a user's, or those of everybody."""
    if login and everybody:
        raise Invalid("Give a login or --all, not both.", "login")
    if not login and not everybody:
        work.out.listing(COLUMNS, (await work.perform(ListOwnTokens())).items)
        return
    query = ListTokens(tenant=await work.tenant(), user=login or "")
    listing = Listing(work.out, COLUMNS)
    async for page in pages(lambda at, size: work.perform(replace(query, cursor=at, limit=size))):
        listing.add(page.items)
    listing.end()


@token.command("revoke")
@click.argument("id")
@working
async def revoke(work: Work, id: str) -> None:
    """Revoke a token, by the id that the list shows: it stops working at once."""
    await work.perform(RevokeToken(tenant=await work.tenant(), token=id))
    if work.out.is_table:
        say("It does not work any more.")
