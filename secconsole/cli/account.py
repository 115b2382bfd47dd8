"""`secconsole account`: one's own account."""

from __future__ import annotations

import click

from secconsole.cli.command import Noun
from secconsole.cli.diagnostics import ExitCode, agreed, can_ask, say
from secconsole.cli.output import Column
from secconsole.cli.session import COLUMNS
from secconsole.cli.stdin import chosen_password
from secconsole.cli.work import Work, working
from secconsole.operations.account import (
    Cancelled,
    CancelMfa,
    ChangePassword,
    ContactSet,
    KeepFactor,
    OwnRules,
    PasswordChanged,
    SetContact,
    ShowOwnRules,
)
from secconsole.operations.signin import Identity, WhoAmI

ACCOUNT: list[Column[Identity]] = [
    *COLUMNS,
    Column("ends_at", lambda i: i.ends_at, "Session ends"),
    Column("proved_at", lambda i: i.proved_at, "Proved at"),
    Column("step_up_until", lambda i: i.step_up_until, "Proof counts until"),
    Column("email", lambda i: i.email, "E-mail"),
    Column("bound", lambda i: i.bound, "Factor bound"),
    Column("recovery_left", lambda i: i.recovery_left, "Recovery codes"),
]
CHANGED: list[Column[PasswordChanged]] = [Column("sessions_ended", lambda c: c.sessions_ended, "Other sessions ended")]
CONTACT: list[Column[ContactSet]] = [Column("email", lambda c: c.email, "E-mail")]
CANCELLED: list[Column[Cancelled]] = [
    Column("factors", lambda c: c.factors, "Factors removed"),
    Column("recovery_codes", lambda c: c.recovery_codes, "Recovery codes"),
    Column("sessions_ended", lambda c: c.sessions_ended, "Other sessions ended"),
]

RULES: list[Column[OwnRules]] = [
    Column("policy", lambda r: r.policy),
    Column("required", lambda r: r.required),
    Column("why", lambda r: r.why),
    Column("kinds", lambda r: r.kinds),
    Column("recovery_view", lambda r: r.recovery_view, "Codes shown again"),
]


@click.group(cls=Noun)
def account() -> None:
    """Your own account: the one that commands act as."""


@account.command("show")
@working
async def show(work: Work) -> None:
    """Say as whom commands act, and until when the last proof of password and factor counts."""
    me = await work.perform(WhoAmI())
    # The owner of the store and programs have none of the rest.
    work.out.record(COLUMNS if work.out.is_table and not me.id else ACCOUNT, me)


@account.command("rules")
@working
async def rules(work: Work) -> None:
    """Say whether a factor is required of you, and which kinds you may bind."""
    work.out.record(RULES, await work.perform(ShowOwnRules()))


@account.command("password")
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input.")
@working
async def password(work: Work, password_stdin: bool) -> None:
    """Choose another password; your other sessions end.

    The present password, and a code where a factor is bound, must have been given within the last five minutes: they
    are asked for, or sign in again first.
    """
    chosen = chosen_password(from_stdin=password_stdin)
    work.out.record(CHANGED, await work.perform(ChangePassword(password=chosen)))


@account.command("keep-factor")
@click.option("--off", is_flag=True, help="Be spared it again.")
@working
async def keep_factor(work: Work, off: bool) -> None:
    """Stay asked for your factor although you are on the whitelist."""
    await work.perform(KeepFactor(keep=not off))
    work.out.record(COLUMNS, await work.perform(WhoAmI()))


@account.command("contact")
@click.argument("email")
@working
async def contact(work: Work, email: str) -> None:
    """Give the e-mail address at which you are told of changes to your account; the one before is told of this too."""
    work.out.record(CONTACT, await work.perform(SetContact(email=email)))


@account.command("cancel-mfa")
@click.option("--yes", is_flag=True, help="Do not ask.")
@working
async def cancel_mfa(work: Work, yes: bool) -> int:
    """Remove all your factors and recovery codes; your other sessions end.

    It cannot be taken back, and is refused while a second factor is required of you.
    """
    question = "Remove all your factors and recovery codes? Your password alone signs you in then."
    if not yes and can_ask() and not agreed(question):
        say("Nothing was removed.")
        return ExitCode.NO
    work.out.record(CANCELLED, await work.perform(CancelMfa()))
    return ExitCode.DONE
