"""`secconsole verify`: check a user's code."""

from __future__ import annotations

import click

from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column, format_value
from secconsole.cli.stdin import read_code
from secconsole.operations.factors import Verdict, VerifyCode

COLUMNS: list[Column[Verdict]] = [
    Column("accepted", lambda v: v.accepted),
    Column("message", lambda v: v.message),
    Column("server_time", lambda v: v.server_time),
    Column("factor", lambda v: v.factor),
]


@click.command(cls=Command)
@click.argument("login")
@with_backend
async def verify(context: CommandContext, login: str) -> int:
    """Check a code, read from standard input, against a user's factors: exit 0 if accepted, 1 if not.

    A code is accepted only once.

    \b
    echo 123456 | secconsole verify ana
    """
    tenant = await context.tenant()
    return answer(context, await context.perform(VerifyCode(tenant=tenant, user=login, code=read_code())))


def answer(context: CommandContext, verdict: Verdict) -> int:
    """Write whether a code was accepted, and return the matching exit code.

    The code is used up by now, so a failed write does not change the exit code.
    """
    with context.out.best_effort():
        if context.out.is_table:
            message = verdict.message or ("Accepted." if verdict.accepted else "Not accepted.")
            late = verdict.server_time and not verdict.accepted
            context.out.line(f"{message} Server time: {format_value(verdict.server_time)}." if late else message)
        else:
            context.out.record(COLUMNS, verdict)
    return ExitCode.DONE if verdict.accepted else ExitCode.NO
