"""`secconsole factor`: a user's second factors."""

from __future__ import annotations

import shutil

import click

from secconsole.cli.command import Noun, Word
from secconsole.cli.diagnostics import ExitCode, agreed, can_ask, say
from secconsole.cli.output import Column
from secconsole.cli.stdin import read_code
from secconsole.cli.verify import answer
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.domain.model import FactorKind
from secconsole.domain.otpauth import grouped_key
from secconsole.domain.totp import Algorithm
from secconsole.operations.factors import (
    ConfirmFactor,
    EnrollFactor,
    ListFactors,
    MailKey,
    RemoveFactor,
    RenameFactor,
)
from secconsole.operations.signin import BindingStarted, KeyMailed
from secconsole.operations.users import FactorRow

COLUMNS: list[Column[FactorRow]] = [
    Column("id", lambda f: f.id, "Id"),
    Column("kind", lambda f: f.kind),
    Column("state", lambda f: f.state),
    Column("label", lambda f: f.label),
    Column("masked", lambda f: f.masked, "Sent to"),
    Column("created", lambda f: f.created),
    Column("bound", lambda f: f.bound),
    Column("last_used", lambda f: f.last_used),
    Column("exhausted", lambda f: f.exhausted),
]
STARTED: list[Column[BindingStarted]] = [
    Column("enrollment", lambda b: b.enrollment),
    Column("kind", lambda b: b.kind),
    Column("uri", lambda b: b.uri.reveal(), "URI"),
    Column("key", lambda b: b.key.reveal()),
    Column("expires", lambda b: b.expires),
]
SENT: list[Column[BindingStarted]] = [
    Column("enrollment", lambda b: b.enrollment),
    Column("kind", lambda b: b.kind),
    Column("masked", lambda b: b.masked, "Sent to"),
    Column("sent", lambda b: b.sent),
    Column("prefix", lambda b: b.prefix),
    Column("expires", lambda b: b.expires),
    Column("retry_at", lambda b: b.retry_at),
    Column("message", lambda b: b.message),
]
MAILED: list[Column[KeyMailed]] = [
    Column("sent", lambda m: m.sent),
    Column("masked", lambda m: m.masked, "Sent to"),
    Column("retry_at", lambda m: m.retry_at),
    Column("message", lambda m: m.message),
]


@click.group(cls=Noun)
def factor() -> None:
    """A user's second factors. A LOGIN may also be a user's id."""


@factor.command("list")
@click.argument("login")
@working
async def list_factors(work: Work, login: str) -> None:
    """List a user's factors."""
    factors = await work.perform(ListFactors(tenant=await work.tenant(), user=login))
    work.out.listing(COLUMNS, factors.items, next=factors.next)


@factor.command("enroll")
@click.argument("login")
@click.option("--kind", type=Word(FactorKind), default=FactorKind.TOTP.value, show_default=True, help="The kind.")
@click.option("--label", default="", help="A name for it, such as the phone's.")
@click.option(
    "--algorithm", type=Word(Algorithm), default=Algorithm.SHA1.value, show_default=True,
    help="Many apps ignore any but SHA1.",
)  # fmt: skip
@click.option("--digits", type=click.Choice([6, 8]), default=6, show_default=True, help="Length of a code.")
@click.option("--qr", is_flag=True, help="Draw the QR code to scan.")
@click.option("--phone", default="", metavar="NUMBER", help="For sms: with its country code; else the user's own.")
@click.option("--email", default="", metavar="ADDRESS", help="For email: else the user's own.")
@working
async def enroll(
    work: Work, login: str, kind: FactorKind, label: str, algorithm: Algorithm, digits: int, qr: bool, phone: str,
    email: str,
) -> int:  # fmt: skip
    """Start binding a factor; it counts once `factor confirm` got a code from it.

    For email and sms a code is sent there; the same command sends another. One that an administrator enters for
    somebody may be left at that: it is not verified until a sign-in used it once; see: secconsole user require-mfa

    \b
    secconsole factor enroll ana --qr
    secconsole factor enroll ana --kind sms --phone +420601123456
    secconsole factor confirm ENROLLMENT
    """
    if qr and not work.out.is_table:
        raise Invalid("--qr is drawn for people; leave out --format.", "qr")
    if (qr and kind is not FactorKind.TOTP) or (phone and kind is not FactorKind.SMS) or (
        email and kind is not FactorKind.EMAIL
    ):  # fmt: skip
        raise Invalid("--qr is for totp, --phone for sms, and --email for email.", "kind")
    started = await work.perform(
        EnrollFactor(
            tenant=await work.tenant(), user=login, kind=kind, label=label, algorithm=algorithm, digits=digits,
            address=phone or email,
        )
    )  # fmt: skip
    if kind is not FactorKind.TOTP:
        return _sent(work, started)
    if work.out.format == "json":
        work.out.json({column.key: column.value(started) for column in STARTED})
    elif qr:
        _draw(work, started)
    else:
        work.out.record(STARTED, started)
        if work.out.is_table:
            say(f"Give a code from the app to: secconsole factor confirm {started.enrollment}")
    return ExitCode.DONE


def _sent(work: Work, started: BindingStarted) -> int:
    """Say where the code went, or that one has to wait for it: then the answer is no."""
    work.out.record(SENT, started, reply={column.key: column.value(started) for column in SENT})
    if work.out.is_table and started.prefix:
        say(f"Give the digits after {started.prefix}- to: secconsole factor confirm {started.enrollment}")
    return ExitCode.DONE if started.sent else ExitCode.NO


def _draw(work: Work, started: BindingStarted) -> None:
    """The code comes last, so that it is whole on the screen; where there is none it may be of any size."""
    from secconsole.domain.qr import ansi_qr

    groups = grouped_key(started.key.reveal())
    confirm = f"secconsole factor confirm {started.enrollment}"
    work.out.pairs([("Key", groups), ("Expires", started.expires), ("Then", confirm)])
    columns, rows = shutil.get_terminal_size() if work.out.width else (1000, 1000)
    work.out.drawn(ansi_qr(started.uri.reveal(), width=columns, height=rows - 1))


@factor.command("confirm")
@click.argument("enrollment")
@working
async def confirm(work: Work, enrollment: str) -> int:
    """Make a factor active by a code from it, read from standard input: exit 0 accepted, 1 not.

    \b
    oathtool --totp -b KEY | secconsole factor confirm ENROLLMENT
    """
    tenant = await work.tenant()
    return answer(work, await work.perform(ConfirmFactor(tenant=tenant, enrollment=enrollment, code=read_code())))


@factor.command("mail-key")
@click.argument("enrollment")
@click.option("--to", "address", default="", metavar="ADDRESS", help="Another address than the one on record.")
@working
async def mail_key(work: Work, enrollment: str, address: str) -> int:
    """Mail the key of an app that is not confirmed yet to its user's address on record: exit 0 on its way, 1 not.

    Whoever reads that mail has the second factor. Of a mail to another address the one on record is told.

    \b
    secconsole factor enroll ana
    secconsole factor mail-key ENROLLMENT
    """
    mailed = await work.perform(MailKey(tenant=await work.tenant(), enrollment=enrollment, address=address))
    work.out.record(MAILED, mailed)
    return ExitCode.DONE if mailed.sent else ExitCode.NO


@factor.command("rename")
@click.argument("factor_id", metavar="FACTOR")
@click.argument("label")
@working
async def rename(work: Work, factor_id: str, label: str) -> None:
    """Call a factor something else, by its id; see: secconsole factor list LOGIN"""
    tenant = await work.tenant()
    named = await work.perform(RenameFactor(tenant=tenant, factor=factor_id, label=label))
    work.out.listing(COLUMNS, named.items, next=named.next)


@factor.command("remove")
@click.argument("factor_id", metavar="FACTOR")
@click.option("--yes", is_flag=True, help="Do not ask.")
@working
async def remove(work: Work, factor_id: str, yes: bool) -> int:
    """Remove one factor by its id; see: secconsole factor list LOGIN

    It cannot be taken back: for a lost phone, unbind instead.
    """
    tenant = await work.tenant()
    if not yes and can_ask() and not agreed(f"Remove factor {factor_id}? It cannot be taken back."):
        say("Nothing was removed.")
        return ExitCode.NO
    left = await work.perform(RemoveFactor(tenant=tenant, factor=factor_id))
    work.out.listing(COLUMNS, left.items, next=left.next)
    return ExitCode.DONE
