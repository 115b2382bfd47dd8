"""Mail, handed to a real mail server: what arrives, what is refused, and what is worth trying again."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.delivery.message import Message, Outcome, Result
from secconsole.delivery.smtp import SmtpAccount, send_mail
from secconsole.domain.delivery import Tls
from secconsole.domain.secret import Secret
from tests.delivery.mail_server import Mailbox, mail_server
from tests.server.certificates import make_certificate

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MESSAGE = Message("ana@acme.example", "Code XYWD for acme", Secret("Your code is XYWD-581883\n.\nčáp\n"))


def account(port: int, tls: Tls = Tls.NONE, password: str = "", host: str = "127.0.0.1") -> SmtpAccount:
    user = "mfa" if password else ""
    return SmtpAccount(host, port, tls, "mfa@acme.example", user, Secret(password) if password else None)


async def sent(box: Mailbox, message: Message = MESSAGE, *, timeout: float = 5) -> Outcome:
    return await send_mail(account(box.port), message, NOW, timeout=timeout)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server proves to be localhost with; it is trusted."""
    files = make_certificate(tmp_path / "certificate", 1)
    monkeypatch.setenv("SSL_CERT_FILE", str(files.chain))
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(files.chain, files.key)
    return made


async def test_a_mail_arrives_whole() -> None:
    async with mail_server() as box:
        assert await sent(box) == Outcome(Result.SENT)
    mail = box.mails[0]
    assert (mail["From"], mail["To"], mail["Subject"]) == ("mfa@acme.example", "ana@acme.example", "Code XYWD for acme")
    assert mail["Date"] == "Sun, 22 Nov 2026 09:30:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@acme.example>")
    assert box.text() == MESSAGE.text.reveal()
    assert box.envelopes[0].rcpt_tos == ["ana@acme.example"]


async def test_a_name_that_leads_to_this_machine_is_not_talked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def leads_here(host: str, port: int, *args: object, **named: object) -> list[object]:
        assert host == "mail.evil.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async with mail_server() as box:
        monkeypatch.setattr(socket, "getaddrinfo", leads_here)
        outcome = await send_mail(account(box.port, host="mail.evil.example"), MESSAGE, NOW)
    assert (outcome.result, box.mails) == (Result.FAILED, [])
    assert "leads to this machine itself" in outcome.problem


@pytest.mark.parametrize("at_once", [False, True])
async def test_encrypted_lines_carry_the_password(context: ssl.SSLContext, at_once: bool) -> None:
    async with mail_server(tls=context, at_once=at_once, password="s3cret") as box:
        tls = Tls.TLS if at_once else Tls.STARTTLS
        assert (await send_mail(account(box.port, tls, "s3cret", "localhost"), MESSAGE, NOW)).result is Result.SENT
        assert box.logged_in == ["mfa"]
        wrong = await send_mail(account(box.port, tls, "other", "localhost"), MESSAGE, NOW)
    assert wrong.result is Result.FAILED
    assert "password" in wrong.problem
    assert "535" in wrong.problem
    assert "other" not in wrong.problem


async def test_a_server_that_nobody_vouches_for_gets_nothing(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = make_certificate(tmp_path / "other", 2)
    monkeypatch.setenv("SSL_CERT_FILE", str(other.chain))
    async with mail_server(tls=context) as box:
        found = await send_mail(account(box.port, Tls.STARTTLS, host="localhost"), MESSAGE, NOW)
    assert found.result is Result.FAILED
    assert "not trusted" in found.problem
    assert box.mails == []


async def test_starttls_is_demanded_and_not_only_tried() -> None:
    async with mail_server() as box:
        found = await send_mail(account(box.port, Tls.STARTTLS, host="localhost"), MESSAGE, NOW)
    assert (found.result, box.mails) == (Result.FAILED, [])
    assert "STARTTLS" in found.problem


async def test_a_greylisting_server_is_asked_again_later() -> None:
    box = Mailbox(at_rcpt=["451 4.7.1 Greylisted, try again in 60 seconds"])
    async with mail_server(box):
        assert await sent(box) == Outcome(
            Result.LATER, "The mail server asks to be tried again later (451 4.7.1)."
        )  # fmt: skip
        assert (await sent(box)).result is Result.SENT


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Mailbox(at_rcpt=["550 5.1.1 No such user ana@acme.example here"]), "the recipient's address (550 5.1.1)"),
        (Mailbox(at_data=["554 5.7.1 Spam: Your code is XYWD-581883"]), "the message (554 5.7.1)"),
    ],
)
async def test_a_refusal_is_told_without_what_the_server_quotes(box: Mailbox, words: str) -> None:
    async with mail_server(box):
        found = await sent(box)
    assert found.result is Result.FAILED
    assert words in found.problem
    assert "581883" not in found.problem
    assert "ana@" not in found.problem


async def test_a_message_that_was_taken_without_an_answer_is_not_said_to_be_unsent() -> None:
    async with mail_server(Mailbox(silent=True)) as box:
        sending = asyncio.create_task(sent(box, timeout=0.3))
        await box.taken.wait()
        assert (await sending).result is Result.UNSURE


async def test_a_dead_server_is_worth_another_try() -> None:
    async with mail_server() as box:
        pass
    found = await sent(box)
    assert found.result is Result.LATER
    assert f"127.0.0.1:{box.port}" in found.problem


async def test_a_server_that_says_nothing_is_given_up() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await send_mail(account(port), MESSAGE, NOW, timeout=0.2)
    assert found.result is Result.LATER
    assert "in time" in found.problem


async def test_names_in_other_scripts_need_a_server_that_takes_them() -> None:
    message = Message("žofie@čáp.example", "Code", Secret("text"))
    async with mail_server() as box:
        assert (await sent(box, message)).result is Result.SENT
        assert box.envelopes[0].rcpt_tos == ["žofie@xn--p-tfa5k.example"]
    async with mail_server(utf8=False) as plain:
        found = await sent(plain, message)
        assert found.result is Result.FAILED
        assert "beyond ASCII" in found.problem
        assert (await sent(plain, Message("ana@čáp.example", "Code", Secret("text")))).result is Result.SENT


async def test_a_line_end_in_a_header_sends_nothing() -> None:
    async with mail_server() as box:
        for message in (
            Message("ana@acme.example", "Code\r\nBcc: eve@evil.example", Secret("text")),
            Message("ana@acme.example\r\nBcc: eve@evil.example", "Code", Secret("text")),
        ):
            with pytest.raises(ValueError):
                await sent(box, message)
    assert box.mails == []
