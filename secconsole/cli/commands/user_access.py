"""`secconsole user disable`, `reset-password`, `unlock` and `require-mfa`: for one user, or for many as a job."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.cli.bulk import read_selection, run_bulk, selection_options
from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, say, say_sessions_ended
from secconsole.cli.output import Column
from secconsole.cli.user_answers import answer_user, user_effect
from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.model import Flag
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations.jobs import StartJob
from secconsole.operations.user_changes import DisableUser, RequireMfa, ResetPassword, UnlockUser
from secconsole.operations.users import ShowUser


@click.command("disable", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--reason", default="", help="The reason, kept in the audit log.")
@selection_options
@confirmation_options
@with_backend
async def disable(
    context: CommandContext,
    logins: tuple[str, ...],
    reason: str,
    file: Path | None,
    words: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Disable users, and end their sessions and tokens.

    Several users are a job, which `job resume` continues: exit 7 if some failed.

    \b
    secconsole user disable ana --reason "has left" --yes
    """
    chosen, tenant = read_selection(logins, file, words), await context.tenant()
    if not chosen.one:
        job = StartJob(tenant=tenant, kind=JobKind.DISABLE, reason=reason)
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    found = await context.perform(ShowUser(tenant=tenant, user=chosen.one))
    change = "disabled already" if Flag.DISABLED in found.user.flags else "disabled"
    effect = user_effect(found, "can no longer sign in", change)
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    answer_user(context, await context.perform(DisableUser(tenant=tenant, user=found.user.id, reason=reason)))
    return ExitCode.DONE


@click.command("reset-password", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--by-mail", is_flag=True, help="Mail the one-time password instead of showing it. Always, for several.")
@click.option("--without-mail", is_flag=True, help="Reset also those that no mail reaches.")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_INVITATION),
    default=USUAL_DAYS,
    show_default=True,
    help="How long a mailed password is valid.",
)
@selection_options
@confirmation_options
@with_backend
async def reset_password(
    context: CommandContext,
    logins: tuple[str, ...],
    by_mail: bool,
    without_mail: bool,
    days: int,
    file: Path | None,
    words: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Replace a password with a one-time password, which must be changed at the next sign-in.

    For one user it is shown once. Several users get theirs by mail, as a job, which `job resume` continues: exit 7 if
    some failed.
    """
    chosen, tenant = read_selection(logins, file, words), await context.tenant()
    if not chosen.one or by_mail or without_mail or dry_run:
        job = StartJob(tenant=tenant, kind=JobKind.RESET_PASSWORD, days=days, without_mail=without_mail)
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    reset = await context.perform(ResetPassword(tenant=tenant, user=chosen.one))
    if context.out.is_table:
        context.out.pairs([("Login", reset.user.login), ("One-time password", reset.password.reveal())])
        say("It is not shown again. At the next sign-in, the user must choose a new one.")
    elif context.out.format == "json":
        context.out.json(reset, reveal=True)
    else:
        context.out.listing(
            [Column("login", lambda r: r.user.login), Column("password", lambda r: r.password.reveal())], [reset]
        )
    return ExitCode.DONE


@click.command("unlock", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@selection_options
@confirmation_options
@with_backend
async def unlock(
    context: CommandContext, logins: tuple[str, ...], file: Path | None, words: str | None, dry_run: bool, yes: bool
) -> int:
    """Unlock accounts by clearing all their wrong entries.

    Several users are a job, which `job resume` continues: exit 7 if some failed.

    \b
    secconsole user unlock --filter is:locked --dry-run
    """
    chosen, tenant = read_selection(logins, file, words), await context.tenant()
    if not chosen.one or dry_run:
        job = StartJob(tenant=tenant, kind=JobKind.UNLOCK)
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    answer_user(context, await context.perform(UnlockUser(tenant=tenant, user=chosen.one)))
    return ExitCode.DONE


@click.command("remind", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@selection_options
@confirmation_options
@with_backend
async def remind(
    context: CommandContext, logins: tuple[str, ...], file: Path | None, words: str | None, dry_run: bool, yes: bool
) -> int:
    """Remind users by mail to bind a factor, where the policy requires one of them.

    It is a job, which `job resume` continues: exit 7 if some failed.

    \b
    secconsole user remind --filter "-status:bound -is:whitelisted" --dry-run
    """
    job = StartJob(tenant=await context.tenant(), kind=JobKind.REMIND)
    return await run_bulk(context, job, read_selection(logins, file, words), dry_run=dry_run, yes=yes)


@click.command("require-mfa", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--off", is_flag=True, help="Stop requiring a second factor, of one user.")
@click.option("--keep-sessions", is_flag=True, help="Keep sessions and tokens that needed only a password.")
@selection_options
@confirmation_options
@with_backend
async def require_mfa(
    context: CommandContext,
    logins: tuple[str, ...],
    off: bool,
    keep_sessions: bool,
    file: Path | None,
    words: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Require a second factor from users.

    This is refused while the policy is off (exit 5). Sessions and tokens that needed only a password end. Several users
    are a job, which `job resume` continues: exit 7 if some failed.
    """
    chosen, tenant = read_selection(logins, file, words), await context.tenant()
    if not chosen.one or dry_run:
        if off:
            raise click.UsageError("--off is for one user.")
        job = StartJob(tenant=tenant, kind=JobKind.REQUIRE_MFA, keep_sessions=keep_sessions)
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    wanted = RequireMfa(tenant=tenant, user=chosen.one, required=not off, keep_sessions=keep_sessions)
    changed = await context.perform(wanted)
    answer_user(context, changed)
    if context.out.is_table:
        say_sessions_ended(changed.sessions_ended)
    return ExitCode.DONE
