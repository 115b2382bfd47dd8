"""Import of files with keys, with the outcome of each line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from secconsole.cli.command_context import CommandContext
from secconsole.cli.diagnostics import ExitCode, Progress, ask_hidden, can_ask, say
from secconsole.cli.output import Column
from secconsole.config.csv_file import opened
from secconsole.config.seed_file import read_seed_file, read_serial_map
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.formats import SeedFormat, read_seeds, recognise
from secconsole.domain.seeds.import_rules import ImportState
from secconsole.domain.seeds.seed import Entry, Seed
from secconsole.operations.factor_batches import import_entries, mapped
from secconsole.operations.factor_import import FactorsImported, ImportedFactor

LINES: list[Column[ImportedFactor]] = [
    Column("line", lambda i: i.line, numeric=True),
    Column("user", lambda i: i.user),
    Column("serial", lambda i: i.serial),
    Column("state", lambda i: i.state),
    Column("weak", lambda i: i.weak),
    Column("reason", lambda i: i.reason),
]


async def import_files(
    context: CommandContext,
    paths: Sequence[Path],
    *,
    format: SeedFormat | None,
    map_path: Path | None,
    password: Secret[str] | None,
    pending: bool,
    dry_run: bool,
) -> int:
    """Import files and write the outcome of each line."""
    logins = _map(map_path)
    entries = [entry for path in paths for entry in mapped(_entries(path, format, password), logins)]
    progress = Progress("Checked keys:" if dry_run else "Imported keys:")
    try:
        tenant = await context.tenant()
        result = await import_entries(
            context.perform, tenant, entries, pending=pending, check_only=dry_run, progress=progress.show
        )
    finally:
        progress.end()
    _answer(context, result, dry_run=dry_run)
    return ExitCode.PARTLY if result.refused or result.waits else ExitCode.DONE


def _map(path: Path | None) -> Mapping[str, str]:
    if path is None:
        return {}
    with opened(path, sys.stdin.buffer) as file:
        return read_serial_map(file)


def _entries(path: Path, format: SeedFormat | None, password: Secret[str] | None) -> list[Entry]:
    """Return the entries of a file, whose password is asked for at the terminal if it turns out to have one."""
    text, owner = read_seed_file(path, sys.stdin.buffer)
    try:
        entries = read_seeds(text, password, format)
    except Invalid as error:
        if error.field != "password" or password is not None or not can_ask():
            raise
        say(error.message)
        entries = read_seeds(text, ask_hidden(f"Password of {path.name}:"), format)
    if (format or recognise(text)) is SeedFormat.PAM:
        return [replace(e, user=owner) if isinstance(e, Seed) else replace(e, name=owner) for e in entries]
    return entries


def _answer(context: CommandContext, result: FactorsImported, *, dry_run: bool) -> None:
    out = context.out
    if out.format == "json":
        out.json(result)
        return
    if not out.is_table:
        out.listing(LINES, result.items)
        say(f"taken {result.taken:,}, known {result.known:,}, waits {result.waits:,}, refused {result.refused:,}")
        return
    out.pairs(
        [
            ("Would be taken" if dry_run else "Taken", result.taken),
            ("  shorter than 128 bits", result.weak),
            ("Bound already", result.known),
            ("Wait for a user", result.waits),
            ("Refused", result.refused),
        ]
    )
    shown = [i for i in result.items if i.state in (ImportState.WAITS, ImportState.REFUSED) or (i.weak and i.user)]
    if shown:
        out.line()
        out.listing(LINES, shown)
