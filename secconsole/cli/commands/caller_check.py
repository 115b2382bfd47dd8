"""`secconsole caller-check`: check who is on the phone before something is reset."""

from __future__ import annotations

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column
from secconsole.cli.stdin import read_code
from secconsole.domain.errors import Conflict
from secconsole.domain.helpdesk import recent_words
from secconsole.domain.model import FactorKind
from secconsole.operations.caller_check import (
    CallerCheckStarted,
    CallerVerdict,
    CallerWay,
    ConfirmCallerCheck,
    ShowCallerCheck,
    StartCallerCheck,
)

WAYS: list[Column[CallerWay]] = [
    Column("channel", lambda w: w.channel),
    Column("masked", lambda w: w.masked, "To"),
    Column("changed", lambda w: w.changed, "Changed in the last day"),
    Column("problem", lambda w: w.problem),
    Column("id", lambda w: w.id, "Id"),
]
STARTED: list[Column[CallerCheckStarted]] = [
    Column("channel", lambda s: s.check.channel if s.check else None),
    Column("masked", lambda s: s.check.masked if s.check else None, "To"),
    Column("sent", lambda s: s.sent),
    Column("prefix", lambda s: s.prefix),
    Column("until", lambda s: s.check.until if s.check else None),
]
VERDICT: list[Column[CallerVerdict]] = [
    Column("accepted", lambda v: v.accepted),
    Column("message", lambda v: v.message),
    Column("channel", lambda v: v.check.channel if v.check else None),
    Column("masked", lambda v: v.check.masked if v.check else None, "To"),
    Column("until", lambda v: v.check.until if v.check else None),
    Column("left", lambda v: v.left, numeric=True),
]


@click.group(cls=Group)
def caller_check() -> None:
    """Check a caller by a code from an address on record, or from their own app."""


@caller_check.command("show")
@click.argument("login")
@with_backend
async def show(context: CommandContext, login: str) -> int:
    """Show by which addresses, numbers and apps a caller can be checked, the preferred one first."""
    found = await context.perform(ShowCallerCheck(tenant=await context.tenant(), user=login))
    if context.out.format == "json":
        context.out.json(found)
    else:
        context.out.listing(WAYS, found.ways)
    if found.message:
        say(found.message)
    return ExitCode.DONE if found.ways else ExitCode.NO


@caller_check.command("start")
@click.argument("login")
@click.option("--channel", type=EnumChoice(FactorKind), help="email, sms, or totp for the caller's own app.")
@click.option("--way", default="", metavar="ID", help="One of several addresses: an id of caller-check show.")
@with_backend
async def start(context: CommandContext, login: str, channel: FactorKind | None, way: str) -> int:
    """Send a code to an address or number on record, or let the caller read one from their app.

    Nothing is ever sent to an address that the caller names. Addresses that changed in the last 24 hours come last.

    \b
    secconsole caller-check start ana --channel email
    printf 123456 | secconsole caller-check confirm ana
    """
    tenant = await context.tenant()
    started = await context.perform(StartCallerCheck(tenant=tenant, user=login, channel=channel, way=way))
    if started.check is None:
        raise Conflict(started.message)
    context.out.record(STARTED, started, reply=started)
    say(started.message)
    if started.check.recent:
        say(recent_words(started.check.channel))
    return ExitCode.DONE


@caller_check.command("confirm")
@click.argument("login")
@with_backend
async def confirm(context: CommandContext, login: str) -> int:
    """Check the code that the caller reads out: exit 0 if it is right, 1 if not.

    The code is asked for, or read from standard input. The check counts for the next unbinding, bypass code or password
    reset of this user by you, within ten minutes.
    """
    operation = ConfirmCallerCheck(tenant=await context.tenant(), user=login, code=read_code())
    verdict = await context.perform(operation)
    context.out.record(VERDICT, verdict, reply=verdict)
    return ExitCode.DONE if verdict.accepted else ExitCode.NO
