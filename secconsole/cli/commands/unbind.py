"""`secconsole unbind` and `undo`: for users who lost a phone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from secconsole.cli.bulk import read_selection, run_bulk, selection_options
from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.bypass import bypass_words
from secconsole.cli.diagnostics import ExitCode, Progress, ask, ask_yes_no, can_ask, say
from secconsole.cli.output import Column, format_value
from secconsole.cli.stdin import read_all
from secconsole.domain.errors import Invalid, NotAllowed
from secconsole.domain.factors.bypass import MOST_MINUTES
from secconsole.domain.jobs import JobKind
from secconsole.domain.model import BindingStatus
from secconsole.operations.jobs import StartJob
from secconsole.operations.portions import preview_unbinding, unbind_in_portions
from secconsole.operations.unbinding import (
    TYPED_ABOVE,
    Unbind,
    UnbindPreview,
    UnbindResult,
    UnbindTarget,
    UndoResult,
    UndoUnbind,
)
from secconsole.operations.users import ShowUser

TARGETS: list[Column[UnbindTarget]] = [
    Column("login", lambda t: t.login),
    Column("name", lambda t: t.name),
    Column("id", lambda t: t.id, "Id"),
    Column("role", lambda t: t.role),
    Column("status", lambda t: t.status),
    Column("factors", lambda t: t.factors),
    Column("whitelisted", lambda t: t.whitelisted),
    Column("sessions", lambda t: t.sessions, numeric=True),
    Column("tokens", lambda t: t.tokens, numeric=True),
    Column("recovery_codes", lambda t: t.recovery_codes, numeric=True),
    Column("notified", lambda t: t.notified),
    Column("binds_again", lambda t: t.binds_again),
    Column("look_alikes", lambda t: tuple(f"{other.login} ({other.id})" for other in t.look_alikes)),
    Column("suspicions", lambda t: t.suspicions, "Look twice"),
]
OUTCOME: list[Column[tuple[str, str, str, str]]] = [
    Column("login", lambda row: row[0]),
    Column("id", lambda row: row[1], "Id"),
    Column("result", lambda row: row[2]),
    Column("reason", lambda row: row[3]),
]


@click.command(cls=Command)
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--reason", default="", help="The reason. Required, and kept in the audit log.")
@click.option("--ticket", default="", help="The ticket of the request.")
@click.option("--verified-by", default="", help="Who verified the user's identity, if not you.")
@click.option(
    "--bypass",
    type=click.IntRange(1, MOST_MINUTES),
    metavar="MINUTES",
    help="Also issue a bypass code for one sign-in, shown once.",
)
@selection_options
@click.option("--dry-run", is_flag=True, help="Show what would happen, without changing it.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@with_backend
async def unbind(
    context: CommandContext,
    logins: tuple[str, ...],
    reason: str,
    ticket: str,
    verified_by: str,
    bypass: int | None,
    file: Path | None,
    words: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Disable the factors of users, end their sessions, and let them bind new ones.

    LOGIN may also be a user id. A single - reads logins from standard input, one on each line. The unbinding can be
    undone for ten minutes. Without a terminal, --yes is required for more than one user. With --file and --filter it is
    a job, which `job resume` continues after an interruption.

    Exit 7 if some were not unbound, 1 if all were unbound already.

    \b
    secconsole unbind ana --reason "lost phone" --ticket T-17
    """
    tenant = await context.tenant()
    if file is not None or words is not None:
        if bypass is not None:
            raise Invalid("--bypass is for one user. Unbind the others without it.", "bypass")
        chosen = read_selection(logins, file, words)
        job = StartJob(tenant=tenant, kind=JobKind.UNBIND, reason=reason, ticket=ticket, verified_by=verified_by)
        if not dry_run and not reason.strip():
            raise Invalid("Say why with --reason TEXT.", "reason")
        return await run_bulk(context, job, chosen, dry_run=dry_run, yes=yes)
    if not logins:
        raise click.UsageError("Name users, or use one of --file and --filter.")
    users = _users(logins)
    if dry_run:
        _show_preview(context, await preview_unbinding(context.perform, tenant, users))
        return ExitCode.DONE
    if not reason.strip():
        raise Invalid("Say why with --reason TEXT.", "reason")
    wanted = Unbind(tenant=tenant, users=users, reason=reason, ticket=ticket, verified_by=verified_by, bypass=bypass)
    if bypass is not None and len(users) > 1:
        raise Invalid("--bypass is for one user. Unbind the others without it.", "bypass")
    if len(users) == 1:
        return await _unbind_one(context, wanted)
    if not yes:
        await _agree(context, tenant, users)
    result = await _unbind_many(context, wanted)
    _show_result(context, result)
    if not result.failed:
        return ExitCode.DONE
    # The result has the reasons as text only. The preview counts those that were unbound already.
    if not result.unbound and (await preview_unbinding(context.perform, tenant, users)).already_unbound == len(users):
        return ExitCode.NO
    return ExitCode.PARTLY


@click.command(cls=Command)
@click.argument("event")
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@click.option("--reason", default="", help="Why, for the audit.")
@with_backend
async def undo(context: CommandContext, event: str, logins: tuple[str, ...], reason: str) -> int:
    """Undo an unbinding within ten minutes: the same phones work again, and sessions opened since then end.

    EVENT is the event that `unbind` returned. Name users to undo it for those only. Exit 7 if some stay unbound.
    """
    wanted = UndoUnbind(tenant=await context.tenant(), event=event, users=logins, reason=reason)
    result = await context.perform(wanted)
    _show_undone(context, result)
    if not result.failed:
        return ExitCode.DONE
    return ExitCode.PARTLY if result.restored else ExitCode.CONFLICT


def _users(logins: tuple[str, ...]) -> tuple[str, ...]:
    """Return the named users without duplicates."""
    if logins == ("-",):
        logins = tuple(line.strip() for line in read_all("logins").splitlines() if line.strip())
        if not logins:
            raise Invalid("There are no logins on standard input.", "users")
    return tuple(dict.fromkeys(logins))


async def _unbind_one(context: CommandContext, operation: Unbind) -> int:
    """Unbind one user, with a separate exit code for each outcome."""
    detail = await context.perform(ShowUser(tenant=operation.tenant, user=operation.users[0]))
    # By id: between the two requests the login could go to another user.
    result = await context.perform(replace(operation, users=(detail.user.id,)))
    if not result.failed:
        _show_result(context, result)
        return ExitCode.DONE
    # A user who was unbound already is a result, with exit code 1. Everything else is a refusal.
    if detail.user.status is not BindingStatus.UNBOUND:
        raise NotAllowed(f"{detail.user.login} was not unbound: {result.failed[0].reason}")
    _show_result(context, result)
    return ExitCode.NO


async def _unbind_many(context: CommandContext, operation: Unbind) -> UnbindResult:
    """Unbind users in batches under one event, so that one undo reverts them all."""
    done = UnbindResult((), (), "", None)
    progress = Progress("Unbinding users:")
    try:
        async for done in unbind_in_portions(context.perform, operation):
            progress.show(len(done.unbound) + len(done.failed))
    # Also Ctrl+C: without the event, nobody could undo what was done until then.
    except BaseException:
        progress.end()
        if done.event:
            say(f"{len(done.unbound):,} users were unbound before the error. To undo: secconsole undo {done.event}")
        raise
    progress.end()
    return done


async def _agree(context: CommandContext, tenant: str, users: tuple[str, ...]) -> None:
    """Ask for confirmation to unbind many users.

    Raise `Invalid` if it is refused or impossible.
    """
    count = len(users)
    if not can_ask():
        raise Invalid(f"This would unbind {count:,} users. Check with --dry-run, and confirm with --yes.", "yes")
    preview = await preview_unbinding(context.perform, tenant, users)
    say(_counts(preview))
    # A number is not typed by habit, as `y` is.
    if count > TYPED_ABOVE:
        sure = ask("Type the number of users to unbind them:").strip().replace(",", "") == str(count)
    else:
        say(", ".join(target.login for target in preview.targets))
        sure = ask_yes_no(f"Unbind {count} users?")
    if not sure:
        raise Invalid("No users were unbound.", "yes")


def _counts(preview: UnbindPreview) -> str:
    total = preview.bound + preview.pending + preview.already_unbound + len(preview.failed)
    parts = [
        f"{preview.bound:,} bound",
        f"{preview.pending:,} pending",
        f"{preview.already_unbound:,} unbound already",
        f"{preview.whitelisted:,} whitelisted",
        f"{len(preview.failed):,} that cannot be unbound",
    ]
    shown_parts = ", ".join(part for part in parts if not part.startswith("0 "))
    ending = f"{preview.sessions:,} sessions and {preview.tokens:,} tokens would end"
    void = f"{preview.recovery_codes:,} recovery codes would become void"
    notices = "No one would be notified, because no mail server is set up."
    if preview.mails:
        notices = f"No notice would reach {preview.not_notified:,} of them." if preview.not_notified else ""
    summary = f"{total:,} users: {shown_parts}. {ending}, {void}. Policy: {preview.policy}."
    return f"{summary} {notices}".rstrip()


def _show_preview(context: CommandContext, preview: UnbindPreview) -> None:
    if context.out.format == "json":
        context.out.json(preview)
        return
    if context.out.is_table:
        context.out.line(_counts(preview))
    context.out.listing(TARGETS, preview.targets)
    if context.out.is_table and preview.failed:
        context.out.line()
        context.out.listing(OUTCOME, [(f.login, f.user, "cannot be unbound", f.reason) for f in preview.failed])


def _show_result(context: CommandContext, result: UnbindResult) -> None:
    if context.out.format == "json":
        context.out.json(result, reveal=True)  # a bypass code is not shown again
        return
    rows = [(u.login, u.id, "unbound", "") for u in result.unbound]
    rows += [(f.login or f.user, f.user, "not unbound", f.reason) for f in result.failed]
    context.out.listing(OUTCOME, rows)
    if context.out.is_table and result.event:
        context.out.line(f"Undo until {format_value(result.undo_until)}: secconsole undo {result.event}")
    if result.warning:
        say(result.warning)
    if result.bypass is not None:
        code = result.bypass.code.reveal()
        if context.out.is_table:
            context.out.line(f"Bypass code: {code}")
        else:
            # CSV has one row for each user and no place for it.
            say(f"Bypass code: {code}")
        say(bypass_words(result.bypass))


def _show_undone(context: CommandContext, result: UndoResult) -> None:
    if context.out.format == "json":
        context.out.json(result)
        return
    rows = [(u.login, u.id, "bound again", "") for u in result.restored]
    rows += [(f.login or f.user, f.user, "still unbound", f.reason) for f in result.failed]
    context.out.listing(OUTCOME, rows)
    if context.out.is_table and result.sessions_ended + result.tokens_ended:
        say(f"Ended {result.sessions_ended:,} sessions and {result.tokens_ended:,} tokens opened since the unbinding.")
