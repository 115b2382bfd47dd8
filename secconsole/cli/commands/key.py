"""`secconsole key`: rotate the master key of a store."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.backends.maintenance.rotation import Rotated, has_prepared_key, rotate
from secconsole.backends.stores import StorePlace, parse_store
from secconsole.cli.command import Group, LocalCommand, current_call
from secconsole.cli.command_context import interruptible
from secconsole.cli.commands.store import STORE_VARIABLE
from secconsole.cli.diagnostics import ExitCode, Progress, ask_yes_no, can_ask, say
from secconsole.cli.output import Column, Output
from secconsole.domain.errors import Invalid

COLUMNS: list[Column[Rotated]] = [
    Column("store", lambda r: r.store),
    Column("before", lambda r: r.before, "Key before"),
    Column("after", lambda r: r.after, "New key"),
    Column("done", lambda r: r.done, "In use"),
    Column("resumed", lambda r: r.resumed),
    Column("moved", lambda r: r.moved, "Secrets sealed", numeric=True),
    Column("failed", lambda r: r.failed, "Did not open", numeric=True),
    Column("key_file", lambda r: r.key_file),
    Column("retired", lambda r: r.retired, "Old key put away"),
]


@click.group(cls=Group)
def key() -> None:
    """Rotate the master key, which opens the secrets of a store."""


@key.command("rotate", cls=LocalCommand)
@click.option("--prepare", is_flag=True, help="Only create the new key, to be copied to the other servers first.")
@click.option(
    "--store",
    "url",
    default="",
    metavar="URL",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    help="postgresql://USER@HOST/DATABASE or sqlite:///PATH. Default: the store of this home.",
)
@click.option("--yes", is_flag=True, help="PostgreSQL: every other server has the new master.key, or there is none.")
def rotate_key(prepare: bool, url: str, yes: bool) -> int:
    """Seal every secret with a new master key while consoles and servers run.

    They use the new key without a restart. After an interruption the same command continues. Nobody has to bind
    anything again, and the audit stays verifiable. The old key is moved to a file beside master.key: backups made
    before need it.

    Several servers of a PostgreSQL database: run it with --prepare, copy master.key to each server, then run it
    without.

    \b
    secconsole key rotate
    """
    place = parse_store(url)
    if not prepare and not yes and not isinstance(place.database, Path) and not _all_have_it(place):
        say("Nothing was changed. Run it with --prepare, and copy master.key to every server.")
        return ExitCode.NO
    progress = Progress("Secrets sealed:")
    try:
        with interruptible():
            done = rotate(place, prepare_only=prepare, progress=progress.show)
    finally:
        progress.end()
    out = Output(current_call().format)
    out.record(COLUMNS, done)
    out.flush()
    if not done.done:
        say(
            f"{done.key_file} has the new key {done.after}. Copy it to every server of this database, mode 0600. Then "
            "run the same command without --prepare."
        )
        return ExitCode.DONE
    say(f"Keep a copy of {done.key_file} in a safe place: backups from now on need it.")
    if done.retired:
        say(
            f"Backups made before need {', '.join(done.retired)}. Move it to where its copies are kept. Delete it with "
            "the last of these backups, or now if the key was revealed."
        )
    if done.failed:
        say(f"{done.failed:,} secrets did not open and were left as they are. For details: secconsole doctor")
        return ExitCode.PARTLY
    return ExitCode.DONE


def _all_have_it(place: StorePlace) -> bool:
    """Return True if the new key may be used, as far as other servers are concerned."""
    what = "has this master.key, with its new key" if has_prepared_key(place) else "is stopped, or there is none"
    if not can_ask():
        raise Invalid(
            "Other servers of this database need the new key first. Run key rotate --prepare, copy master.key to each, "
            "and run key rotate --yes.",
            "yes",
        )
    return ask_yes_no(f"Every other server of this database {what}?")
