"""`secconsole incident reset-passwords` and `require-binding`: one job for each role, which can be resumed."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.cli.bulk import Selection, preview_words, read_selection, run_bulk, selection_options
from secconsole.cli.command import Command, EnumChoice
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Effect, confirm_for_tenant, confirmation_options
from secconsole.cli.diagnostics import ExitCode
from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.roles import Role
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations.jobs import PreviewJob, StartJob

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
@confirmation_options
@with_backend
async def reset_passwords(
    context: CommandContext, roles: tuple[Role, ...], without_mail: bool, days: int, dry_run: bool, yes: bool
) -> int:
    """Reset the passwords of all users with a role: each gets a first-time password by mail.

    Nobody chooses or sees them, and the first sign-in asks for a new one. Your own password stays: change it with
    account password. Each role is a job, which job resume continues. Those who cannot be reset are listed: exit 7.

    \b
    secconsole incident reset-passwords --role tenant-admin --role helpdesk --dry-run
    """
    if not roles:
        raise click.UsageError("Name at least one role with --role.")
    tenant = await context.tenant()
    job = StartJob(tenant=tenant, kind=JobKind.RESET_PASSWORD, days=days, without_mail=without_mail)
    return await _each(context, job, [Selection((), f"role:{role}") for role in dict.fromkeys(roles)], dry_run, yes)


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
    if roles and (logins or file or words is not None):
        raise click.UsageError("Use --role, or name users, --file or --filter.")
    chosen = [Selection((), f"role:{role}") for role in dict.fromkeys(roles)]
    tenant = await context.tenant()
    job = StartJob(tenant=tenant, kind=JobKind.UNBIND, reason=reason, ticket=ticket)
    return await _each(context, job, chosen or [read_selection(logins, file, words)], dry_run, yes)


async def _each(context: CommandContext, job: StartJob, selections: list[Selection], dry_run: bool, yes: bool) -> int:
    """Perform a job for each selection, after one confirmation with the tenant's name."""
    if not dry_run:
        parts = []
        for chosen in selections:
            query = PreviewJob(
                tenant=job.tenant,
                kind=job.kind,
                users=chosen.logins,
                filter=chosen.filter,
                without_mail=job.without_mail,
            )
            parts.append(preview_words(job.kind, await context.perform(query)))
        ended = confirm_for_tenant(context, job.tenant, Effect(" ".join(parts), []), dry_run=False, yes=yes)
        if ended is not None:
            return ended
    codes = [await run_bulk(context, job, chosen, dry_run=dry_run, yes=True) for chosen in selections]
    return next((code for code in (ExitCode.PARTLY, ExitCode.NO) if code in codes), ExitCode.DONE)
