"""Carrying a file of people into the store, in portions that do not keep others waiting."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from secconsole.cli.csv_file import opened
from secconsole.cli.diagnostics import ExitCode, Progress, say
from secconsole.cli.output import Column
from secconsole.cli.people_file import read_people
from secconsole.cli.work import Work
from secconsole.operations.users import ImportResult, ImportUsers, NewUser, Rejected

PORTION = 2000
PORTION_WITH_PASSWORDS = 100  # each takes a slow hash, and the counter should move

REJECTED: list[Column[Rejected]] = [
    Column("line", lambda r: r.line, numeric=True),
    Column("login", lambda r: r.login),
    Column("reason", lambda r: r.reason),
]


async def import_file(work: Work, path: Path, *, all_or_nothing: bool, dry_run: bool) -> int:
    """Import a file and answer with the counts and the rejected lines.

    With `all_or_nothing` every portion is checked before the first is written, so that one bad line keeps all out.
    """
    run = _Run(work, await work.tenant())
    with opened(path, sys.stdin.buffer) as file:
        if all_or_nothing:
            portions = list(run.portions(file))
            await run.send("Checked", portions, check_only=True)
            if not run.rejected and not dry_run:
                run.forget_counts()
                await run.send("Imported", portions, all_or_nothing=True)
        else:
            await run.send("Checked" if dry_run else "Imported", run.portions(file), check_only=dry_run)
    nothing_done = all_or_nothing and bool(run.rejected) and not run.wrote
    result = run.result(none_written=nothing_done)
    _answer(work, result, dry_run=dry_run)
    if nothing_done:
        say(f"Nothing was imported, since {len(result.rejected):,} lines are rejected. Correct them and try again.")
        return ExitCode.CONFLICT
    return ExitCode.PARTLY if result.rejected else ExitCode.DONE


class _Run:
    """One import: what was counted so far."""

    def __init__(self, work: Work, tenant: str) -> None:
        self._work = work
        self._tenant = tenant
        self._created = self._updated = self._unchanged = 0
        self.rejected: list[Rejected] = []
        self.wrote = False

    def portions(self, file: BinaryIO) -> Iterator[tuple[NewUser, ...]]:
        """The good lines in portions; the bad ones go to `rejected` on the way."""
        portion: list[NewUser] = []
        for person in read_people(file):
            if isinstance(person, Rejected):
                self.rejected.append(person)
                continue
            portion.append(person)
            if len(portion) >= (PORTION_WITH_PASSWORDS if person.password else PORTION):
                yield tuple(portion)
                portion = []
        if portion:
            yield tuple(portion)

    async def send(
        self,
        verb: str,
        portions: Iterator[tuple[NewUser, ...]] | list[tuple[NewUser, ...]],
        *,
        all_or_nothing: bool = False,
        check_only: bool = False,
    ) -> None:
        progress = Progress(f"{verb} lines:")
        sent = 0
        try:
            for users in portions:
                result = await self._work.perform(
                    ImportUsers(tenant=self._tenant, users=users, all_or_nothing=all_or_nothing, check_only=check_only)
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

    def result(self, *, none_written: bool) -> ImportResult:
        rejected = tuple(sorted(self.rejected, key=lambda r: r.line))
        if none_written:
            return ImportResult(0, 0, 0, rejected)
        return ImportResult(self._created, self._updated, self._unchanged, rejected)


def _answer(work: Work, result: ImportResult, *, dry_run: bool) -> None:
    out = work.out
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
