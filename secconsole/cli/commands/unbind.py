"""`secconsole unbind` and `undo`: for users who lost a phone."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from secconsole.cli.command import Verb
from secconsole.cli.diagnostics import ExitCode, Progress, agreed, ask, can_ask, say
from secconsole.cli.output import Column, shown
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid, NotAllowed
from secconsole.domain.model import BindingStatus
from secconsole.operations.unbinding import (
    TYPED_ABOVE,
    PreviewUnbind,
    Unbind,
    UnbindPreview,
    UnbindResult,
    UnbindTarget,
    UndoResult,
    UndoUnbind,
    added_up,
)
from secconsole.operations.users import ShowUser

AT_ONCE = 500

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
    Column("binds_anew", lambda t: t.binds_anew),
    Column("look_alikes", lambda t: tuple(f"{other.login} ({other.id})" for other in t.look_alikes)),
    Column("suspicions", lambda t: t.suspicions, "Look twice"),
]
OUTCOME: list[Column[tuple[str, str, str, str]]] = [
    Column("login", lambda row: row[0]),
    Column("id", lambda row: row[1], "Id"),
    Column("result", lambda row: row[2]),
    Column("reason", lambda row: row[3]),
]


@click.command(cls=Verb)
@click.argument("logins", nargs=-1, required=True, metavar="LOGIN…")
@click.option("--reason", default="", help="Why; needed, and kept in the audit.")
@click.option("--ticket", default="", help="The ticket it belongs to.")
@click.option("--verified-by", default="", help="Who made sure that it is the user who asks, where you did not.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask, however many.")
@working
async def unbind(
    work: Work, logins: tuple[str, ...], reason: str, ticket: str, verified_by: str, dry_run: bool, yes: bool
) -> int:
    """Make the factors of users stop working, end their sessions, and let them bind anew.

    LOGIN may also be a user's id; a single - reads them from standard input, one on a line. Can be undone for ten
    minutes. Of more than one user --yes is needed where nobody can be asked.

    Exit 7 if some were not unbound, 1 if all were unbound already.

    \b
    secconsole unbind ana --reason "lost phone" --ticket T-17
    """
    tenant = await work.tenant()
    users = _users(logins)
    if dry_run:
        _show_preview(work, await _preview(work, tenant, users))
        return ExitCode.DONE
    if not reason.strip():
        raise Invalid("Say why with --reason TEXT.", "reason")
    wanted = Unbind(tenant=tenant, users=users, reason=reason, ticket=ticket, verified_by=verified_by)
    if len(users) == 1:
        return await _unbind_one(work, wanted)
    if not yes:
        await _agree(work, tenant, users)
    result = await _unbind_many(work, wanted)
    _show_result(work, result)
    if not result.failed:
        return ExitCode.DONE
    if not result.unbound and (await _preview(work, tenant, users)).already_unbound == len(users):
        return ExitCode.NO
    return ExitCode.PARTLY


@click.command(cls=Verb)
@click.argument("event")
@click.argument("logins", nargs=-1, metavar="[LOGIN…]")
@working
async def undo(work: Work, event: str, logins: tuple[str, ...]) -> int:
    """Take an unbinding back within ten minutes: the same phones work again.

    EVENT is what `unbind` answered with; name users to take it back for those only. Exit 7 if some stay unbound.
    """
    result = await work.perform(UndoUnbind(tenant=await work.tenant(), event=event, users=logins))
    _show_undone(work, result)
    if not result.failed:
        return ExitCode.DONE
    return ExitCode.PARTLY if result.restored else ExitCode.CONFLICT


def _users(logins: tuple[str, ...]) -> tuple[str, ...]:
    """The users that were named, each once."""
    if logins == ("-",):
        try:
            lines = sys.stdin.buffer.read().decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise Invalid("The logins on standard input are not UTF-8 text.", "users") from None
        logins = tuple(line.strip() for line in lines if line.strip())
        if not logins:
            raise Invalid("There are no logins on standard input.", "users")
    return tuple(dict.fromkeys(logins))


async def _unbind_one(work: Work, operation: Unbind) -> int:
    """One user, for whom every outcome has an exit code of its own."""
    detail = await work.perform(ShowUser(tenant=operation.tenant, user=operation.users[0]))
    result = await work.perform(replace(operation, users=(detail.user.id,)))
    if not result.failed:
        _show_result(work, result)
        return ExitCode.DONE
    if detail.user.status is not BindingStatus.UNBOUND:
        raise NotAllowed(f"{detail.user.login} was not unbound: {result.failed[0].reason}")
    _show_result(work, result)
    return ExitCode.NO


async def _unbind_many(work: Work, operation: Unbind) -> UnbindResult:
    """In portions under one event, so that one undo takes all back."""
    users = operation.users
    done = UnbindResult((), (), "", None)
    progress = Progress("Unbinding users:")
    try:
        for start in range(0, len(users), AT_ONCE):
            portion = users[start : start + AT_ONCE]
            part = await work.perform(replace(operation, users=portion, event=done.event))
            done = UnbindResult(
                done.unbound + part.unbound, done.failed + part.failed, part.event or done.event,
                part.undo_until or done.undo_until,
            )  # fmt: skip
            progress.show(start + len(portion))
    except BaseException:
        progress.end()
        if done.event:
            say(f"{len(done.unbound):,} users were unbound before it stopped. To undo: secconsole undo {done.event}")
        raise
    progress.end()
    return done


async def _preview(work: Work, tenant: str, users: tuple[str, ...]) -> UnbindPreview:
    """One preview of all, from as many as it takes."""
    parts = [
        await work.perform(PreviewUnbind(tenant=tenant, users=users[start : start + AT_ONCE]))
        for start in range(0, len(users), AT_ONCE)
    ]
    return added_up(parts)


async def _agree(work: Work, tenant: str, users: tuple[str, ...]) -> None:
    """Ask before many are unbound; raise `Invalid` if the answer is no, or nobody is there to give one."""
    count = len(users)
    if not can_ask():
        raise Invalid(f"That would unbind {count:,} users. Look with --dry-run, and confirm with --yes.", "yes")
    preview = await _preview(work, tenant, users)
    say(_counts(preview))
    if count > TYPED_ABOVE:
        sure = ask("Type the number of users to unbind them:").strip().replace(",", "") == str(count)
    else:
        say(", ".join(target.login for target in preview.targets))
        sure = agreed(f"Unbind {count} users?")
    if not sure:
        raise Invalid("Nobody was unbound.", "yes")


def _counts(preview: UnbindPreview) -> str:
    total = preview.bound + preview.pending + preview.already_unbound + len(preview.failed)
    parts = [
        f"{preview.bound:,} bound", f"{preview.pending:,} pending", f"{preview.already_unbound:,} unbound already",
        f"{preview.whitelisted:,} whitelisted", f"{len(preview.failed):,} that cannot be unbound",
    ]  # fmt: skip
    shown_parts = ", ".join(part for part in parts if not part.startswith("0 "))
    ending = f"{preview.sessions:,} sessions and {preview.tokens:,} tokens would end"
    void = f"{preview.recovery_codes:,} recovery codes would become void"
    notices = "Nobody would be notified: no mail server is set up."
    if preview.mails:
        notices = f"No notice would reach {preview.not_notified:,} of them." if preview.not_notified else ""
    said = f"{total:,} users: {shown_parts}. {ending}, {void}. Policy: {preview.policy}."
    return f"{said} {notices}".rstrip()


def _show_preview(work: Work, preview: UnbindPreview) -> None:
    if work.out.format == "json":
        work.out.json(preview)
        return
    if work.out.is_table:
        work.out.line(_counts(preview))
    work.out.listing(TARGETS, preview.targets)
    if work.out.is_table and preview.failed:
        work.out.line()
        work.out.listing(OUTCOME, [(f.login, f.user, "cannot be unbound", f.reason) for f in preview.failed])


def _show_result(work: Work, result: UnbindResult) -> None:
    if work.out.format == "json":
        work.out.json(result)
        return
    rows = [(u.login, u.id, "unbound", "") for u in result.unbound]
    rows += [(f.login or f.user, f.user, "not unbound", f.reason) for f in result.failed]
    work.out.listing(OUTCOME, rows)
    if work.out.is_table and result.event:
        work.out.line(f"Undo until {shown(result.undo_until)}: secconsole undo {result.event}")


def _show_undone(work: Work, result: UndoResult) -> None:
    if work.out.format == "json":
        work.out.json(result)
        return
    rows = [(u.login, u.id, "bound again", "") for u in result.restored]
    rows += [(f.login or f.user, f.user, "still unbound", f.reason) for f in result.failed]
    work.out.listing(OUTCOME, rows)
