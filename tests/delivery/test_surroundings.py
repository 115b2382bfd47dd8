"""Unusable proxies and certificates in the environment are named, leave no message unsure, and are retried."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from secconsole.config.certificates import machine_trust
from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.delivery.smtp import SmtpAccount, send_mail
from secconsole.delivery.surroundings import unusable_proxy
from secconsole.delivery.twilio import TwilioAccount, send_sms
from secconsole.domain.errors import Unavailable
from secconsole.domain.messages.delivery import Tls
from secconsole.domain.secret import Secret
from tests.delivery.test_twilio import sent
from tests.delivery.twilio_fake import twilio_fake

PROXY_VARIABLES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXY_VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def to_the_world() -> DeliveryOutcome:
    """Return the result of a message to a Twilio on another machine, which does not answer."""
    account = TwilioAccount("AC" + "0" * 32, Secret("t"), "+15005550006", base_url="https://192.0.2.1", anywhere=True)
    return await send_sms(account, Message("+15005550009", "", Secret("Hello")), timeout=0.2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("all_proxy", "socks4a://127.0.0.1:9"),
        ("HTTPS_PROXY", "ftp://x"),
        ("HTTPS_PROXY", "http://[::1"),
        ("HTTPS_PROXY", "http://x:port"),
        ("https_proxy", "http://x:99999"),
        ("HTTPS_PROXY", " http://x:1"),
        ("HTTP_PROXY", "socks5://user:secret@127.0.0.1:9"),
    ],
)
async def test_an_unusable_proxy_is_named_and_the_outcome_is_certain(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    outcome = await to_the_world()
    assert outcome.result is Result.LATER
    assert outcome.problem.startswith(f"{name} ")
    assert "Nothing was sent" in outcome.problem
    assert "secret" not in outcome.problem


@pytest.mark.parametrize("entry", ["[::1]", "fe80::/10", "[fe80::1]"])
async def test_an_unusable_no_proxy_entry_is_named(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", f"localhost,{entry},.acme.example")
    outcome = await to_the_world()
    assert outcome.result is Result.LATER
    assert f"NO_PROXY contains the entry {entry}," in outcome.problem


@pytest.mark.parametrize(
    "entries", ["", "*", "localhost,127.0.0.1,::1", "10.0.0.0/8", ".acme.example,acme.example:8080"]
)
def test_usable_settings_are_not_reported(entries: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", entries)
    assert unusable_proxy() == ""


async def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")
    async with twilio_fake() as fake:
        assert (await sent(fake)).result is Result.SENT


@pytest.mark.parametrize("content", [None, b"", b"no certificate\n"])
def test_an_unusable_certificate_file_is_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(Unavailable, match=f"SSL_CERT_FILE names {path}, but it "):
        machine_trust()


def test_a_usable_certificate_file_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import certifi

    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert isinstance(machine_trust(), ssl.SSLContext)


async def test_missing_certificates_leave_no_uncertain_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    mail = SmtpAccount("mx.acme.example", 465, Tls.TLS, "mfa@acme.example")
    message = Message("ana@acme.example", "Hello", Secret("Hello"))
    for outcome in (await to_the_world(), await send_mail(mail, message, datetime.now(UTC), timeout=0.2)):
        assert outcome.result is Result.LATER
        assert "SSL_CERT_FILE names /nonexistent.pem" in outcome.problem


async def test_a_silent_proxy_leaves_no_uncertain_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert (await to_the_world()).result is Result.LATER
