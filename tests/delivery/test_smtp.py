"""Mail sent to a real mail server: deliveries, refusals, and errors worth a retry."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.delivery.smtp import SmtpAccount, send_mail
from secconsole.domain.messages.delivery import Tls
from secconsole.domain.networks.reach import Reach
from secconsole.domain.secret import Secret
from tests.delivery.mail_server import Mailbox, mail_server
from tests.server.certificates import make_certificate

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MESSAGE = Message("ana@acme.example", "Code XYWD for acme", Secret("Your code is XYWD-581883\n.\nčáp\n"))


def account(port: int, tls: Tls = Tls.NONE, password: str = "", host: str = "127.0.0.1", helo: str = "") -> SmtpAccount:
    user = "mfa" if password else ""
    secret = Secret(password) if password else None
    return SmtpAccount(host, port, tls, "mfa@acme.example", user, secret, helo, Reach(anywhere=True))


async def sent(box: Mailbox, message: Message = MESSAGE, *, timeout: float = 5) -> DeliveryOutcome:
    return await send_mail(account(box.port), message, NOW, timeout=timeout)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return a trusted certificate for localhost."""
    files = make_certificate(tmp_path / "certificate", 1)
    monkeypatch.setenv("SSL_CERT_FILE", str(files.chain))
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(files.chain, files.key)
    return made


async def test_a_mail_arrives_whole() -> None:
    async with mail_server() as box:
        assert await sent(box) == DeliveryOutcome(Result.SENT)
    mail = box.mails[0]
    assert (mail["From"], mail["To"], mail["Subject"]) == ("mfa@acme.example", "ana@acme.example", "Code XYWD for acme")
    assert mail["Date"] == "Sun, 22 Nov 2026 09:30:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@acme.example>")
    assert box.text() == MESSAGE.text.reveal()
    assert box.envelopes[0].rcpt_tos == ["ana@acme.example"]


@pytest.mark.parametrize("at_once", [False, True])
async def test_the_password_is_sent_over_encrypted_connections(context: ssl.SSLContext, at_once: bool) -> None:
    async with mail_server(tls=context, at_once=at_once, password="s3cret") as box:
        tls = Tls.TLS if at_once else Tls.STARTTLS
        assert (await send_mail(account(box.port, tls, "s3cret", "localhost"), MESSAGE, NOW)).result is Result.SENT
        assert box.logged_in == ["mfa"]
        wrong = await send_mail(account(box.port, tls, "other", "localhost"), MESSAGE, NOW)
    assert wrong.result is Result.FAILED
    assert "password" in wrong.problem
    assert "535" in wrong.problem
    assert "other" not in wrong.problem


async def test_an_untrusted_server_gets_nothing(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = make_certificate(tmp_path / "other", 2)
    monkeypatch.setenv("SSL_CERT_FILE", str(other.chain))
    async with mail_server(tls=context) as box:
        found = await send_mail(account(box.port, Tls.STARTTLS, host="localhost"), MESSAGE, NOW)
    assert found.result is Result.FAILED
    assert "not trusted" in found.problem
    assert box.mails == []


async def test_starttls_is_required() -> None:
    async with mail_server() as box:
        found = await send_mail(account(box.port, Tls.STARTTLS, host="localhost"), MESSAGE, NOW)
    assert (found.result, box.mails) == (Result.FAILED, [])
    assert "STARTTLS" in found.problem


async def test_a_greylisting_server_is_retried_later() -> None:
    box = Mailbox(at_rcpt=["451 4.7.1 Greylisted, try again in 60 seconds"])
    async with mail_server(box):
        assert await sent(box) == DeliveryOutcome(Result.LATER, "The mail server asks to try again later (451 4.7.1).")
        assert (await sent(box)).result is Result.SENT


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Mailbox(at_rcpt=["550 5.1.1 No such user ana@acme.example here"]), "the recipient's address (550 5.1.1)"),
        (Mailbox(at_data=["554 5.7.1 Spam: Your code is XYWD-581883"]), "the message (554 5.7.1)"),
    ],
)
async def test_a_refusal_is_reported_without_quoted_content(box: Mailbox, words: str) -> None:
    async with mail_server(box):
        found = await sent(box)
    assert found.result is Result.FAILED
    assert words in found.problem
    assert "581883" not in found.problem
    assert "ana@" not in found.problem


async def test_a_message_accepted_without_a_reply_is_not_reported_as_unsent() -> None:
    async with mail_server(Mailbox(silent=True)) as box:
        for seconds in (0.3, 2, 20):  # a busy machine may need longer than the first until the message is there
            outcome = await sent(box, timeout=seconds)
            if box.taken.is_set():
                break
        assert box.taken.is_set()
        assert outcome.result is Result.UNSURE


async def test_a_dead_server_is_retried() -> None:
    async with mail_server() as box:
        pass
    found = await sent(box)
    assert found.result is Result.LATER
    assert "The mail server cannot be reached" in found.problem


async def test_a_silent_server_is_given_up() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await send_mail(account(port), MESSAGE, NOW, timeout=0.2)
    assert found.result is Result.LATER
    assert "The mail server cannot be reached" in found.problem


async def test_names_in_other_scripts_require_smtputf8() -> None:
    message = Message("žofie@čáp.example", "Code", Secret("text"))
    async with mail_server() as box:
        assert (await sent(box, message)).result is Result.SENT
        assert box.envelopes[0].rcpt_tos == ["žofie@xn--p-tfa5k.example"]
    async with mail_server(utf8=False) as plain:
        found = await sent(plain, message)
        assert found.result is Result.FAILED
        assert "SMTPUTF8" in found.problem
        assert (await sent(plain, Message("ana@čáp.example", "Code", Secret("text")))).result is Result.SENT


async def test_a_line_break_in_a_header_sends_nothing() -> None:
    async with mail_server() as box:
        for message in (
            Message("ana@acme.example", "Code\r\nBcc: eve@evil.example", Secret("text")),
            Message("ana@acme.example\r\nBcc: eve@evil.example", "Code", Secret("text")),
        ):
            with pytest.raises(ValueError):
                await sent(box, message)
    assert box.mails == []


async def test_a_code_for_an_idna_2008_domain_goes_to_that_domain() -> None:
    async with mail_server() as box:
        for address, wire in (
            ("ana@faß.example", "ana@xn--fa-hia.example"),
            ("ana@βόλος.example", "ana@xn--nxasmm1c.example"),
        ):
            assert (await sent(box, Message(address, "Code", Secret("text")))).result is Result.SENT
            assert box.envelopes[-1].rcpt_tos == [wire]
            assert box.mails[-1]["To"] == wire


async def test_nothing_is_sent_to_a_stored_address_that_idna_rejects() -> None:
    async with mail_server() as box:
        found = await sent(box, Message("ana@☃.example", "Code", Secret("text")))
    assert (found.result, box.envelopes) == (Result.FAILED, [])


@pytest.mark.parametrize("text", ["plain\n", "čáp\n", "š" * 3_000 + "\n", "x" * 3_000 + "\n", ".\n\n.čáp\n", "Ω😀\n"])
async def test_a_body_is_sent_in_seven_bits_and_arrives_unchanged(text: str) -> None:
    """Half of the servers on the way may not know 8BITMIME, and one line may have 998 characters."""
    async with mail_server() as box:
        message = Message("ana@acme.example", "Kód pro Škoda Auto", Secret(text))
        assert (await sent(box, message)).result is Result.SENT
    raw = box.envelopes[0].content
    assert isinstance(raw, bytes)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert box.mails[0]["Content-Transfer-Encoding"] in ("7bit", "quoted-printable", "base64")
    assert box.mails[0]["Subject"] == "Kód pro Škoda Auto"
    assert box.text() == text
    assert box.envelopes[0].smtp_utf8 is False
    assert box.envelopes[0].mail_options == []


@pytest.mark.parametrize("at_rcpt", [False, True])
async def test_a_refused_helo_name_is_reported(at_rcpt: bool) -> None:
    """Half of the servers wait with it until the recipient, whose fault it then seems to be."""
    async with mail_server(Mailbox(needs_dotted_name=True, at_recipient_only=at_rcpt)) as box:
        bad = await send_mail(account(box.port, helo="bastion"), MESSAGE, NOW)
        good = await send_mail(account(box.port, helo="mfa.acme.example"), MESSAGE, NOW)
        default = await send_mail(account(box.port), MESSAGE, NOW)
    assert bad.result is Result.FAILED
    assert "our greeting name, bastion" in bad.problem
    assert "504 5.5.2" in bad.problem
    assert "recipient" not in bad.problem
    assert (good.result, default.result) == (Result.SENT, Result.SENT)
    assert box.greeted[-1].count(".") >= 1


async def test_the_helo_name_is_the_host_name_or_the_senders_domain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for own, name in (
        ("mfa01.acme.example", "mfa01.acme.example"),
        ("bastion", "acme.example"),
        ("a b", "acme.example"),
    ):
        monkeypatch.setattr("socket.gethostname", lambda own=own: own)
        assert account(1).greeting == name
    assert account(1, helo="bastion").greeting == "bastion"
