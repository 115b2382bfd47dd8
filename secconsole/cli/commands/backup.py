"""`secconsole backup`: copy the store to a file while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.backends.maintenance.backup import BackedUp, back_up
from secconsole.backends.stores import parse_store
from secconsole.cli.command import LocalCommand, current_call
from secconsole.cli.command_context import interruptible
from secconsole.cli.commands.store import STORE_VARIABLE
from secconsole.cli.diagnostics import ByteProgress, say
from secconsole.cli.output import Column, Output, format_value

COLUMNS: list[Column[BackedUp]] = [
    Column("file", lambda b: b.file),
    Column("store", lambda b: b.store),
    Column("size", lambda b: b.size, "Bytes", numeric=True),
    Column("at", lambda b: b.at, "Time"),
    Column("schema", lambda b: b.schema),
    Column("key", lambda b: b.key, "Opened by key"),
    Column("contains_key", lambda b: b.contains_key, "Contains the key"),
    Column("tenants", lambda b: tuple(f"{t.tenant} up to entry {t.seq:,}" for t in b.tenants), "Audit"),
]


@click.command(cls=LocalCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--store",
    "url",
    default="",
    metavar="URL",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    help="sqlite:///PATH. Default: the store of this home.",
)
def backup(file: Path, overwrite: bool, url: str) -> None:
    """Copy the store to FILE while consoles and servers use it.

    The copy is one moment of the store, in a private file (0600). The master key is not in FILE: without it, nobody
    can open the secrets in the backup. Keep a copy of master.key in another place, because both together reveal every
    secret.

    PostgreSQL databases have their own tools: pg_dump, or base backups with archived WAL.

    \b
    secconsole backup /var/backups/secconsole/console.db
    """
    progress = ByteProgress("Copied:")
    try:
        with interruptible():
            done = back_up(parse_store(url), file, overwrite=overwrite, progress=progress.show_of)
    finally:
        progress.end()
    out = Output(current_call().format)
    out.record(COLUMNS, done)
    out.flush()
    say(
        f"The master key {done.key} is not in the backup. Keep a copy of {done.key_file} in another place: without it, "
        "the secrets cannot be opened, and together with it the backup reveals every secret."
    )
    if not done.recorded:
        say(
            f"The store could not be written or is older than this program: its audit lacks this backup of "
            f"{format_value(done.at)}."
        )
