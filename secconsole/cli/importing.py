"""Import of a file of people, with its counts and rejected lines as the result."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from pathlib import Path

from secconsole.cli.command_context import CommandContext
from secconsole.cli.diagnostics import ExitCode, Progress, say
from secconsole.cli.output import Column
from secconsole.config.csv_file import opened
from secconsole.config.people_file import read_people
from secconsole.domain.model import Flag
from secconsole.domain.users.search import UserFilter
from secconsole.operations.people_import import BATCH_IN_ONE_TRANSACTION, PeopleImport, split_batches
from secconsole.operations.user_import import ImportResult, NewUser, Rejected
from secconsole.operations.users import CountUsers

REJECTED: list[Column[Rejected]] = [
    Column("line", lambda r: r.line, numeric=True),
    Column("login", lambda r: r.login),
    Column("reason", lambda r: r.reason),
]


async def import_file(context: CommandContext, path: Path, *, all_or_nothing: bool, dry_run: bool) -> int:
    """Import a file and write the counts and the rejected lines.

    With `all_or_nothing`, every batch is checked before the first is written, so that one bad line stops the import.
    """
    run = PeopleImport(context.perform, await context.tenant())
    gc.freeze()  # what was loaded so far is not looked through again for every few thousand lines
    with opened(path, sys.stdin.buffer) as file:
        people = run.valid(read_people(file))
        if all_or_nothing or dry_run:
            batches = list(split_batches(await run.admins_first(people), BATCH_IN_ONE_TRANSACTION))
            await _send(run, "Checked", batches, all_or_nothing=False, check_only=True)
            if not run.rejected and not dry_run:
                run.forget_counts()
                await _send(run, "Imported", batches, all_or_nothing=True, check_only=False)
        else:
            await _send(run, "Imported", split_batches(people), all_or_nothing=False, check_only=False)
    nothing_done = all_or_nothing and bool(run.rejected) and not run.wrote
    result = run.result(nothing_written=nothing_done)
    _answer(context, result, dry_run=dry_run)
    if not dry_run and result.created:
        await _say_without_password(context, run.tenant)
    if nothing_done:
        count = len(result.rejected)
        lines, them = (f"{count:,} lines are", "them") if count > 1 else ("1 line is", "it")
        say(f"Nothing was imported because {lines} rejected. Correct {them} and try again.")
        return ExitCode.CONFLICT
    return ExitCode.PARTLY if result.rejected else ExitCode.DONE


async def _send(
    run: PeopleImport, verb: str, batches: Iterable[tuple[NewUser, ...]], *, all_or_nothing: bool, check_only: bool
) -> None:
    progress = Progress(f"{verb} lines:")
    try:
        await run.send(batches, all_or_nothing=all_or_nothing, check_only=check_only, progress=progress.show)
    finally:
        progress.end()


async def _say_without_password(context: CommandContext, tenant: str) -> None:
    """Say how many users of the tenant cannot sign in yet, and what to do about it."""
    found = await context.perform(CountUsers(tenant=tenant, filter=UserFilter(flag=Flag.NO_PASSWORD)))
    if found.count:
        who = "1 user has" if found.count == 1 else f"{found.count:,} users have"
        say(f"{who} no password and cannot sign in yet. Invite them: secconsole user invite --all-without-password")


def _answer(context: CommandContext, result: ImportResult, *, dry_run: bool) -> None:
    out = context.out
    if out.format == "json":
        out.json(result)
    elif out.is_table:
        would = "Would be " if dry_run else ""
        out.pairs(
            [
                (f"{would}created".capitalize(), result.created),
                (f"{would}updated".capitalize(), result.updated),
                ("Unchanged", result.unchanged),
                ("Rejected", len(result.rejected)),
            ]
        )
        if result.rejected:
            out.line()
            out.listing(REJECTED, result.rejected)
    else:
        out.listing(REJECTED, result.rejected)
        say(f"created {result.created:,}, updated {result.updated:,}, unchanged {result.unchanged:,}")
