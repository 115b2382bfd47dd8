"""`secconsole account`: your own account."""

from __future__ import annotations

import click

from secconsole.cli.command import Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.sign_in import COLUMNS
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options, pluralize
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column
from secconsole.cli.stdin import read_new_password
from secconsole.domain.limits import MOST_PER_PAGE
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
from secconsole.operations.factors import ListFactors
from secconsole.operations.sessions import ListSessions
from secconsole.operations.signin import Identity, WhoAmI

ACCOUNT: list[Column[Identity]] = [
    *COLUMNS,
    Column("ends_at", lambda i: i.ends_at, "Session ends"),
    Column("proved_at", lambda i: i.proved_at, "Proved at"),
    Column("step_up_until", lambda i: i.step_up_until, "Proof valid until"),
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


@click.group(cls=Group)
def account() -> None:
    """Show and change your own account, as which commands act."""


@account.command("show")
@with_backend
async def show(context: CommandContext) -> None:
    """Show who you are signed in as, and until when the last step-up is valid."""
    me = await context.perform(WhoAmI())
    # The owner of the store and programs have no other fields.
    context.out.record(COLUMNS if context.out.is_table and not me.id else ACCOUNT, me)


@account.command("rules")
@with_backend
async def rules(context: CommandContext) -> None:
    """Show whether you must use a factor, and which kinds you may bind."""
    context.out.record(RULES, await context.perform(ShowOwnRules()))


@account.command("password")
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input.")
@with_backend
async def password(context: CommandContext, password_stdin: bool) -> None:
    """Change your password.

    Your other sessions end. This requires a recent proof of your factor, or of your current password if none is bound.
    The command asks for it. Without a terminal, sign in again first.
    """
    chosen = read_new_password(from_stdin=password_stdin)
    context.out.record(CHANGED, await context.perform(ChangePassword(password=chosen)))


@account.command("keep-factor")
@click.option("--off", is_flag=True, help="Use the exemption again.")
@with_backend
async def keep_factor(context: CommandContext, off: bool) -> None:
    """Keep using your factor although you are on the whitelist."""
    await context.perform(KeepFactor(keep=not off))
    context.out.record(COLUMNS, await context.perform(WhoAmI()))


@account.command("contact")
@click.argument("email")
@with_backend
async def contact(context: CommandContext, email: str) -> None:
    """Set the e-mail address for notices about your account, and notify the previous address."""
    context.out.record(CONTACT, await context.perform(SetContact(email=email)))


@account.command("cancel-mfa")
@confirmation_options
@with_backend
async def cancel_mfa(context: CommandContext, dry_run: bool, yes: bool) -> int:
    """Remove all your factors and recovery codes.

    Your other sessions end. This cannot be undone. It is refused while you are required to use a second factor.
    """
    me = await context.perform(WhoAmI())
    if (
        me.id
        and (ended := confirm_effect(context, await _cancelling(context, me), dry_run=dry_run, yes=yes)) is not None
    ):
        return ended
    context.out.record(CANCELLED, await context.perform(CancelMfa()))
    return ExitCode.DONE


async def _cancelling(context: CommandContext, me: Identity) -> Effect:
    factors = (await context.perform(ListFactors(tenant=me.tenant, user=me.id))).items
    sessions = (await context.perform(ListSessions(tenant=me.tenant, user=me.id, limit=MOST_PER_PAGE))).items
    others = sum(not session.current for session in sessions)
    removed = pluralize(len(factors), "factor")
    effect = (
        f"All of your factors ({removed}) and {pluralize(me.recovery_left, 'recovery code')} are removed, "
        f"{pluralize(others, 'other session')} end. After that, your password alone signs you in."
    )
    change = f"{removed} removed"
    return Effect(
        effect, [Affected("account", me.id, me.login, me.name, change, others, recovery_codes=me.recovery_left)]
    )
