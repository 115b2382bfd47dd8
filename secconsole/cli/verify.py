"""`secconsole verify`: check a user's code."""

from __future__ import annotations

import click

from secconsole.cli.command import Verb
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column, shown
from secconsole.cli.stdin import read_code
from secconsole.cli.work import Work, working
from secconsole.operations.factors import Verdict, VerifyCode

COLUMNS: list[Column[Verdict]] = [
    Column("accepted", lambda v: v.accepted),
    Column("message", lambda v: v.message),
    Column("server_time", lambda v: v.server_time),
    Column("factor", lambda v: v.factor),
]


@click.command(cls=Verb)
@click.argument("login")
@working
async def verify(work: Work, login: str) -> int:
    """Check a code against a user's factors, read from standard input: exit 0 accepted, 1 not.

    A code is accepted once.

    \b
    echo 123456 | secconsole verify ana
    """
    tenant = await work.tenant()
    return answer(work, await work.perform(VerifyCode(tenant=tenant, user=login, code=read_code())))


def answer(work: Work, verdict: Verdict) -> int:
    """Say whether a code was accepted, and return the exit code that goes with it."""
    if work.out.is_table:
        words = verdict.message or ("Accepted." if verdict.accepted else "Not accepted.")
        time = f" Server time: {shown(verdict.server_time)}." if verdict.server_time and not verdict.accepted else ""
        work.out.line(words + time)
    else:
        work.out.record(COLUMNS, verdict)
    return ExitCode.DONE if verdict.accepted else ExitCode.NO
