"""`secconsole secret-key`: the keys of a tenant's own programs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, format_value
from secconsole.domain.errors import NotFound
from secconsole.domain.limits import LONGEST_OVERLAP
from secconsole.domain.scope import Scope
from secconsole.operations.secret_keys import (
    DEFAULT_KEY,
    CreateSecretKey,
    ListSecretKeys,
    NewSecretKey,
    RevokeSecretKey,
    RotateSecretKey,
    SecretKey,
    ShowSecretKey,
)

COLUMNS: list[Column[SecretKey]] = [
    Column("id", lambda k: k.id),
    Column("created", lambda k: k.created),
    Column("last_used", lambda k: k.last_used),
    Column("previous_id", lambda k: k.previous_id),
    Column("previous_until", lambda k: k.previous_until),
    Column("name", lambda k: k.name),
    Column("scopes", lambda k: k.scopes),
]
LISTED: list[Column[SecretKey]] = [
    Column("name", lambda k: k.name),
    Column("scopes", lambda k: k.scopes),
    Column("created", lambda k: k.created),
    Column("last_used", lambda k: k.last_used),
    Column("id", lambda k: k.id),
    Column("previous_id", lambda k: k.previous_id),
    Column("previous_until", lambda k: k.previous_until),
]
_INTEGRATIONS = "Integrations must follow: give the new key to every program that uses it."
MADE: list[Column[NewSecretKey]] = [
    Column("id", lambda k: k.id),
    Column("key", lambda k: k.key.reveal()),
    Column("previous_id", lambda k: k.previous_id),
    Column("previous_until", lambda k: k.previous_until),
    Column("name", lambda k: k.name),
]


@click.group(cls=Group)
def secret_key() -> None:
    """Manage the tenant's secret keys, with which its programs verify codes and read data."""


@secret_key.command("show-id")
@click.argument("name", default=DEFAULT_KEY)
@with_backend
async def show_id(context: CommandContext, name: str) -> int:
    """Show the id of a key, as in the audit log (key:ID), and its last use: exit 1 if there is no key.

    Without a name it is the key named "default".
    """
    tenant = await context.tenant()
    key = await context.perform(ShowSecretKey(tenant=tenant, name=name))
    context.out.record(COLUMNS, key)
    if key.id is None:
        create = "rotate" if name == DEFAULT_KEY else "create NAME"
        say(f"{tenant} has no secret key named {name}. Create one with: secconsole secret-key {create}")
        return ExitCode.NO
    return ExitCode.DONE


@secret_key.command("list")
@with_backend
async def list_keys(context: CommandContext) -> None:
    """List the keys by their names, with their scopes and their last use."""
    tenant = await context.tenant()
    context.out.listing(LISTED, (await context.perform(ListSecretKeys(tenant=tenant))).items)


@secret_key.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=EnumChoice(Scope),
    multiple=True,
    default=("read", "verify"),
    show_default="read, verify",
    help="What it allows. Repeatable.",
)
@with_backend
async def create(context: CommandContext, name: str, scopes: tuple[Scope, ...]) -> None:
    """Create a key for one program, and show it once.

    Give each program its own key: the audit log names it, and it can be revoked without the others.

    \b
    (umask 077; secconsole secret-key create vpn --scope verify > vpn.key)
    """
    tenant = await context.tenant()
    show_new_key(context, await context.perform(CreateSecretKey(tenant=tenant, name=name, scopes=scopes)), first=True)


@secret_key.command("revoke")
@click.argument("key")
@confirmation_options
@with_backend
async def revoke(context: CommandContext, key: str, dry_run: bool, yes: bool) -> int:
    """Revoke a key by its name or id.

    The programs that use it stop working at once.
    """
    tenant = await context.tenant()
    found = [k for k in (await context.perform(ListSecretKeys(tenant=tenant))).items if key in (k.name, k.id)]
    if not found:
        raise NotFound(f"{tenant} has no secret key {key}. secconsole secret-key list shows them.")
    affected = [Affected("secret key", k.id, "", f"{k.name}, {_use(k)}", "ends at once") for k in found if k.id]
    effect = Effect(f"The secret key {key} of {tenant} ends at once, for every program that uses it.", affected)
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    await context.perform(RevokeSecretKey(tenant=tenant, key=key))
    if context.out.is_table:
        say("The secret key no longer works.")
    return ExitCode.DONE


@secret_key.command("rotate")
@click.argument("name", default=DEFAULT_KEY)
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, LONGEST_OVERLAP),
    default=0,
    show_default=True,
    metavar="N",
    help="Keep the old key valid for N hours.",
)
@confirmation_options
@with_backend
async def rotate(context: CommandContext, name: str, overlap_hours: int, dry_run: bool, yes: bool) -> int:
    """Rotate a secret key, which keeps its name and scopes, and show the new one once.

    Programs send it as a bearer token. Every program needs the new key before the old one ends. Without a name it is
    the key named "default", which is created if there is none: it can verify codes and read data of its tenant, and
    cannot change anything.

    \b
    secconsole secret-key rotate --overlap-hours 24 --yes
    """
    tenant = await context.tenant()
    key = await context.perform(ShowSecretKey(tenant=tenant, name=name))
    if name != DEFAULT_KEY and not key.scopes:
        raise NotFound(f"{tenant} has no secret key {name}. secconsole secret-key list shows them.")
    effect = rotation_effect(tenant, [key], overlap_hours)
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    made = await context.perform(RotateSecretKey(tenant=tenant, name=name, overlap_hours=overlap_hours))
    show_new_key(context, made, first=not effect.affected)
    return ExitCode.DONE


def show_new_key(context: CommandContext, made: NewSecretKey, *, first: bool) -> None:
    """Print a new key, which is not shown again."""
    if context.out.format == "json":
        context.out.json(made, reveal=True)
    elif context.out.is_table:
        context.out.line(made.key.reveal())
        say(f"It is not shown again. The audit log calls it key:{made.id}.")
    else:
        context.out.listing(MADE, [made])
    say(_what_follows(made, replaced=not first))


def show_new_keys(context: CommandContext, made: Sequence[NewSecretKey], *, first: bool) -> None:
    """Print several new keys, which are not shown again."""
    if context.out.format == "json":
        context.out.json({"items": list(made), "next": None}, reveal=True)
    else:
        context.out.listing(MADE, made)
    say("They are not shown again." if len(made) > 1 else "It is not shown again.")
    say(_what_follows(made[0], replaced=not first))


def rotation_effect(tenant: str, keys: Sequence[SecretKey], overlap_hours: int) -> Effect:
    """Return what a rotation ends."""
    ends = f"in {overlap_hours} hours" if overlap_hours else "at once"
    affected = []
    for key in keys:
        if key.id is not None:
            affected.append(Affected("secret key", key.id, "", f"{key.name}, {_use(key)}", f"ends {ends}"))
        if key.previous_id is not None:
            words = f"{key.name}, previous key"
            affected.append(Affected("secret key", key.previous_id, "", words, "ends at once"))
    if not affected:
        return Effect(f"{tenant} gets its first secret key. {_INTEGRATIONS}", affected)
    what = "secret key" if len(keys) == 1 else f"{len(keys)} secret keys"
    return Effect(f"The {what} of {tenant} {'ends' if len(keys) == 1 else 'end'} {ends}. {_INTEGRATIONS}", affected)


def _use(key: SecretKey) -> str:
    return f"last used {format_value(key.last_used)}" if key.last_used else "never used"


def _what_follows(made: NewSecretKey, *, replaced: bool) -> str:
    if made.previous_until:
        return f"{_INTEGRATIONS} The old key works until {format_value(made.previous_until)}."
    return f"{_INTEGRATIONS} The old key no longer works." if replaced else _INTEGRATIONS
