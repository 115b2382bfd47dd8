"""`secconsole factor`: a user's second factors."""

from __future__ import annotations

import shutil

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.commands.factor_files import import_factors
from secconsole.cli.commands.verify import answer
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options, pluralize
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column
from secconsole.cli.sending import wait_until_sent
from secconsole.cli.stdin import read_code
from secconsole.domain.errors import Invalid
from secconsole.domain.factors.otpauth import grouped_key
from secconsole.domain.factors.totp import Algorithm
from secconsole.domain.model import FactorKind
from secconsole.operations.factors import (
    ConfirmFactor,
    EnrollFactor,
    FactorDetail,
    ListFactors,
    MailKey,
    RemoveFactor,
    RenameFactor,
    ShowEnrollmentSending,
    ShowFactor,
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
    Column("weak_key", lambda f: f.weak_key),
    Column("counts", lambda f: f.counts),
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
    Column("waits", lambda b: b.waits),
]
MAILED: list[Column[KeyMailed]] = [
    Column("sent", lambda m: m.sent),
    Column("masked", lambda m: m.masked, "Sent to"),
    Column("retry_at", lambda m: m.retry_at),
    Column("message", lambda m: m.message),
]


@click.group(cls=Group)
def factor() -> None:
    """Manage the second factors of a user.

    LOGIN may also be a user id.
    """


factor.add_command(import_factors)


@factor.command("list")
@click.argument("login")
@with_backend
async def list_factors(context: CommandContext, login: str) -> None:
    """List a user's factors."""
    factors = await context.perform(ListFactors(tenant=await context.tenant(), user=login))
    context.out.listing(COLUMNS, factors.items, next=factors.next)


@factor.command("enroll")
@click.argument("login")
@click.option("--kind", type=EnumChoice(FactorKind), default=FactorKind.TOTP.value, show_default=True, help="The kind.")
@click.option("--label", default="", help="A name for it, for example the phone's.")
@click.option(
    "--algorithm",
    type=EnumChoice(Algorithm),
    default=Algorithm.SHA1.value,
    show_default=True,
    help="Many apps support SHA1 only.",
)
@click.option("--digits", type=click.Choice([6, 8]), default=6, show_default=True, help="The length of a code.")
@click.option("--qr", is_flag=True, help="Show the QR code.")
@click.option(
    "--phone", default="", metavar="NUMBER", help="For sms: the number with its country code. Default: the user's own."
)
@click.option("--email", default="", metavar="ADDRESS", help="For email: the address. Default: the user's own.")
@with_backend
async def enroll(
    context: CommandContext,
    login: str,
    kind: FactorKind,
    label: str,
    algorithm: Algorithm,
    digits: int,
    qr: bool,
    phone: str,
    email: str,
) -> int:
    """Start binding a factor.

    It becomes active once `factor confirm` receives a code from it. If you enroll email or sms for yourself, a code is
    sent. Run the command again to send another. If you enroll it for another user, nothing is sent: their first
    sign-in with it verifies it. See: secconsole user require-mfa

    \b
    secconsole factor enroll ana --qr
    secconsole factor enroll ana --kind sms --phone +420601123456
    secconsole factor confirm ENROLLMENT
    """
    if qr and not context.out.is_table:
        raise Invalid("--qr is for terminals. Leave out --format.", "qr")
    if (
        (qr and kind is not FactorKind.TOTP)
        or (phone and kind is not FactorKind.SMS)
        or (email and kind is not FactorKind.EMAIL)
    ):
        raise Invalid("--qr is for totp, --phone for sms, and --email for email.", "kind")
    started = await context.perform(
        EnrollFactor(
            tenant=await context.tenant(),
            user=login,
            kind=kind,
            label=label,
            algorithm=algorithm,
            digits=digits,
            address=phone or email,
        )
    )
    if kind is not FactorKind.TOTP:
        if started.sent:
            tenant = await context.tenant()
            await wait_until_sent(context.backend, ShowEnrollmentSending(tenant=tenant, enrollment=started.enrollment))
        return _sent(context, started)
    if context.out.format == "json":
        context.out.json({column.key: column.value(started) for column in STARTED})
    elif qr:
        _draw(context, started)
    else:
        context.out.record(STARTED, started)
        if context.out.is_table:
            say(f"Pass a code from the app to: secconsole factor confirm {started.enrollment}")
    return ExitCode.DONE


def _sent(context: CommandContext, started: BindingStarted) -> int:
    """Show where the code was sent, or exit 1 if it was not.

    A factor enrolled for another user counts as done, because its code is sent when they sign in.
    """
    context.out.record(SENT, started, reply={column.key: column.value(started) for column in SENT})
    if context.out.is_table and started.prefix:
        say(f"Pass the digits after {started.prefix}- to: secconsole factor confirm {started.enrollment}")
    if context.out.is_table and started.waits:
        say(started.message)
    return ExitCode.DONE if started.sent or started.waits else ExitCode.NO


def _draw(context: CommandContext, started: BindingStarted) -> None:
    """Write the QR code last, so that it fits on the screen.

    Without a terminal its size is not limited.
    """
    from secconsole.domain.factors.qr import ansi_qr

    groups = grouped_key(started.key.reveal())
    confirm = f"secconsole factor confirm {started.enrollment}"
    context.out.pairs([("Key", groups), ("Expires", started.expires), ("Then", confirm)])
    columns, rows = shutil.get_terminal_size() if context.out.width else (1000, 1000)
    context.out.raw(ansi_qr(started.uri.reveal(), width=columns, height=rows - 1))


@factor.command("confirm")
@click.argument("enrollment")
@with_backend
async def confirm(context: CommandContext, enrollment: str) -> int:
    """Activate a factor with a code from it, read from standard input: exit 0 if accepted, 1 if not.

    \b
    oathtool --totp -b KEY | secconsole factor confirm ENROLLMENT
    """
    tenant = await context.tenant()
    return answer(context, await context.perform(ConfirmFactor(tenant=tenant, enrollment=enrollment, code=read_code())))


@factor.command("mail-key")
@click.argument("enrollment")
@click.option("--to", "address", default="", metavar="ADDRESS", help="An address other than the one on record.")
@with_backend
async def mail_key(context: CommandContext, enrollment: str, address: str) -> int:
    """Mail the key of an unconfirmed app to the user's address on record: exit 0 if sent, 1 if not.

    Anyone who reads that mail has the second factor. If it goes to another address, the one on record is notified.

    \b
    secconsole factor enroll ana
    secconsole factor mail-key ENROLLMENT
    """
    tenant = await context.tenant()
    mailed = await context.perform(MailKey(tenant=tenant, enrollment=enrollment, address=address))
    if mailed.sent:
        await wait_until_sent(context.backend, ShowEnrollmentSending(tenant=tenant, enrollment=enrollment))
    context.out.record(MAILED, mailed)
    return ExitCode.DONE if mailed.sent else ExitCode.NO


@factor.command("rename")
@click.argument("factor_id", metavar="FACTOR")
@click.argument("label")
@with_backend
async def rename(context: CommandContext, factor_id: str, label: str) -> None:
    """Rename a factor.

    FACTOR is the id shown by secconsole factor list LOGIN.
    """
    tenant = await context.tenant()
    named = await context.perform(RenameFactor(tenant=tenant, factor=factor_id, label=label))
    context.out.listing(COLUMNS, named.items, next=named.next)


@factor.command("remove")
@click.argument("factor_id", metavar="FACTOR")
@confirmation_options
@with_backend
async def remove(context: CommandContext, factor_id: str, dry_run: bool, yes: bool) -> int:
    """Remove a factor.

    FACTOR is the id shown by secconsole factor list LOGIN. This cannot be undone. For a lost phone, use unbind instead.
    """
    tenant = await context.tenant()
    effect = _removal(await context.perform(ShowFactor(tenant=tenant, factor=factor_id)))
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    left = await context.perform(RemoveFactor(tenant=tenant, factor=factor_id))
    context.out.listing(COLUMNS, left.items, next=left.next)
    return ExitCode.DONE


def _removal(found: FactorDetail) -> Effect:
    factor = found.factor
    named = " ".join(part for part in (factor.label, factor.masked) if part)
    effect = (
        f"The {factor.kind} factor {named or factor.id} of {found.login} stops working. "
        f"{pluralize(found.sessions, 'session')} and {pluralize(found.tokens, 'token')} end."
    )
    if found.last:
        effect = f"{effect} It is the user's last factor."
    change = "removed, the last one" if found.last else "removed"
    name = f"{factor.kind} {named}".strip()
    affected = Affected("factor", factor.id, found.login, name, change, found.sessions, found.tokens)
    return Effect(effect, [affected], "Remove it? This cannot be undone.")
