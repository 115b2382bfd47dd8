"""Import of a file of people, in batches that do not block other requests."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from secconsole.cli.command_context import CommandContext
from secconsole.cli.csv_file import opened
from secconsole.cli.diagnostics import ExitCode, Progress, say
from secconsole.cli.output import Column
from secconsole.cli.people_file import read_people
from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.model import Flag
from secconsole.domain.roles import Role
from secconsole.domain.users.login import login_key
from secconsole.domain.users.search import UserFilter
from secconsole.operations.user_import import ImportResult, ImportUsers, NewUser, Rejected
from secconsole.operations.users import CountUsers, ListUsers

BATCH = 2000
BATCH_IN_ONE_TRANSACTION = 1000  # with --all-or-nothing: one transaction, which blocks other writers
BATCH_WITH_PASSWORDS = 100  # each needs a slow hash, and the counter should move

REJECTED: list[Column[Rejected]] = [
    Column("line", lambda r: r.line, numeric=True),
    Column("login", lambda r: r.login),
    Column("reason", lambda r: r.reason),
]


async def import_file(context: CommandContext, path: Path, *, all_or_nothing: bool, dry_run: bool) -> int:
    """Import a file and write the counts and the rejected lines.

    With `all_or_nothing`, every batch is checked before the first is written, so that one bad line stops the import.
    """
    run = _Run(context, await context.tenant())
    gc.freeze()  # what was loaded so far is not looked through again for every few thousand lines
    with opened(path, sys.stdin.buffer) as file:
        if all_or_nothing or dry_run:
            batches = list(split_batches(await run.admins_first(run.people(file)), BATCH_IN_ONE_TRANSACTION))
            await run.send("Checked", batches, check_only=True)
            if not run.rejected and not dry_run:
                run.forget_counts()
                await run.send("Imported", batches, all_or_nothing=True)
        else:
            await run.send("Imported", split_batches(run.people(file)))
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


def split_batches(people: Iterable[NewUser], most: int = BATCH) -> Iterator[tuple[NewUser, ...]]:
    """Yield the lines in the batches that are sent."""
    batch: list[NewUser] = []
    for person in people:
        batch.append(person)
        if len(batch) >= (BATCH_WITH_PASSWORDS if person.password else most):
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


class _Run:
    """One import and its counts so far."""

    def __init__(self, context: CommandContext, tenant: str) -> None:
        self._work = context
        self.tenant = tenant
        self._created = self._updated = self._unchanged = 0
        self.rejected: list[Rejected] = []
        self.wrote = False

    def people(self, file: BinaryIO) -> Iterator[NewUser]:
        """Yield the valid lines, and append the others to `rejected`."""
        for person in read_people(file):
            if isinstance(person, Rejected):
                self.rejected.append(person)
            else:
                yield person

    async def admins_first(self, people: Iterable[NewUser]) -> Iterator[NewUser]:
        """Return all lines, with those that add or remove platform administrators first.

        The rule that one of them remains is checked within a batch, since a checked batch changes nothing for the
        next one.
        """
        admins = await self._platform_admins()
        lines = list(people)
        concerned = [p for p in lines if p.role == Role.PLATFORM_ADMIN or login_key(p.login) in admins]
        numbers = {person.line for person in concerned}
        return chain(concerned, (person for person in lines if person.line not in numbers))

    async def _platform_admins(self) -> set[str]:
        found: set[str] = set()
        cursor: str | None = None
        wanted = UserFilter(role=Role.PLATFORM_ADMIN)
        while True:
            page = await self._work.perform(
                ListUsers(tenant=self.tenant, filter=wanted, limit=MOST_PER_PAGE, cursor=cursor)
            )
            found.update(login_key(user.login) for user in page.items)
            cursor = page.next
            if cursor is None:
                return found

    async def send(
        self,
        verb: str,
        batches: Iterable[tuple[NewUser, ...]],
        *,
        all_or_nothing: bool = False,
        check_only: bool = False,
    ) -> None:
        progress = Progress(f"{verb} lines:")
        sent = 0
        try:
            for users in batches:
                result = await self._work.perform(
                    ImportUsers(tenant=self.tenant, users=users, all_or_nothing=all_or_nothing, check_only=check_only)
                )
                self._count(result, wrote=not check_only)
                sent += len(users)
                progress.show(sent)
                if all_or_nothing and result.rejected:
                    return
        finally:
            progress.end()

    def _count(self, result: ImportResult, *, wrote: bool) -> None:
        self._created += result.created
        self._updated += result.updated
        self._unchanged += result.unchanged
        self.rejected += result.rejected
        self.wrote |= wrote and bool(result.created or result.updated)

    def forget_counts(self) -> None:
        self._created = self._updated = self._unchanged = 0

    def result(self, *, nothing_written: bool) -> ImportResult:
        rejected = tuple(sorted(self.rejected, key=lambda r: r.line))
        if nothing_written:
            return ImportResult(0, 0, 0, rejected)
        return ImportResult(self._created, self._updated, self._unchanged, rejected)


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
