"""`secconsole doctor`: check this installation for problems."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click
from click.core import ParameterSource

from secconsole.backends.doctor.checks import examine
from secconsole.backends.doctor.delivery import ServerPlace
from secconsole.backends.doctor.finding import Finding
from secconsole.backends.stores import parse_store
from secconsole.cli.command import Call, Command, current_call
from secconsole.cli.command_context import interruptible
from secconsole.cli.commands.store import STORE_VARIABLE
from secconsole.cli.credentials import resolve_credentials
from secconsole.cli.diagnostics import ExitCode, Progress
from secconsole.cli.mend_clock import mend_clock
from secconsole.cli.output import Column, Output
from secconsole.domain.errors import SecconsoleError

COLUMNS: list[Column[Finding]] = [
    Column("name", lambda f: f.name, "What"),
    Column("ok", lambda f: f.ok),
    Column("detail", lambda f: f.detail),
    Column("advice", lambda f: f.advice),
]


@click.command(cls=Command)
@click.option(
    "--store",
    "url",
    default="",
    metavar="URL",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    help="postgresql://USER@HOST/DATABASE or sqlite:///PATH. Default: the store of this home.",
)
@click.option(
    "--mend-clock",
    "mends",
    is_flag=True,
    help="Accept valid codes again after the clock was ahead. Correct the clock first.",
)
@click.option("--dry-run", is_flag=True, help="With --mend-clock: only count the users whose codes are refused.")
@click.option("--yes", is_flag=True, help="With --mend-clock: do not ask for confirmation.")
def doctor(url: str, mends: bool, dry_run: bool, yes: bool) -> int:
    """Check files, store, sending, clock, terminal and program without changing them: exit 0 if all is well, 1 if not.

    It reads every page of the store and opens every sealed secret. If interrupted, the next run continues there.
    For PostgreSQL, which checks its pages itself, it checks that this is enabled. That needs the key in this home.
    Exit 6 means that the database cannot be reached.
    If a server is in use, it is checked as well: whether it responds, its clock, and how codes are sent.

    \b
    secconsole doctor
    secconsole doctor --store postgresql://secconsole@db.example/secconsole
    """
    call = current_call()
    if mends and (call.backend or call.context):
        source = click.get_current_context().get_parameter_source("url")
        if url and source is ParameterSource.COMMANDLINE:
            raise click.UsageError("--store cannot be combined with --backend or --context.")
        url = ""
    place = parse_store(url) if url else None
    if mends:
        return mend_clock(dry_run, yes, store=place)
    if dry_run or yes:
        raise click.UsageError("--dry-run and --yes require --mend-clock.")
    progress = Progress("Secrets opened:")
    try:
        with interruptible():
            findings = asyncio.run(examine(server=_server(call), progress=progress.show, place=place))
    finally:
        progress.end()
    findings += [Finding("keys", False, problem, "Change it in [keys].") for problem in _key_problems(call)]
    out = Output(current_call().format)
    if out.is_table:
        for finding in findings:
            out.line(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.name}: {finding.detail}")
            if finding.advice:
                out.line(f"       {finding.advice}")
    else:
        out.listing(COLUMNS, findings)
    out.flush()
    return ExitCode.DONE if all(finding.ok for finding in findings) else ExitCode.NO


def _key_problems(call: Call) -> Sequence[str]:
    """Return what is wrong with chosen keys.

    Unreadable settings are another finding.
    """
    try:
        return call.key_problems()
    except SecconsoleError:
        return ()


def _server(call: Call) -> ServerPlace | None:
    """Return the server in use, or None.

    Unreadable settings are a finding, unless a server was named.
    """
    try:
        target = call.target()
    except SecconsoleError:
        if call.context or call.backend:
            raise
        return None
    if not target.backend:
        return None
    resolved = resolve_credentials(target, call.token_file)
    return ServerPlace(target.backend, target.ca_file, resolved.credential, resolved.kept)
