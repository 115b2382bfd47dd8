"""`secconsole demo`: a throw-away organisation with sample data."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import click

from secconsole.backends.demo.accounts import demo_inbox
from secconsole.backends.demo.fill import Demo, DemoAccount, create_demo, demo_accounts
from secconsole.cli.command import ConsoleOptions, LocalCommand, current_call
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Output
from secconsole.config import locations
from secconsole.config.contexts import LOCAL
from secconsole.delivery.inbox import InboxMessage
from secconsole.domain.errors import NotFound

FEWEST = 5  # one account of each role

COLUMNS: list[Column[DemoAccount]] = [
    Column("login", lambda a: a.login),
    Column("password", lambda a: a.password.reveal()),
    Column("role", lambda a: a.role),
    Column("totp_uri", lambda a: a.totp_uri.reveal() if a.totp_uri else None, "TOTP URI"),
    Column("note", lambda a: a.note),
]
MESSAGES: list[Column[InboxMessage]] = [
    Column("at", lambda m: m.at),
    Column("kind", lambda m: m.kind),
    Column("login", lambda m: m.login),
    Column("to", lambda m: m.to),
    Column("subject", lambda m: m.subject),
    Column("text", lambda m: m.text.reveal()),
]


@click.command(cls=LocalCommand)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to keep it in. Default: a temporary one, deleted when the console closes.",
)
@click.option(
    "--users", type=click.IntRange(FEWEST, 2_000_000), default=500, show_default=True, help="The number of users."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed creates the same people.")
@click.option("--no-open", is_flag=True, help="Only create it, and list the accounts.")
@click.option("--inbox", is_flag=True, help="Only show the messages that a demo received. Name it with --home.")
def demo(home: Path | None, users: int, seed: int, no_open: bool, inbox: bool) -> int:
    """Create a throw-away organisation with one account of each role, and open the console on it.

    \b
    secconsole demo
    secconsole demo --home d --users 500 --seed 7 --no-open --format json
    SECCONSOLE_HOME=d secconsole
    secconsole demo --home d --inbox
    """
    if inbox:
        return _show_inbox(home)
    folder = (home or Path(tempfile.mkdtemp(prefix="secconsole-demo-"))).absolute()
    os.environ[locations.HOME_VARIABLE] = str(folder)  # everything opened from here on is the demo
    try:
        if not no_open and demo_accounts():
            say(f"Opening the existing demo in {folder}.")
            return current_call().open_console(ConsoleOptions(context=LOCAL))
        made = asyncio.run(create_demo(folder, users=users, seed=seed))
        _answer(Output(current_call().format), made)
        if no_open:
            return ExitCode.DONE
        return current_call().open_console(ConsoleOptions(tenant=made.tenant, context=LOCAL))
    finally:
        if home is None and not no_open:
            shutil.rmtree(folder, ignore_errors=True)


def _show_inbox(home: Path | None) -> int:
    if home is not None:
        os.environ[locations.HOME_VARIABLE] = str(home.absolute())
    inbox = demo_inbox()
    if inbox is None:
        raise NotFound(
            "There is no demo here. Create one with: secconsole demo --home DIR. Then name it with --home DIR."
        )
    out = Output(current_call().format)
    messages = inbox.messages()
    if out.format == "json":
        out.json({"items": messages, "next": None}, reveal=True)
    elif out.is_table:
        for message in messages:
            out.record(MESSAGES[:-1], message)
            for line in message.text.reveal().splitlines():
                out.line(f"  {line}" if line else "")
            out.line()
    else:
        out.listing(MESSAGES, messages)
    out.flush()
    return ExitCode.DONE


def _answer(out: Output, made: Demo) -> None:
    if out.format == "json":
        out.json(made, reveal=True)
    else:
        if out.is_table:
            out.pairs([("Home", str(made.home)), ("Tenant", made.tenant)])
            out.line()
        out.listing(COLUMNS, made.accounts)
    out.flush()
