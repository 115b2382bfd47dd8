"""Delivery of one mail to a mail server: failures before the message itself can be retried, later ones cannot.

Until a server has greeted us as a mail server, all failures have the same message and, for settings with restricted
hosts, take the same time. Otherwise the answers would reveal which ports of a network are open.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from secconsole.config.certificates import machine_trust
from secconsole.delivery.connect import connect
from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.domain.errors import Unavailable
from secconsole.domain.messages.delivery import Tls
from secconsole.domain.messages.mail_address import on_the_wire
from secconsole.domain.networks.reach import PUBLIC, Reach
from secconsole.domain.secret import Secret

if TYPE_CHECKING:
    import ssl

    import aiosmtplib

TIMEOUT, REACH, GOODBYE = 15.0, 10.0, 2.0  # seconds for everything, for the greeting, and for an answer to QUIT
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_UNKNOWN_COMMAND, _NOT_SMTP = (500, 502), (500, 502, 503, 530)  # to EHLO and then to HELO, such as by an FTP server
_GREETING = re.compile(r"\b(helo|ehlo)\b", re.IGNORECASE)
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+\Z"
)
_UNREACHABLE = "The mail server cannot be reached. Check its port and TLS, and that its address is public or allowed."
_HELO = "The mail server refuses our greeting name, {name}. Set another one: set-smtp --helo NAME"
_SMTPUTF8 = (
    "The address has non-ASCII letters before its @. That needs a mail server with SMTPUTF8, and this one does not "
    "support it."
)


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """Mail server and its credentials, without a login if the name is empty.

    `helo`: the name to greet with, empty for that of this machine. `reach`: the hosts it may have.
    """

    host: str
    port: int
    tls: Tls
    sender: str
    username: str = ""
    password: Secret[str] | None = None
    helo: str = ""
    reach: Reach = PUBLIC

    @property
    def greeting(self) -> str:
        """The name to greet the mail server with."""
        return greeting_of(self.helo, self.sender)


def greeting_of(helo: str, sender: str) -> str:
    """Return the name to greet a mail server with, which most servers require to contain a dot."""
    own = helo or socket.gethostname()
    if helo or _HOST_NAME.match(own):
        return own
    domain = on_the_wire(sender)[0].rpartition("@")[2]
    return domain if _HOST_NAME.match(domain) else "localhost.localdomain"


async def send_mail(
    account: SmtpAccount, message: Message, now: datetime, *, timeout: float = TIMEOUT, reach: float = REACH
) -> DeliveryOutcome:
    """Send one mail, without raising for anything the other side does."""
    import aiosmtplib  # imported late, with ssl: only sending needs it

    progress, client = _Progress(account), None
    ends = time.monotonic() + min(timeout, reach)
    try:
        async with asyncio.timeout(timeout):
            async with asyncio.timeout(reach):
                client = await _greeted(account, progress, min(timeout, reach))
            return await _converse(client, account, message, now, progress)
    except aiosmtplib.SMTPResponseException as error:
        outcome = progress.refused(error.code, error.message)
    except (TimeoutError, OSError) as error:  # includes the library's own error for a lost connection
        outcome = progress.interrupted(error)
    except aiosmtplib.SMTPException:
        outcome = progress.lacking()
    except Unavailable as error:  # certificates named by the environment that do not exist
        outcome = DeliveryOutcome(Result.LATER, error.message)
    finally:
        if client is not None:
            client.close()
    if outcome.problem == _UNREACHABLE and not account.reach.anywhere:
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
    return outcome


async def _greeted(account: SmtpAccount, progress: _Progress, timeout: float) -> aiosmtplib.SMTP:
    """Return a connection that was greeted as by a mail server."""
    import aiosmtplib

    client = aiosmtplib.SMTP(
        hostname=account.host,  # the name that its certificate must have
        timeout=timeout,
        local_hostname=account.greeting,
        use_tls=account.tls is Tls.TLS,
        start_tls=False,
        tls_context=_tls(account),
    )
    line = await connect(account.host, account.port, account.reach, timeout=timeout)
    try:
        await client.connect(sock=line)
        progress.step = _Step.GREETING
        await _greet(client)
    except BaseException:
        client.close()
        raise
    progress.is_reached = True
    return client


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Send EHLO, or HELO to an old server."""
    import aiosmtplib

    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if error.code not in _UNKNOWN_COMMAND:
            raise
        await client.helo()


def _tls(account: SmtpAccount) -> ssl.SSLContext | None:
    return None if account.tls is Tls.NONE else machine_trust()


async def _converse(
    client: aiosmtplib.SMTP, account: SmtpAccount, message: Message, now: datetime, progress: _Progress
) -> DeliveryOutcome:
    import aiosmtplib

    if account.tls is Tls.STARTTLS:
        progress.step = _Step.ENCRYPTION
        await client.starttls()
        progress.step = _Step.GREETING
        await _greet(client)
    if account.password is not None:
        progress.step = _Step.LOGIN
        await client.login(account.username, account.password.reveal())
    progress.step = _Step.ENVELOPE
    (sender, _), (to, beyond_ascii) = on_the_wire(account.sender), on_the_wire(message.to)
    if not to or not sender:
        return DeliveryOutcome(Result.FAILED, "The address has a domain that mail cannot be sent to.")
    if beyond_ascii and not client.supports_extension("smtputf8"):
        return DeliveryOutcome(Result.FAILED, _SMTPUTF8)
    encoding, options = ("utf-8", ["SMTPUTF8"]) if beyond_ascii else ("ascii", [])
    await client.mail(sender, options=options, encoding=encoding)
    progress.step = _Step.RECIPIENT
    await client.rcpt(to, encoding=encoding)
    progress.step = _Step.MESSAGE
    await client.data(_written(sender, to, message, now, beyond_ascii=beyond_ascii))
    # a courtesy: the server has already accepted the mail
    with suppress(aiosmtplib.SMTPException, TimeoutError, OSError):
        await client.quit(timeout=GOODBYE)
    return DeliveryOutcome(Result.SENT)


def _written(sender: str, to: str, message: Message, now: datetime, *, beyond_ascii: bool) -> bytes:
    """Return the mail as bytes for the connection, or raise `ValueError` for a line break in a header.

    The body uses seven bits, which every server accepts. Only an address can add non-ASCII letters to the headers.
    """
    from email import policy
    from email.message import EmailMessage
    from email.utils import format_datetime, make_msgid

    mail = EmailMessage((policy.SMTPUTF8 if beyond_ascii else policy.SMTP).clone(cte_type="7bit"))
    mail["From"], mail["To"], mail["Subject"] = sender, to, message.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: prevents automatic replies
    mail.set_content(message.text.reveal())
    return mail.as_bytes()


class _Step(StrEnum):
    """Step of a conversation."""

    CONNECTION = "connection"
    GREETING = "greeting"
    ENCRYPTION = "encryption"
    LOGIN = "login"
    ENVELOPE = "envelope"
    RECIPIENT = "recipient"
    MESSAGE = "message"


class _Progress:
    """Progress of a conversation, and the meaning of a failure at that step."""

    def __init__(self, account: SmtpAccount) -> None:
        self.step = _Step.CONNECTION
        self.is_reached = False  # something has answered as a mail server does
        self._account = account

    def refused(self, code: int, text: str) -> DeliveryOutcome:
        """Return the meaning of a refusal: 4xx is temporary, 5xx is permanent (RFC 5321 section 4.2.1)."""
        if self.step is _Step.CONNECTION or (not self.is_reached and code in _NOT_SMTP):
            return DeliveryOutcome(Result.LATER, _UNREACHABLE)
        found = _ENHANCED.search(text)
        number = f"{code} {found[0]}" if found else f"{code}"
        later = 400 <= code < 500
        # many servers reject the greeting only at the recipient
        if self.step is _Step.GREETING or _GREETING.search(text):
            return DeliveryOutcome(
                Result.LATER if later else Result.FAILED,
                f"{_HELO.format(name=self._account.greeting)} ({number}).",
            )
        if later:
            return DeliveryOutcome(Result.LATER, f"The mail server asks to try again later ({number}).")
        words = {
            _Step.ENCRYPTION: "The mail server refuses to start TLS",
            _Step.LOGIN: "The mail server refuses the user or the password",
            _Step.ENVELOPE: "The mail server refuses the sender's address",
            _Step.RECIPIENT: "The mail server refuses the recipient's address",
            _Step.MESSAGE: "The mail server refuses the message",
        }
        return DeliveryOutcome(Result.FAILED, f"{words[self.step]} ({number}).")

    def lacking(self) -> DeliveryOutcome:
        """Return the outcome if the server lacks a feature that is needed."""
        if not self.is_reached:
            return DeliveryOutcome(Result.LATER, _UNREACHABLE)
        if self.step is _Step.LOGIN:
            return DeliveryOutcome(Result.FAILED, "The mail server supports none of our login methods. Check its port.")
        return DeliveryOutcome(Result.FAILED, "The mail server does not offer STARTTLS. Check its port.")

    def interrupted(self, error: Exception) -> DeliveryOutcome:
        """Return the outcome if the connection was lost, or never established."""
        import ssl

        if self.step is _Step.MESSAGE:
            return DeliveryOutcome(
                Result.UNSURE, "The connection to the mail server was lost while it received the message."
            )
        if self.is_reached or self._account.reach.anywhere:  # a certificate reveals an open port
            bad = _cause(error, ssl.SSLCertVerificationError)
            if bad is not None:
                return DeliveryOutcome(Result.FAILED, f"The mail server's certificate is not trusted: {_reason(bad)}.")
        if not self.is_reached:
            return DeliveryOutcome(Result.LATER, _UNREACHABLE)
        if _cause(error, TimeoutError) is not None:
            return DeliveryOutcome(Result.LATER, "The mail server did not answer in time.")
        return DeliveryOutcome(
            Result.LATER, "The connection to the mail server was lost before it received the message."
        )


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Return the cause of this kind in the chain of an error."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def _reason(error: BaseException) -> str:
    return str(getattr(error, "verify_message", "")) or "it cannot be verified"
