"""`secconsole secret-key`: the key of a tenant's own programs."""

from __future__ import annotations

import click

from secconsole.cli.command import Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, format_value
from secconsole.domain.limits import LONGEST_OVERLAP
from secconsole.operations.tokens import NewSecretKey, RotateSecretKey, SecretKey, ShowSecretKey

COLUMNS: list[Column[SecretKey]] = [
    Column("id", lambda k: k.id),
    Column("created", lambda k: k.created),
    Column("last_used", lambda k: k.last_used),
    Column("previous_id", lambda k: k.previous_id),
    Column("previous_until", lambda k: k.previous_until),
]
_INTEGRATIONS = "Integrations must follow: give the new key to every program that uses it."
MADE: list[Column[NewSecretKey]] = [
    Column("id", lambda k: k.id),
    Column("key", lambda k: k.key.reveal()),
    Column("previous_id", lambda k: k.previous_id),
    Column("previous_until", lambda k: k.previous_until),
]


@click.group(cls=Group)
def secret_key() -> None:
    """Manage the tenant's secret key, with which its programs verify codes and read data."""


@secret_key.command("show-id")
@with_backend
async def show_id(context: CommandContext) -> int:
    """Show the id of the key, as in the audit log (key:ID), and its last use: exit 1 if there is no key."""
    tenant = await context.tenant()
    key = await context.perform(ShowSecretKey(tenant=tenant))
    context.out.record(COLUMNS, key)
    if key.id is None:
        say(f"{tenant} has no secret key yet. Create one with: secconsole secret-key rotate")
        return ExitCode.NO
    return ExitCode.DONE


@secret_key.command("rotate")
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
async def rotate(context: CommandContext, overlap_hours: int, dry_run: bool, yes: bool) -> int:
    """Create or rotate the tenant's secret key, and show it once.

    Programs send it as a bearer token. It can verify codes and read data of its tenant, and cannot change anything.
    Every program needs the new key before the old one ends.

    \b
    secconsole secret-key rotate --overlap-hours 24 --yes
    """
    tenant = await context.tenant()
    effect = rotation_effect(tenant, await context.perform(ShowSecretKey(tenant=tenant)), overlap_hours)
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    made = await context.perform(RotateSecretKey(tenant=tenant, overlap_hours=overlap_hours))
    show_new_key(context, made, replaced=bool(effect.affected))
    return ExitCode.DONE


def show_new_key(context: CommandContext, made: NewSecretKey, *, replaced: bool) -> None:
    """Print a new key, which is not shown again."""
    if context.out.format == "json":
        context.out.json(made, reveal=True)
    elif context.out.is_table:
        context.out.line(made.key.reveal())
        say(f"It is not shown again. The audit log calls it key:{made.id}.")
    else:
        context.out.listing(MADE, [made])
    say(_what_follows(made, replaced=replaced))


def rotation_effect(tenant: str, key: SecretKey, overlap_hours: int) -> Effect:
    """Return what a rotation ends."""
    ends = f"in {overlap_hours} hours" if overlap_hours else "at once"
    affected = []
    if key.id is not None:
        used = f"last used {format_value(key.last_used)}" if key.last_used else "never used"
        affected.append(Affected("secret key", key.id, "", used, f"ends {ends}"))
    if key.previous_id is not None:
        affected.append(Affected("secret key", key.previous_id, "", "previous key", "ends at once"))
    if not affected:
        return Effect(f"{tenant} gets its first secret key. {_INTEGRATIONS}", affected)
    return Effect(f"The secret key of {tenant} ends {ends}. {_INTEGRATIONS}", affected)


def _what_follows(made: NewSecretKey, *, replaced: bool) -> str:
    if made.previous_until:
        return f"{_INTEGRATIONS} The old key works until {format_value(made.previous_until)}."
    return f"{_INTEGRATIONS} The old key no longer works." if replaced else _INTEGRATIONS
