"""Verification of the audit in parts, with progress, and its comparison with heads from files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO

import click

from secconsole.cli.command_context import CommandContext
from secconsole.cli.diagnostics import Progress
from secconsole.config.dates import local_words
from secconsole.domain.errors import Invalid
from secconsole.domain.limits import MOST_HEADS
from secconsole.operations.audit import AuditCheck, AuditHead, CheckAuditHeads, HeadProblem
from secconsole.operations.head_files import heads_in
from secconsole.operations.portions import verify_in_parts


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A head with its place in a file."""

    place: str
    head: AuditHead


async def verify_chain(context: CommandContext, tenant: str) -> AuditCheck:
    """Verify all entries in parts, so that no request takes long, and stop at the first that is wrong."""
    progress = Progress("Verified:")
    check = AuditCheck(True, 0)
    try:
        async for check in verify_in_parts(context.perform, tenant):
            progress.show(check.entries)
    finally:
        progress.end()
    return check


async def verify_against(context: CommandContext, tenant: str, files: Sequence[Path]) -> AuditCheck:
    """Verify all entries, compare them with the heads of files, and return the first problem."""
    check = await verify_chain(context, tenant)
    agree = older = 0
    found: tuple[HeadProblem, KeptHead] | None = None
    kept = _read(files)
    while some := list(islice(kept, MOST_HEADS)):
        compared = await context.perform(CheckAuditHeads(tenant=tenant, heads=tuple(one.head for one in some)))
        agree += compared.agree
        older += compared.older
        for problem in compared.problems:
            if found is None or _where(problem) < _where(found[0]):
                found = problem, some[problem.number]
    check = replace(check, older_heads=older)
    if found is None and not agree and not older:
        raise Invalid(f"{_names(files)} contains no head of {tenant}. Write one with: secconsole audit head", "against")
    if found is None or (check.position is not None and check.position <= _where(found[0])):
        return replace(check, heads=agree)
    problem, one = found
    signed = f"{one.place}, signed on {local_words(one.head.at)}"
    return AuditCheck(
        False,
        check.entries if problem.position is None else max(0, min(check.entries, problem.position - 1 - check.removed)),
        problem.entry,
        f"{problem.problem} ({signed})",
        problem.position,
        check.newest,
        heads=agree,
        removed=check.removed,
        older_heads=older,
    )


def _where(problem: HeadProblem) -> int:
    """Return the position of a problem, the last one for a head that is itself wrong."""
    return 2**63 if problem.position is None else problem.position


def _read(files: Sequence[Path]) -> Iterator[KeptHead]:
    for path in files:
        name = "standard input" if str(path) == "-" else str(path)
        try:
            with click.open_file(str(path), encoding="utf-8", errors="replace") as file:
                yield from (KeptHead(f"{name} line {number}", head) for number, head in heads_in(_lines(file)))
        except OSError as error:
            raise Invalid(f"{name} cannot be read: {error.strerror}.", "against") from None


def _lines(file: IO[str]) -> Iterator[str]:
    """Yield lines, long ones in pieces, so that no file fills the memory."""
    while line := file.readline(65_536):
        yield line


def _names(files: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in files)
