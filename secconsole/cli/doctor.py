"""`secconsole doctor`: what is wrong with this installation."""

from __future__ import annotations

import asyncio

import click

from secconsole.backends.doctor import Finding, examine
from secconsole.cli.command import Here, current_call
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column, Output

COLUMNS: list[Column[Finding]] = [
    Column("name", lambda f: f.name, "What"),
    Column("ok", lambda f: f.ok),
    Column("detail", lambda f: f.detail),
    Column("advice", lambda f: f.advice),
]


@click.command(cls=Here)
def doctor() -> int:
    """Look over files, store, clock, terminal and program, and change nothing: exit 0 all well, 1 not."""
    findings = asyncio.run(examine())
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
