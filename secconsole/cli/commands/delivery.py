"""`secconsole delivery`: how codes are sent, tried out before it counts, and what became of messages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import click

from secconsole.cli.command import Noun, Word
from secconsole.cli.diagnostics import ExitCode, ask_hidden, can_ask, say
from secconsole.cli.output import Column
from secconsole.cli.work import Work, working
from secconsole.config.private import read_private
from secconsole.domain.delivery import MessageState, Tls
from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import (
    TWILIO,
    ConfirmDelivery,
    MessageRow,
    SetSmtp,
    SetTwilio,
    ShowDelivery,
    SmtpSettings,
    TestResult,
    TestStarted,
    TryDelivery,
    TwilioSettings,
)

T = TypeVar("T")

PATIENCE, LOOK_EVERY = 20.0, 0.2  # seconds to wait for what becomes of a test's message
_WHOLE_CODE = re.compile(r"[A-Z]{4}-(?=[0-9]{6}\Z)")
_NOT_TESTED = "Kept, but not in effect. Test it: secconsole delivery test --kind {} --to {}"

SMTP: list[Column[SmtpSettings]] = [
    Column("state", lambda s: s.state),
    Column("host", lambda s: s.host),
    Column("port", lambda s: str(s.port)),
    Column("tls", lambda s: s.tls, "TLS"),
    Column("sender", lambda s: s.sender),
    Column("username", lambda s: s.username, "User"),
    Column("since", lambda s: s.since),
    Column("by", lambda s: s.by),
]
TWILIO_COLUMNS: list[Column[TwilioSettings]] = [
    Column("state", lambda s: s.state),
    Column("account_sid", lambda s: s.account_sid, "Account SID"),
    Column("sender", lambda s: s.sender),
    Column("service", lambda s: s.service, "Messaging service"),
    Column("base_url", lambda s: s.base_url, "Base URL"),
    Column("since", lambda s: s.since),
    Column("by", lambda s: s.by),
]
MESSAGES: list[Column[MessageRow]] = [
    Column("at", lambda m: m.at),
    Column("kind", lambda m: m.kind),
    Column("purpose", lambda m: m.purpose),
    Column("login", lambda m: m.login),
    Column("masked", lambda m: m.masked, "Sent to"),
    Column("state", lambda m: m.state),
    Column("attempts", lambda m: m.attempts, "Tries", numeric=True),
    Column("problem", lambda m: m.problem),
]
STARTED: list[Column[TestStarted]] = [
    Column("sent", lambda t: t.sent),
    Column("kind", lambda t: t.kind),
    Column("masked", lambda t: t.masked, "Sent to"),
    Column("prefix", lambda t: t.prefix),
    Column("expires", lambda t: t.expires),
    Column("message", lambda t: t.message),
]
RESULT: list[Column[TestResult]] = [
    Column("accepted", lambda r: r.accepted),
    Column("message", lambda r: r.message),
    Column("kind", lambda r: r.kind),
]


@click.group(cls=Noun)
def delivery() -> None:
    """How codes are sent by e-mail and SMS. New settings count once the code of a test was typed back."""


@delivery.command("show")
@working
async def show(work: Work) -> None:
    """Show settings and what became of the latest messages; passwords and tokens are never shown."""
    found = await work.perform(ShowDelivery(tenant=await work.tenant()))
    if work.out.format == "json":
        work.out.json(found)
        return
    if not work.out.is_table:
        work.out.listing(MESSAGES, found.recent)
        return
    if found.inbox:
        work.out.line("This is a demo: whatever is set here, its messages go nowhere but into its own inbox.")
        work.out.line("Read them: secconsole demo --inbox")
        work.out.line()
    _settings(work, "Mail", SMTP, found.smtp)
    _settings(work, "SMS", TWILIO_COLUMNS, found.twilio)
    for day in found.day:
        counts = f"{day.sent:,} sent, {day.waiting:,} waiting, {day.failed:,} failed, {day.unsure:,} unsure"
        work.out.line(f"{day.kind} in 24 hours: {counts} (at most {day.most:,})")
    work.out.line()
    work.out.listing(MESSAGES, found.recent)


def _settings(work: Work, title: str, columns: list[Column[T]], settings: Sequence[T]) -> None:
    work.out.line(title if settings else f"{title}: not set up")
    for one in settings:
        work.out.record(columns, one)
        work.out.line()


@delivery.command("set-smtp")
@click.option("--host", required=True, help="The mail server's name or address.")
@click.option("--port", type=click.IntRange(1, 65535), default=587, show_default=True)
@click.option("--sender", required=True, metavar="ADDRESS", help="The address that mail comes from.")
@click.option("--tls", type=Word(Tls), help="Else by the port: tls for 465, starttls for others, none on this machine.")
@click.option("--user", default="", help="Log in as; its password is asked for, or comes from --password-file.")
@click.option("--password-file", type=click.Path(path_type=Path), help="A file that only its owner may read.")
@working
async def set_smtp(
    work: Work, host: str, port: int, sender: str, tls: Tls | None, user: str, password_file: Path | None
) -> None:
    """Keep settings of a mail server; they count once a test succeeded.

    \b
    secconsole delivery set-smtp --host mx.acme.example --sender mfa@acme.example
    secconsole delivery test --kind email --to admin@acme.example
    secconsole delivery test --confirm CODE
    """
    password = _secret("password", password_file) if user or password_file else None
    kept = await work.perform(
        SetSmtp(tenant=await work.tenant(), host=host, port=port, sender=sender, tls=tls, username=user,
                password=password)
    )  # fmt: skip
    work.out.record(SMTP, kept)
    if work.out.is_table:
        say(_NOT_TESTED.format(FactorKind.EMAIL, "ADDRESS"))


@delivery.command("set-twilio")
@click.option("--account-sid", required=True, metavar="AC…", help="It stands in Twilio's console.")
@click.option("--auth-token-file", type=click.Path(path_type=Path), help="A file that only its owner may read.")
@click.option("--from", "sender", default="", metavar="NUMBER", help="The number that messages come from.")
@click.option("--messaging-service", default="", metavar="MG…", help="Instead: a service that picks the number.")
@click.option("--base-url", default=TWILIO, show_default=True, help="Where Twilio is; http:// on this machine only.")
@working
async def set_twilio(
    work: Work, account_sid: str, auth_token_file: Path | None, sender: str, messaging_service: str, base_url: str
) -> None:
    """Keep an account at Twilio; it counts once a test succeeded.

    \b
    secconsole delivery set-twilio --account-sid AC… --auth-token-file FILE \\
      --from +15005550006
    secconsole delivery test --kind sms --to +15005550001
    secconsole delivery test --confirm CODE
    """
    token = _secret("auth token", auth_token_file)
    kept = await work.perform(
        SetTwilio(tenant=await work.tenant(), account_sid=account_sid, auth_token=token, sender=sender,
                  service=messaging_service, base_url=base_url)
    )  # fmt: skip
    work.out.record(TWILIO_COLUMNS, kept)
    if work.out.is_table:
        say(_NOT_TESTED.format(FactorKind.SMS, "NUMBER"))


@delivery.command("test")
@click.option("--kind", type=Word(FactorKind), help="email or sms.")
@click.option("--to", metavar="ADDRESS", help="Your own address or number.")
@click.option("--confirm", metavar="CODE", help="The code that came; the settings then take effect.")
@working
async def test(work: Work, kind: FactorKind | None, to: str | None, confirm: str | None) -> int:
    """Have a code sent to you, and type it back: exit 0 done, 1 not.

    \b
    secconsole delivery test --kind email --to admin@acme.example
    secconsole delivery test --confirm CODE
    """
    tenant = await work.tenant()
    if confirm is not None:
        if kind is not None or to is not None:
            raise Invalid("--confirm goes alone.", "confirm")
        code = Secret(_WHOLE_CODE.sub("", confirm.strip()))
        result = await work.perform(ConfirmDelivery(tenant=tenant, code=code))
        if work.out.is_table:
            work.out.line(result.message)
        else:
            work.out.record(RESULT, result)
        return ExitCode.DONE if result.accepted else ExitCode.NO
    if kind is None or to is None:
        raise Invalid("Say --kind email or sms and --to ADDRESS, or --confirm CODE.", "kind")
    started = await work.perform(TryDelivery(tenant=tenant, kind=kind, to=to))
    if not started.sent:
        work.out.record(STARTED, started)
        return ExitCode.NO
    message = await _settled(work, tenant, started)
    if message.state is not MessageState.SENT:
        raise Unavailable(message.problem or "The message has not left yet. Look at: secconsole delivery show")
    work.out.record(STARTED, started)
    if work.out.is_table:
        say(f"Type back the digits after {started.prefix}-: secconsole delivery test --confirm CODE")
    return ExitCode.DONE


async def _settled(work: Work, tenant: str, started: TestStarted) -> MessageRow:
    """What became of a test's message, once it was tried."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while True:
        shown = await work.perform(ShowDelivery(tenant=tenant))
        message = next((row for row in shown.recent if row.id == started.id), None)
        if message is None:
            raise Unavailable("The message is not to be found. Look at: secconsole delivery show")
        tried = message.state not in (MessageState.WAITING, MessageState.SENDING) or message.problem
        if tried or loop.time() > end:
            return message
        await asyncio.sleep(LOOK_EVERY)


def _secret(what: str, file: Path | None) -> Secret[str]:
    """From a private file, or asked for at the terminal; never from the command line, which all may read."""
    if file is not None:
        return Secret(read_private(file).strip("\r\n"))
    if not can_ask():
        raise Invalid(f"Give the {what} in a file: --{what.replace(' ', '-')}-file FILE", what)
    return ask_hidden(f"{what.capitalize()}:")
