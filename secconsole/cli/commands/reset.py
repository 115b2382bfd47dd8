"""`secconsole reset`: everything for a user who calls without their phone, in one guarded step."""

from __future__ import annotations

import click

from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.bypass import bypass_words
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, format_value
from secconsole.domain.errors import Conflict, Invalid, NotAllowed
from secconsole.domain.factors.bypass import MOST_MINUTES
from secconsole.domain.helpdesk import PasswordChange
from secconsole.operations.portions import preview_unbinding
from secconsole.operations.reset import ResetResult, ResetUser
from secconsole.operations.unbinding import UnbindPreview, UnbindTarget
from secconsole.operations.users import ShowUser

COLUMNS: list[Column[ResetResult]] = [
    Column("login", lambda r: r.login),
    Column("id", lambda r: r.id, "Id"),
    Column("factors", lambda r: r.factors, "Factors off", numeric=True),
    Column("sessions_ended", lambda r: r.sessions_ended, numeric=True),
    Column("tokens_ended", lambda r: r.tokens_ended, numeric=True),
    Column("recovery_codes", lambda r: r.recovery_codes, "Recovery codes void", numeric=True),
    Column("mailed", lambda r: r.mailed, "Password mailed to"),
    Column("caller", lambda r: r.caller_check.channel if r.caller_check else "not checked"),
    Column("approved_by", lambda r: r.approved_by),
    Column("undo_until", lambda r: r.undo_until),
    Column("event", lambda r: r.event),
]


@click.command(cls=Command)
@click.argument("login")
@click.option("--reason", default="", help="The reason. Required, and kept in the audit log.")
@click.option("--ticket", default="", help="The ticket of the request.")
@click.option("--verified-by", default="", help="Who verified the user's identity, if not you.")
@click.option("--password", "by_mail", is_flag=True, help="Also mail a first-time password to the address on record.")
@click.option("--show-password", "shown", is_flag=True, help="Also show a one-time password, for administrators.")
@click.option(
    "--bypass",
    type=click.IntRange(1, MOST_MINUTES),
    metavar="MINUTES",
    help="Also issue a bypass code for one sign-in, shown once.",
)
@confirmation_options
@with_backend
async def reset(
    context: CommandContext,
    login: str,
    reason: str,
    ticket: str,
    verified_by: str,
    by_mail: bool,
    shown: bool,
    bypass: int | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Reset a user who calls: factors, recovery codes, sessions, tokens, and the password if wanted.

    All of it happens, or nothing. Factors and recovery codes can be restored for ten minutes with secconsole undo.
    Check the caller first, with secconsole caller-check.

    \b
    secconsole reset ana --reason "lost phone" --ticket T-17 --password --yes
    """
    if by_mail and shown:
        raise click.UsageError("Use --password or --show-password, not both.")
    password = PasswordChange.MAIL if by_mail else PasswordChange.SHOW if shown else PasswordChange.KEEP
    tenant = await context.tenant()
    found = await context.perform(ShowUser(tenant=tenant, user=login))
    preview = await preview_unbinding(context.perform, tenant, (found.user.id,))
    if not preview.targets:
        raise NotAllowed(f"{found.user.login} was not reset: {preview.failed[0].reason}")
    target = preview.targets[0]
    if by_mail and target.no_password_mail:
        raise Conflict(f"No password can be mailed to {target.login}: {target.no_password_mail}")
    if not dry_run and not reason.strip():
        raise Invalid("Say why with --reason TEXT.", "reason")
    effect = _effect(preview, target, password, bypass)
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    operation = ResetUser(
        tenant=tenant,
        user=target.id,
        reason=reason,
        ticket=ticket,
        verified_by=verified_by,
        password=password,
        bypass=bypass,
    )
    _show(context, await context.perform(operation))
    return ExitCode.DONE


def _effect(preview: UnbindPreview, target: UnbindTarget, password: PasswordChange, bypass: int | None) -> Effect:
    """Return the effect in words, with what the policy still lacks."""
    changes = [f"{len(target.factors)} factors off"]
    if password is PasswordChange.MAIL:
        changes.append(f"a first-time password goes to {target.password_mail}")
    elif password is PasswordChange.SHOW:
        changes.append("a one-time password is shown")
    if bypass is not None:
        changes.append(f"a bypass code for {bypass} minutes is shown")
    change = ", ".join(changes)
    words = (
        f"{target.login} ({target.name or 'no name'}, {target.role}): {change}. {target.sessions:,} sessions, "
        f"{target.tokens:,} tokens and {target.recovery_codes:,} recovery codes end."
    )
    if preview.caller_check is None:
        words += " The caller is not checked."
    words = " ".join([words, *(text for text in (preview.lacks, preview.limit) if text)])
    affected = Affected(
        "user", target.id, target.login, target.name, change, target.sessions, target.tokens, target.recovery_codes
    )
    return Effect(words, [affected])


def _show(context: CommandContext, result: ResetResult) -> None:
    if context.out.format == "json":
        context.out.json(result, reveal=True)  # a password and a bypass code are not shown again
        return
    context.out.record(COLUMNS, result)
    tell = context.out.line if context.out.is_table else say
    if result.password is not None:
        tell(f"One-time password: {result.password.reveal()}")
        say("It is not shown again. At the next sign-in, the user must choose a new one.")
    if result.bypass is not None:
        tell(f"Bypass code: {result.bypass.code.reveal()}")
        say(bypass_words(result.bypass))
    if context.out.is_table and result.event:
        context.out.line(f"Undo until {format_value(result.undo_until)}: secconsole undo {result.event}")
    if result.warning:
        say(result.warning)
