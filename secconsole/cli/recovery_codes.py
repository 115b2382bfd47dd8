"""`secconsole recovery-codes`: codes that stand in for a lost phone."""

from __future__ import annotations

from datetime import datetime

import click

from secconsole.cli.command import Verb
from secconsole.cli.diagnostics import ExitCode, agreed, can_ask, say
from secconsole.cli.output import Column
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.operations.recovery import (
    CreateRecoveryCodes,
    RecoveryCodes,
    RecoveryCodesLeft,
    ViewRecoveryCodes,
)
from secconsole.operations.signin import WhoAmI
from secconsole.operations.users import ShowUser

Row = tuple[Secret[str], datetime]
COLUMNS: list[Column[Row]] = [
    Column("code", lambda row: row[0].reveal()),
    Column("created", lambda row: row[1]),
]


@click.command(cls=Verb)
@click.argument("login", required=False)
@click.option("--view", is_flag=True, help="Your own that are left, once more, if the policy allows it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@working
async def recovery_codes(work: Work, login: str | None, view: bool, yes: bool) -> int:
    """Make ten recovery codes for a user, or without LOGIN for yourself, shown once; earlier ones stop working.

    A factor must be bound. Each signs in once in place of a code from the phone, and `secconsole verify` takes it too.
    Case, blanks and dashes do not matter. Unbinding the user makes them void.

    \b
    secconsole recovery-codes ana --format json
    secconsole recovery-codes --view
    """
    if view:
        if login:
            raise Invalid("--view shows your own codes and nobody else's: leave the login out.", "login")
        _answer(work, await work.perform(ViewRecoveryCodes()))
        return ExitCode.DONE
    tenant = await work.tenant()
    if not login:
        me = await work.perform(WhoAmI())
        if not me.id:
            raise Invalid("Say whose: secconsole recovery-codes LOGIN", "login")
        login = me.login
    if not yes and can_ask():
        left = (await work.perform(ShowUser(tenant=tenant, user=login))).recovery_left
        if left and not agreed(f"{login} has {left} left, which stop working. Make new ones?"):
            say("Nothing was changed.")
            return ExitCode.NO
    made = await work.perform(CreateRecoveryCodes(tenant=tenant, user=login))
    _answer(work, made)
    if work.out.is_table:
        say("They are not shown again. Whoever has one and the password can sign in: keep them as safe as a key.")
    return ExitCode.DONE


def _answer(work: Work, codes: RecoveryCodes | RecoveryCodesLeft) -> None:
    if work.out.format == "json":
        work.out.json(codes, reveal=True)
    elif work.out.is_table:
        for code in codes.codes:
            work.out.line(code.reveal())
    else:
        work.out.listing(COLUMNS, [(code, codes.created) for code in codes.codes])
