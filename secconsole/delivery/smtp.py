"""Handing one mail to a mail server. What fails before the message itself can be tried again, what fails later not."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from secconsole.delivery.message import Message, Outcome, Result
from secconsole.domain.delivery import Tls, is_loopback
from secconsole.domain.mail_address import on_the_wire
from secconsole.domain.secret import Secret

if TYPE_CHECKING:
    import aiosmtplib

TIMEOUT, GOODBYE = 15.0, 2.0  # seconds for all of it, and for an answer to QUIT
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """A mail server and how to use it; without a name nobody logs in."""

    host: str
    port: int
    tls: Tls
    sender: str
    username: str = ""
    password: Secret[str] | None = None


async def send_mail(account: SmtpAccount, message: Message, now: datetime, *, timeout: float = TIMEOUT) -> Outcome:
    """Send one mail; never raises for what the other side does."""
    import ssl  # this and the others only where something is sent

    import aiosmtplib

    progress = _Progress(account)
    client = aiosmtplib.SMTP(
        hostname=account.host,
        port=account.port,
        timeout=timeout,
        local_hostname=_own_name(),
        use_tls=account.tls is Tls.TLS,
        start_tls=account.tls is Tls.STARTTLS,
        tls_context=None if account.tls is Tls.NONE else ssl.create_default_context(),
    )
    try:
        async with asyncio.timeout(timeout):
            return await _converse(client, account, message, now, progress)
    except aiosmtplib.SMTPResponseException as error:
        return progress.refused(error.code, error.message)
    except (TimeoutError, OSError) as error:  # the library's own for a lost line are among them
        return progress.lost(error)
    except aiosmtplib.SMTPException:
        return progress.lacking()
    finally:
        client.close()


async def _converse(
    client: aiosmtplib.SMTP, account: SmtpAccount, message: Message, now: datetime, progress: _Progress
) -> Outcome:
    import aiosmtplib

    await client.connect()
    peer = client.get_transport_info("peername")  # None if it had hung up by then
    if peer and not is_loopback(account.host) and is_loopback(str(peer[0])):
        # Only platform administrators may name this machine, and a name in DNS may lead anywhere.
        return Outcome(Result.FAILED, f"{account.host} leads to this machine itself. If that is meant: localhost")
    if account.password is not None:
        progress.step = _Step.LOGIN
        await client.login(account.username, account.password.reveal())
    progress.step = _Step.ENVELOPE
    (sender, _), (to, beyond_ascii) = on_the_wire(account.sender), on_the_wire(message.to)
    await client.ehlo()
    if beyond_ascii and not client.supports_extension("smtputf8"):
        return Outcome(Result.FAILED, "The mail server takes no addresses with letters beyond ASCII.")
    encoding, options = ("utf-8", ["SMTPUTF8"]) if beyond_ascii else ("ascii", [])
    await client.mail(sender, options=options, encoding=encoding)
    progress.step = _Step.RECIPIENT
    await client.rcpt(to, encoding=encoding)
    progress.step = _Step.MESSAGE
    await client.data(_written(sender, to, message, now, beyond_ascii=beyond_ascii))
    with suppress(aiosmtplib.SMTPException, TimeoutError, OSError):  # out of politeness: the mail is theirs already
        await client.quit(timeout=GOODBYE)
    return Outcome(Result.SENT)


def _written(sender: str, to: str, message: Message, now: datetime, *, beyond_ascii: bool) -> bytes:
    """The mail as it goes over the line. A line end in a header is refused by the library (ValueError)."""
    from email import policy
    from email.message import EmailMessage
    from email.utils import format_datetime, make_msgid

    mail = EmailMessage(policy.SMTPUTF8 if beyond_ascii else policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, message.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    mail.set_content(message.text.reveal())
    return mail.as_bytes()


class _Step(StrEnum):
    """How far a conversation came."""

    CONNECTION = "connection"
    LOGIN = "login"
    ENVELOPE = "envelope"
    RECIPIENT = "recipient"
    MESSAGE = "message"


class _Progress:
    """How far it came, and what it means that it ended there."""

    def __init__(self, account: SmtpAccount) -> None:
        self.step = _Step.CONNECTION
        self._server = f"{account.host}:{account.port}"

    def refused(self, code: int, text: str) -> Outcome:
        """The server answered and said no: in the fours for now, in the fives for good (RFC 5321 section 4.2.1)."""
        found = _ENHANCED.search(text)
        number = f"{code} {found[0]}" if found else f"{code}"
        if 400 <= code < 500:
            return Outcome(Result.LATER, f"The mail server asks to be tried again later ({number}).")
        words = {
            _Step.CONNECTION: "The mail server does not take our connection",
            _Step.LOGIN: "The mail server refuses the user or the password",
            _Step.ENVELOPE: "The mail server refuses the sender's address",
            _Step.RECIPIENT: "The mail server refuses the recipient's address",
            _Step.MESSAGE: "The mail server refuses the message",
        }
        return Outcome(Result.FAILED, f"{words[self.step]} ({number}).")

    def lacking(self) -> Outcome:
        """The server does not know what we need of it."""
        if self.step is _Step.LOGIN:
            return Outcome(Result.FAILED, "The mail server knows no way to log in that we do. Is the port right?")
        return Outcome(Result.FAILED, "The mail server does not offer STARTTLS. Is the port right?")

    def lost(self, error: Exception) -> Outcome:
        """The line was lost, or never stood."""
        import ssl

        if self.step is _Step.MESSAGE:
            return Outcome(Result.UNSURE, "The line to the mail server was lost while it took the message.")
        if (bad := _cause(error, ssl.SSLCertVerificationError)) is not None:
            return Outcome(Result.FAILED, f"The certificate of {self._server} is not trusted: {_reason(bad)}.")
        if _cause(error, ssl.SSLError) is not None:
            return Outcome(Result.FAILED, f"{self._server} speaks no TLS there. Is the port right for --tls?")
        if _cause(error, socket.gaierror) is not None:
            return Outcome(Result.LATER, f"There is no mail server by the name of {self._server}.")
        if _cause(error, TimeoutError) is not None:
            return Outcome(Result.LATER, f"The mail server {self._server} did not answer in time.")
        return Outcome(Result.LATER, f"The mail server {self._server} cannot be reached.")


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """What of a kind an error came from."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def _reason(error: BaseException) -> str:
    return str(getattr(error, "verify_message", "")) or "it does not verify"


def _own_name() -> str:
    """What we say we are called; asking DNS for more could take its time."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9.-]{1,255}", name) else "localhost"
