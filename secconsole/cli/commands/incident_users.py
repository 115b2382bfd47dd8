"""`secconsole incident reset-passwords`, `require-binding` and `advice`: jobs, one for each role."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.cli.bulk import Selection, preview_words, read_selection, run_bulk, selection_options
from secconsole.cli.command import Command, EnumChoice
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Effect, confirm_for_tenant, confirmation_options
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column
from secconsole.cli.password_list import password_file, to_file_option
from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.roles import Role
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations.incident import Advice, ShowAdvice
from secconsole.operations.jobs import PreviewJob, StartJob

_ADVICE: list[Column[Advice]] = [Column("subject", lambda a: a.subject), Column("body", lambda a: a.body)]
_roles = click.option("--role", "roles", multiple=True, type=EnumChoice(Role), help="All with this role. Repeatable.")


@click.command("reset-passwords", cls=Command)
@_roles
@click.option("--without-mail", is_flag=True, help="Reset also those that no mail reaches.")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_INVITATION),
    default=USUAL_DAYS,
    show_default=True,
    help="How long a mailed password is valid.",
)
@to_file_option
@confirmation_options
@with_backend
async def reset_passwords(
    context: CommandContext,
    roles: tuple[Role, ...],
    without_mail: bool,
    days: int,
    to_file: Path | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Reset the passwords of all users with a role: each gets a first-time password by mail, or on a list.

    Nobody chooses them, and the first sign-in asks for a new one. Your own password stays: change it with account
    password. Each role is a job, which job resume continues. Those who cannot be reset are listed: exit 7.

    With --to-file nothing is mailed: the passwords go to a new file that only you can read, and nowhere else. A
    password counts once its line is on disk. If the disk is full the job stops with exit 6, users who are not on the
    list keep their passwords, and job resume --to-file continues with another file.

    \b
    secconsole incident reset-passwords --role tenant-admin --role helpdesk --dry-run
    """
    if not roles:
        raise click.UsageError("Name at least one role with --role.")
    if to_file and without_mail:
        raise click.UsageError("Use either --to-file or --without-mail.")
    tenant, listed = await context.tenant(), to_file is not None
    job = StartJob(tenant=tenant, kind=JobKind.RESET_PASSWORD, days=days, without_mail=without_mail, listed=listed)
    return await _each(context, job, _of_roles(roles), dry_run, yes, to_file)


@click.command("advice", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@selection_options
@_roles
@confirmation_options
@with_backend
async def advice(
    context: CommandContext,
    logins: tuple[str, ...],
    file: Path | None,
    words: str | None,
    roles: tuple[Role, ...],
    dry_run: bool,
    yes: bool,
) -> int:
    """Print the advice for users whose devices may be infected, or mail it to those that you choose.

    Choose by name, file, filter or role; --filter "" means all. The text is yours to replace: text show advice.

    \b
    secconsole incident advice --role helpdesk --dry-run
    """
    _refuse_two(roles, logins, file, words)
    tenant = await context.tenant()
    if roles or logins or file or words is not None:
        chosen = _of_roles(roles) or [read_selection(logins, file, words)]
        return await _each(context, StartJob(tenant=tenant, kind=JobKind.ADVISE), chosen, dry_run, yes)
    found = await context.perform(ShowAdvice(tenant=tenant))
    if context.out.is_table:
        for line in (found.subject, "", *found.body.rstrip("\n").split("\n")):
            context.out.line(line)
    else:
        context.out.record(_ADVICE, found)
    return ExitCode.DONE


@click.command("require-binding", cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@selection_options
@_roles
@click.option("--reason", required=True, help="Why, for the audit log and the notice to the users.")
@click.option("--ticket", default="")
@confirmation_options
@with_backend
async def require_binding(
    context: CommandContext,
    logins: tuple[str, ...],
    file: Path | None,
    words: str | None,
    roles: tuple[Role, ...],
    reason: str,
    ticket: str,
    dry_run: bool,
    yes: bool,
) -> int:
    """Unbind the factors of many users, who bind again at their next sign-in.

    By name, file, filter or role. Their sessions and tokens end. Each role is a job, which job resume continues, and
    undo restores the factors within ten minutes. Your own factors stay.

    \b
    secconsole incident require-binding --role helpdesk --reason INC-7 --dry-run
    """
    _refuse_two(roles, logins, file, words)
    tenant = await context.tenant()
    job = StartJob(tenant=tenant, kind=JobKind.UNBIND, reason=reason, ticket=ticket)
    return await _each(context, job, _of_roles(roles) or [read_selection(logins, file, words)], dry_run, yes)


def _of_roles(roles: tuple[Role, ...]) -> list[Selection]:
    return [Selection((), f"role:{role}") for role in dict.fromkeys(roles)]


def _refuse_two(roles: tuple[Role, ...], logins: tuple[str, ...], file: Path | None, words: str | None) -> None:
    if roles and (logins or file or words is not None):
        raise click.UsageError("Use --role, or name users, --file or --filter.")


async def _each(
    context: CommandContext,
    job: StartJob,
    selections: list[Selection],
    dry_run: bool,
    yes: bool,
    to_file: Path | None = None,
) -> int:
    """Perform a job for each selection, after one confirmation with the tenant's name."""
    if not dry_run:
        parts = []
        for chosen in selections:
            query = PreviewJob(
                tenant=job.tenant,
                kind=job.kind,
                users=chosen.logins,
                filter=chosen.filter,
                without_mail=job.without_mail or job.listed,
            )
            parts.append(preview_words(job.kind, await context.perform(query)))
        ended = confirm_for_tenant(context, job.tenant, Effect(" ".join(parts), []), dry_run=False, yes=yes)
        if ended is not None:
            return ended
    with password_file(job.tenant, None if dry_run else to_file) as keep:
        codes = [await run_bulk(context, job, each, dry_run=dry_run, yes=True, keep=keep) for each in selections]
    return next((code for code in (ExitCode.PARTLY, ExitCode.NO) if code in codes), ExitCode.DONE)
