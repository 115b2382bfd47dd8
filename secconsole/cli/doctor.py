"""`secconsole doctor`: what is wrong with this installation."""

from __future__ import annotations

import asyncio

import click

from secconsole.backends.doctor import examine
from secconsole.backends.doctor_sending import ServerPlace
from secconsole.backends.finding import Finding
from secconsole.cli.acting import acts_in
from secconsole.cli.command import Call, Verb, current_call
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column, Output
from secconsole.domain.errors import SecconsoleError

COLUMNS: list[Column[Finding]] = [
    Column("name", lambda f: f.name, "What"),
    Column("ok", lambda f: f.ok),
    Column("detail", lambda f: f.detail),
    Column("advice", lambda f: f.advice),
]


@click.command(cls=Verb)
def doctor() -> int:
    """Look over files, store, sending, clock, terminal and program, and change nothing: exit 0 all well, 1 not.

    Where one works with a server, it is looked at too: whether it answers, its clock, and how codes are sent.
    """
    findings = asyncio.run(examine(server=_server(current_call())))
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


def _server(call: Call) -> ServerPlace | None:
    """The server one works with, if any; settings that cannot be read are a finding, unless a place was named."""
    try:
        place = call.place()
    except SecconsoleError:
        if call.context or call.backend:
            raise
        return None
    if not place.backend:
        return None
    acts = acts_in(place, call.token_file)
    return ServerPlace(place.backend, place.ca_file, acts.credential, acts.kept)
