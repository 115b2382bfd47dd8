"""`secconsole secret-key`: what a tenant's own programs sign in with."""

from __future__ import annotations

import click

from secconsole.cli.command import Noun
from secconsole.cli.diagnostics import ExitCode, agreed, can_ask, say
from secconsole.cli.output import Column, shown
from secconsole.cli.work import Work, working
from secconsole.domain.limits import LONGEST_OVERLAP
from secconsole.operations.tokens import NewSecretKey, RotateSecretKey, SecretKey, ShowSecretKey

COLUMNS: list[Column[SecretKey]] = [
    Column("id", lambda k: k.id),
    Column("created", lambda k: k.created),
    Column("last_used", lambda k: k.last_used),
    Column("previous_id", lambda k: k.previous_id),
    Column("previous_until", lambda k: k.previous_until),
]
MADE: list[Column[NewSecretKey]] = [
    Column("id", lambda k: k.id),
    Column("key", lambda k: k.key.reveal()),
    Column("previous_id", lambda k: k.previous_id),
    Column("previous_until", lambda k: k.previous_until),
]


@click.group(cls=Noun)
def secret_key() -> None:
    """The tenant's secret key, with which its programs check codes and read: show-id, rotate."""


@secret_key.command("show-id")
@working
async def show_id(work: Work) -> int:
    """Show the key's id, by which the audit names it (key:ID), and when it was used; exit 1 if there is none."""
    tenant = await work.tenant()
    key = await work.perform(ShowSecretKey(tenant=tenant))
    work.out.record(COLUMNS, key)
    if key.id is None:
        say(f"{tenant} has no secret key yet. Make one with: secconsole secret-key rotate")
        return ExitCode.NO
    return ExitCode.DONE


@secret_key.command("rotate")
@click.option("--overlap-hours", type=click.IntRange(0, LONGEST_OVERLAP), default=0, show_default=True, metavar="N",
              help="Let the old key work on for so long.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@working
async def rotate(work: Work, overlap_hours: int, yes: bool) -> int:
    """Make the tenant's secret key, or make it anew. It is shown once.

    Programs send it as a bearer. It checks users' codes and reads within its tenant, and changes nothing. What used the
    old key has to be given the new one.
    """
    tenant = await work.tenant()
    if not yes and can_ask() and (await work.perform(ShowSecretKey(tenant=tenant))).id is not None:
        ends = f"in {overlap_hours} hours" if overlap_hours else "at once"
        if not agreed(f"The key of {tenant} ends {ends}: every program that uses it needs the new one. Go on?"):
            say("Nothing was changed.")
            return ExitCode.NO
    made = await work.perform(RotateSecretKey(tenant=tenant, overlap_hours=overlap_hours))
    if work.out.format == "json":
        work.out.json(made, reveal=True)
    elif work.out.is_table:
        work.out.line(made.key.reveal())
        say(f"It is not shown again. The audit names it key:{made.id}.")
        if made.previous_until:
            say(f"The old key works until {shown(made.previous_until)}. Give every program the new one before.")
    else:
        work.out.listing(MADE, [made])
    return ExitCode.DONE
