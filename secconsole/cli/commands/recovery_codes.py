"""`secconsole recovery-codes`: single-use codes for a lost phone."""

from __future__ import annotations

from datetime import datetime

import click

from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Affected, Effect, confirm_effect, pluralize
from secconsole.cli.diagnostics import ExitCode, can_ask, say
from secconsole.cli.output import Column
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.operations.recovery import (
    CreateRecoveryCodes,
    RecoveryCodes,
    RecoveryCodesLeft,
    ViewRecoveryCodes,
)
from secconsole.operations.signin import WhoAmI
from secconsole.operations.users import ShowUser, UserDetail

Row = tuple[Secret[str], datetime]
COLUMNS: list[Column[Row]] = [
    Column("code", lambda row: row[0].reveal()),
    Column("created", lambda row: row[1]),
]


@click.command(cls=Command)
@click.argument("login", required=False)
@click.option("--view", is_flag=True, help="Show your own remaining codes again, if the policy allows it.")
@click.option("--dry-run", is_flag=True, help="Show what would stop working, without changing it.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@with_backend
async def recovery_codes(context: CommandContext, login: str | None, view: bool, dry_run: bool, yes: bool) -> int:
    """Create ten recovery codes for a user, or yourself without LOGIN. They are shown once and replace earlier ones.

    A factor must be bound. Each code replaces one code from the phone, at sign-in and in `secconsole verify`.
    Case, spaces and dashes do not matter. Unbinding the user invalidates them.

    \b
    secconsole recovery-codes ana --format json
    secconsole recovery-codes --view
    """
    if view:
        if login:
            raise Invalid("--view shows only your own codes. Leave out the login.", "login")
        if dry_run:
            raise Invalid("--view changes nothing. Leave out --dry-run.", "dry_run")
        _answer(context, await context.perform(ViewRecoveryCodes()))
        return ExitCode.DONE
    tenant = await context.tenant()
    if not login:
        me = await context.perform(WhoAmI())
        if not me.id:
            raise Invalid("Name the user: secconsole recovery-codes LOGIN", "login")
        login = me.login
    if dry_run or (not yes and can_ask()):
        found = await context.perform(ShowUser(tenant=tenant, user=login))
        asks = dry_run or found.recovery_left > 0
        if asks and (ended := confirm_effect(context, _replacement(found), dry_run=dry_run, yes=yes)) is not None:
            return ended
    made = await context.perform(CreateRecoveryCodes(tenant=tenant, user=login))
    _answer(context, made)
    if context.out.is_table:
        say("They are not shown again. Anyone with a code and the password can sign in, so keep the codes safe.")
    return ExitCode.DONE


def _replacement(found: UserDetail) -> Effect:
    user, left = found.user, found.recovery_left
    effect = f"{user.login} has {pluralize(left, 'recovery code')} left."
    if left:
        effect = f"{effect} {'It stops' if left == 1 else 'They stop'} working."
    affected = Affected("recovery codes", user.id, user.login, user.name, "replaced", recovery_codes=left)
    return Effect(effect, [affected] if left else [], "Create new ones?")


def _answer(context: CommandContext, codes: RecoveryCodes | RecoveryCodesLeft) -> None:
    if context.out.format == "json":
        context.out.json(codes, reveal=True)
    elif context.out.is_table:
        for code in codes.codes:
            context.out.line(code.reveal())
    else:
        context.out.listing(COLUMNS, [(code, codes.created) for code in codes.codes])
