"""A real mail server on a real socket, in the loop of the test, with configurable behaviour."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class Mailbox:
    """Received mails, and the configured answers. `at_rcpt` and `at_data` are answers used once each, in order.

    `notices` are apart from `mails`, since nobody knows which of two that leave at the same time arrives first.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    notices: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    at_rcpt: list[str] = field(default_factory=list)
    at_data: list[str] = field(default_factory=list)
    silent: bool = False  # takes the message and never answers
    hold: asyncio.Event | None = None  # notices are answered once it is set
    gate: asyncio.Event | None = None  # recipients are answered once it is set
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    logged_in: list[str] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)  # the names that clients gave
    needs_dotted_name: bool = False  # refuses a name without a dot, at the recipient or at once
    at_recipient_only: bool = False

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greeted.append(hostname)
        session.host_name = hostname
        if self.needs_dotted_name and not self.at_recipient_only and "." not in hostname:
            return [f"504 5.5.2 <{hostname}>: Helo command rejected: need fully-qualified hostname"]
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.needs_dotted_name and "." not in str(session.host_name):
            return f"504 5.5.2 <{session.host_name}>: Helo command rejected: need fully-qualified hostname"
        if self.gate is not None:
            await self.gate.wait()
        if self.at_rcpt:
            return self.at_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.set()
        if self.silent:
            await asyncio.Event().wait()
        if self.at_data:
            return self.at_data.pop(0)
        assert isinstance(envelope.content, bytes)
        mail: EmailMessage = message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[arg-type]
        if "\nEvent: " in text_of(mail):
            if self.hold is not None:
                await self.hold.wait()
            self.notices.append(mail)
        else:
            self.envelopes.append(envelope)
            self.mails.append(mail)
        return "250 OK"

    def text(self, number: int = -1) -> str:
        """Return the content of a mail."""
        return text_of(self.mails[number])


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    at_once: bool = False,
    password: str = "",
    utf8: bool = True,
) -> AsyncIterator[Mailbox]:
    """Serve a mailbox on a free port. `tls`: offered by STARTTLS, or from the first byte if `at_once`."""
    box = mailbox or Mailbox()

    def let_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        box.logged_in.append(data.login.decode())
        return AuthResult(success=data.password == password.encode(), handled=False)

    def protocol() -> SMTP:
        return SMTP(
            box,
            hostname="mail.example",
            enable_SMTPUTF8=utf8,
            tls_context=None if at_once else tls,
            authenticator=let_in if password else None,
            auth_required=bool(password),
            auth_require_tls=tls is not None and not at_once,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", box.port, ssl=tls if at_once else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
