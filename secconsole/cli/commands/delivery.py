"""`secconsole delivery`: settings for sending codes, their test, and the state of messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.diagnostics import ExitCode, ask_hidden, can_ask, say
from secconsole.cli.output import Column
from secconsole.config.private import read_private
from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.messages.delivery import MessageState, Tls
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

TIMEOUT, INTERVAL = 20.0, 0.2  # seconds to wait for the message of a test
_NOT_TESTED = "Saved, but not in effect. Test the settings: secconsole delivery test --kind {} --to {}"

SMTP: list[Column[SmtpSettings]] = [
    Column("state", lambda s: s.state),
    Column("host", lambda s: s.host),
    Column("port", lambda s: str(s.port)),
    Column("tls", lambda s: s.tls, "TLS"),
    Column("sender", lambda s: s.sender),
    Column("username", lambda s: s.username, "User"),
    Column("helo", lambda s: s.helo or f"{s.greeting} (default)", "Greets as"),
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


@click.group(cls=Group)
def delivery() -> None:
    """Set up how codes are sent by e-mail and SMS. New settings take effect once a test code is confirmed."""


@delivery.command("show")
@with_backend
async def show(context: CommandContext) -> None:
    """Show the settings and the latest messages.

    Passwords and tokens are never shown.
    """
    found = await context.perform(ShowDelivery(tenant=await context.tenant()))
    if context.out.format == "json":
        context.out.json(found)
        return
    if not context.out.is_table:
        context.out.listing(MESSAGES, found.recent)
        return
    if found.inbox:
        context.out.line("This is a demo: whatever is set here, its messages only go to its own inbox.")
        context.out.line("Read them: secconsole demo --inbox")
        context.out.line()
    _settings(context, "Mail", SMTP, found.smtp)
    _settings(context, "SMS", TWILIO_COLUMNS, found.twilio)
    for day in found.day:
        counts = f"{day.sent:,} sent, {day.waiting:,} waiting, {day.failed:,} failed, {day.unsure:,} unsure"
        context.out.line(
            f"{'Mail' if day.kind is FactorKind.EMAIL else 'SMS'} in 24 hours: {counts} (at most {day.most:,})"
        )
    context.out.line()
    context.out.listing(MESSAGES, found.recent)


def _settings(context: CommandContext, title: str, columns: list[Column[T]], settings: Sequence[T]) -> None:
    context.out.line(title if settings else f"{title}: not set up")
    for one in settings:
        context.out.record(columns, one)
        context.out.line()


@delivery.command("set-smtp")
@click.option("--host", required=True, help="The mail server's name or address, without a port.")
@click.option("--port", type=click.IntRange(1, 65535), default=587, show_default=True)
@click.option("--sender", required=True, metavar="ADDRESS", help="The sender address of mail.")
@click.option(
    "--tls", type=EnumChoice(Tls), help="Default by port: tls for 465, starttls for others, none on this machine."
)
@click.option("--user", default="", help="The user to log in as, with a password from a prompt or --password-file.")
@click.option("--password-file", type=click.Path(path_type=Path), help="A file that only its owner may read.")
@click.option(
    "--helo", default="", metavar="NAME", help="The name in HELO. Default: this machine's, or the sender's domain."
)
@with_backend
async def set_smtp(
    context: CommandContext,
    host: str,
    port: int,
    sender: str,
    tls: Tls | None,
    user: str,
    password_file: Path | None,
    helo: str,
) -> None:
    """Save the settings of a mail server.

    They take effect once a test succeeds.

    \b
    secconsole delivery set-smtp --host mx.acme.example --sender mfa@acme.example
    secconsole delivery test --kind email --to admin@acme.example
    secconsole delivery test --confirm CODE
    """
    password = _secret("password", password_file) if user or password_file else None
    kept = await context.perform(
        SetSmtp(
            tenant=await context.tenant(),
            host=host,
            port=port,
            sender=sender,
            tls=tls,
            username=user,
            password=password,
            helo=helo,
        )
    )
    context.out.record(SMTP, kept)
    if context.out.is_table:
        say(_NOT_TESTED.format(FactorKind.EMAIL, "ADDRESS"))


@delivery.command("set-twilio")
@click.option("--account-sid", required=True, metavar="AC…", help="The account SID, shown in Twilio's console.")
@click.option("--auth-token-file", type=click.Path(path_type=Path), help="A file that only its owner may read.")
@click.option("--from", "sender", default="", metavar="NUMBER", help="The sender number of messages.")
@click.option("--messaging-service", default="", metavar="MG…", help="A service that picks the sender number.")
@click.option(
    "--base-url", default=TWILIO, show_default=True, help="The address of Twilio. http:// only on this machine."
)
@with_backend
async def set_twilio(
    context: CommandContext,
    account_sid: str,
    auth_token_file: Path | None,
    sender: str,
    messaging_service: str,
    base_url: str,
) -> None:
    """Save a Twilio account.

    It takes effect once a test succeeds.

    \b
    secconsole delivery set-twilio --account-sid AC… --auth-token-file FILE \\
      --from +15005550006
    secconsole delivery test --kind sms --to +15005550001
    secconsole delivery test --confirm CODE
    """
    token = _secret("auth token", auth_token_file)
    kept = await context.perform(
        SetTwilio(
            tenant=await context.tenant(),
            account_sid=account_sid,
            auth_token=token,
            sender=sender,
            service=messaging_service,
            base_url=base_url,
        )
    )
    context.out.record(TWILIO_COLUMNS, kept)
    if context.out.is_table:
        say(_NOT_TESTED.format(FactorKind.SMS, "NUMBER"))


@delivery.command("test")
@click.option("--kind", type=EnumChoice(FactorKind), help="email or sms.")
@click.option("--to", metavar="ADDRESS", help="Your own address or number.")
@click.option("--confirm", metavar="CODE", help="The code that arrived. The settings then take effect.")
@with_backend
async def test(context: CommandContext, kind: FactorKind | None, to: str | None, confirm: str | None) -> int:
    """Send a code to yourself and confirm it: exit 0 on success, 1 if not.

    \b
    secconsole delivery test --kind email --to admin@acme.example
    secconsole delivery test --confirm CODE
    """
    tenant = await context.tenant()
    if confirm is not None:
        if kind is not None or to is not None:
            raise Invalid("--confirm cannot be combined with other options.", "confirm")
        result = await context.perform(ConfirmDelivery(tenant=tenant, code=Secret(confirm)))
        if context.out.is_table:
            context.out.line(result.message)
        else:
            context.out.record(RESULT, result)
        return ExitCode.DONE if result.accepted else ExitCode.NO
    if kind is None or to is None:
        raise Invalid("Give --kind email or sms with --to ADDRESS, or --confirm CODE.", "kind")
    started = await context.perform(TryDelivery(tenant=tenant, kind=kind, to=to))
    if not started.sent:
        context.out.record(STARTED, started)
        return ExitCode.NO
    message = await _settled(context, tenant, started)
    if message.state is not MessageState.SENT:
        raise Unavailable(message.problem or "The message has not been sent yet. See: secconsole delivery show")
    context.out.record(STARTED, started)
    if context.out.is_table:
        say(f"Confirm the digits after {started.prefix}-: secconsole delivery test --confirm CODE")
    return ExitCode.DONE


async def _settled(context: CommandContext, tenant: str, started: TestStarted) -> MessageRow:
    """Return the message of a test once an attempt to send it was made."""
    loop = asyncio.get_running_loop()
    end = loop.time() + TIMEOUT
    while True:
        found = await context.perform(ShowDelivery(tenant=tenant))
        message = next((row for row in found.recent if row.id == started.id), None)
        if message is None:
            raise Unavailable("The message was not found. See: secconsole delivery show")
        tried = message.state not in (MessageState.WAITING, MessageState.SENDING) or message.problem
        if tried or loop.time() > end:
            return message
        await asyncio.sleep(INTERVAL)


def _secret(what: str, file: Path | None) -> Secret[str]:
    """Return a secret from a private file or the terminal, never from the command line, which others can read."""
    if file is not None:
        return Secret(read_private(file).strip("\r\n"))
    if not can_ask():
        raise Invalid(f"Put the {what} into a file: --{what.replace(' ', '-')}-file FILE", what)
    return ask_hidden(f"{what.capitalize()}:")
