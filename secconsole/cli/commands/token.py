"""`secconsole token`: personal access tokens."""

from __future__ import annotations

from dataclasses import replace

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Listing, format_value
from secconsole.domain.errors import Invalid, NotAllowed, NotFound
from secconsole.domain.limits import LONGEST_TOKEN
from secconsole.domain.scope import Scope
from secconsole.operations.paging import pages
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


@click.group(cls=Group)
def token() -> None:
    """Create, list and revoke personal access tokens, with which programs act for you."""


@token.command("create")
@click.option("--name", required=True, metavar="NAME", help="The purpose of the token.")
@click.option(
    "--scope",
    "scopes",
    type=EnumChoice(Scope),
    multiple=True,
    default=("read",),
    show_default="read",
    help="What it allows: read what you may see, verify users' codes. Repeatable.",
)
@click.option(
    "--days", type=click.IntRange(1, LONGEST_TOKEN), default=30, show_default=True, help="Days until it expires."
)
@with_backend
async def create(context: CommandContext, name: str, scopes: tuple[Scope, ...], days: int) -> None:
    """Create a token for yourself, and show it once.

    Save it in a file that only its user may read. Programs use it with --token-file FILE or SECCONSOLE_TOKEN_FILE,
    within its scopes and your role. It ends when it expires, is revoked, or your account is disabled or reset. The
    owner of the store must name the tenant if there are several.

    \b
    (umask 077; secconsole token create --name ci --scope read > ci.token)
    """
    who = await context.perform(WhoAmI())
    # Only the owner of the store has no user, and so no tenant of their own.
    tenant = None if who.id else await context.tenant()
    made = await context.perform(CreateToken(name=name, scopes=scopes, days=days, tenant=tenant))
    if context.out.format == "json":
        context.out.json(made, reveal=True)
    elif context.out.is_table:
        context.out.line(made.token.reveal())
        say(f"It is not shown again. Revoke it with: secconsole token revoke {made.id}")
    else:
        context.out.listing(MADE, [made])


@token.command("list")
@click.argument("login", required=False)
@click.option("--all", "all_users", is_flag=True, help="List the tokens of all users in the tenant.")
@with_backend
async def list_tokens(context: CommandContext, login: str | None, all_users: bool) -> None:
    """List valid tokens: your own, those of a user, or all."""
    if login and all_users:
        raise Invalid("Give either a login or --all.", "login")
    if not login and not all_users:
        context.out.listing(COLUMNS, (await context.perform(ListOwnTokens())).items)
        return
    query = ListTokens(tenant=await context.tenant(), user=login or "")
    listing = Listing(context.out, COLUMNS)
    async for page in pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size))):
        listing.add(page.items)
    listing.end()


@token.command("revoke")
@click.argument("id")
@confirmation_options
@with_backend
async def revoke(context: CommandContext, id: str, dry_run: bool, yes: bool) -> int:
    """Revoke a token, named by its id in the list.

    It stops working immediately.
    """
    tenant = await context.tenant()
    found = await _find(context, tenant, id)
    used = f"last used {format_value(found.last_used)}" if found.last_used else "never used"
    effect = Effect(
        f"The token {found.name} of {found.owner}, {used}, stops working immediately.",
        [Affected("token", found.id, found.owner, found.name, "revoked", tokens=1)],
    )
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    await context.perform(RevokeToken(tenant=tenant, token=id))
    if context.out.is_table:
        say("The token no longer works.")
    return ExitCode.DONE


async def _find(context: CommandContext, tenant: str, id: str) -> TokenRow:
    """Return a valid token of the caller, or of the tenant if the caller may see it.

    Raise `NotFound` if neither exists.
    """
    # Own tokens first: they need no permission.
    for row in (await context.perform(ListOwnTokens())).items:
        if row.id == id:
            return row
    try:
        query = ListTokens(tenant=tenant)
        async for page in pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size))):
            for row in page.items:
                if row.id == id:
                    return row
    except NotAllowed:  # the caller may not see the tokens of others
        pass
    raise NotFound("The token does not exist. It may have been revoked.")
