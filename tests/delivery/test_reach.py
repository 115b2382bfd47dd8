"""Mail settings cannot reach or probe networks that are not the tenant's, and all refusals read alike (A10)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.delivery.smtp import SmtpAccount, send_mail
from secconsole.domain.errors import Invalid, NotAllowed
from secconsole.domain.messages.delivery import SettingsState, Tls
from secconsole.domain.model import FactorKind
from secconsole.domain.networks.reach import PUBLIC, Reach, parse_networks
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, ShowDelivery, TryDelivery
from tests.delivery.mail_server import mail_server
from tests.delivery.post import Post, digits_in, post_for
from tests.organisation import TENANT, organisation_in
from tests.server.certificates import make_certificate

NOW = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
MESSAGE = Message("ana@acme.example", "Code", Secret("XYWD-581883"))
HERE = parse_networks(["127.0.0.0/8"])
WAIT = 0.3  # seconds for a greeting


def listed(port: int) -> Reach:
    """Return the reach of an owner who lists this machine and a port."""
    return Reach(networks=HERE, ports=(port,))


async def send(host: str, port: int, reach: Reach, tls: Tls = Tls.NONE) -> DeliveryOutcome:
    account = SmtpAccount(host, port, tls, "mfa@acme.example", helo="mfa.acme.example", reach=reach)
    return await send_mail(account, MESSAGE, NOW, timeout=5, reach=WAIT)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listener(talk: Talk) -> AsyncIterator[int]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(first: bytes, then: bytes = b"") -> Talk:
    """Return a server of another protocol, with a greeting and an answer to each line."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while then and await reader.readline():
            writer.write(then)
        if not then:
            await reader.read(1)
        writer.close()

    return talk


async def test_every_failure_to_reach_a_mail_server_has_the_same_message(tmp_path: Path) -> None:
    """Refused, silent, closed at once, SSH, HTTP, FTP, plain text instead of TLS, and an unresolvable name."""
    files = make_certificate(tmp_path / "unknown", 1)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.chain, files.key)
    found: list[DeliveryOutcome] = []
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]  # bound, but not listening
        found.append(await send("127.0.0.1", port, listed(port)))
    for talk in (
        saying(b""),
        saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
        saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        saying(b"220 FTP ready\r\n", b"530 Please login\r\n"),
        saying(b"220 news\r\n", b"500 What?\r\n"),
        saying(b"554 no\r\n"),
        saying(b"x" * 100_000),
    ):
        async with listener(talk) as port:
            found.append(await send("127.0.0.1", port, listed(port)))
            found.append(await send("127.0.0.1", port, listed(port), Tls.TLS))
    async with mail_server() as box, mail_server(tls=tls, at_once=True) as encrypted:
        found.append(await send("127.0.0.1", box.port, listed(box.port), Tls.TLS))
        found.append(await send("127.0.0.1", box.port, Reach(networks=HERE)))  # a port that is not listed
        found.append(await send("127.0.0.1", box.port, PUBLIC))
        found.append(await send("localhost", box.port, PUBLIC))
        found.append(await send("127.0.0.1", encrypted.port, listed(encrypted.port), Tls.TLS))  # not trusted
        found.append(await send("no-such-host.invalid", 25, PUBLIC))
        assert (box.mails, box.greeted, encrypted.mails) == ([], [], [])
    assert set(found) == {found[0]}
    assert found[0].result is Result.LATER


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "::ffff:127.0.0.1"])
async def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    async with mail_server() as box:
        outcome = await send(host, box.port, Reach(ports=(box.port,)))
    assert (outcome.result, box.greeted) == (Result.LATER, [])


async def test_an_unreachable_server_takes_the_same_time_for_any_reason() -> None:
    """A closed port answers at once, but the caller learns of it no sooner than of a silent one."""
    loop = asyncio.get_running_loop()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        for reach in (listed(port), PUBLIC):
            began = loop.time()
            await send("127.0.0.1", port, reach)
            assert loop.time() - began >= WAIT - 0.01


async def test_the_checked_address_is_the_connected_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer leads elsewhere, and is never asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    async with mail_server() as allowed, mail_server() as other:

        def answers(host: str, port: int, *args: object, **named: object) -> object:
            if host != "mail.evil.example":
                return real(host, port, *args, **named)  # type: ignore[arg-type]
            asked.append(host)
            to = allowed.port if len(asked) == 1 else other.port
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", to))]

        monkeypatch.setattr(socket, "getaddrinfo", answers)
        outcome = await send("mail.evil.example", 25, Reach(networks=HERE))
    assert (outcome.result, len(asked), len(allowed.mails), other.greeted) == (Result.SENT, 1, 1, [])


async def test_only_allowed_addresses_of_a_host_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with mail_server() as box:

        def answers(host: str, port: int, *args: object, **named: object) -> object:
            made = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*made, ("127.0.0.2", box.port)), (*made, ("127.0.0.1", box.port))]

        monkeypatch.setattr(socket, "getaddrinfo", answers)
        both = Reach(networks=parse_networks(["127.0.0.0/30"]), ports=(box.port,))
        only = Reach(networks=parse_networks(["127.0.0.1"]), ports=(box.port,))
        for reach in (both, only):
            assert (await send("mail.acme.example", box.port, reach)).result is Result.SENT


# ---- who set them is on record, and what they lead to is checked at each send ----------------------------------------


@pytest.fixture(params=["sqlite", "postgres"])
async def post(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    async with organisation_in(home, postgres=postgres) as organisation, post_for(organisation) as made:
        yield made


def allow(home: Path, networks: str, port: int) -> None:
    """The owner lists networks and a port in config.toml of the server."""
    path = home / "config.toml"
    path.write_text(f"delivery_networks = {networks}\ndelivery_ports = [25, {port}]\n")
    path.chmod(0o600)


async def newest_problem(post: Post) -> str:
    return (await post.organisation.perform(ShowDelivery(tenant=TENANT))).recent[0].problem


async def test_b10_settings_of_a_tenant_administrator_reach_only_allowed_networks(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secconsole.delivery.smtp.send_mail.__kwdefaults__", {"timeout": 5.0, "reach": 0.3})
    organisation, port = post.organisation, post.mailbox.port
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    named = SetSmtp(tenant=TENANT, host="localhost.acme.example", port=port, sender="mfa@acme.example", tls=Tls.NONE)
    with pytest.raises(NotAllowed, match="a port other than 25, 465, 587, 2525"):
        await organisation.perform(named, tina)
    allow(organisation.home, "[]", port)
    await organisation.reopen()
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *args, **more: real(str(host).removesuffix(".acme.example"), *args, **more)
    )
    await organisation.perform(named, tina)  # a name shows only when it is looked up
    test = TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="tina@acme.example")
    await organisation.perform(test, tina)
    await post.wait_idle()
    assert post.mailbox.greeted == []
    assert "The mail server cannot be reached" in await newest_problem(post)

    allow(organisation.home, '["127.0.0.0/8", "::1"]', port)
    await organisation.reopen()
    organisation.clock.forward(seconds=30)
    await post.wait_idle()
    code = digits_in(post.mailbox.text())
    assert (await organisation.perform(ConfirmDelivery(tenant=TENANT, code=code), tina)).accepted

    allow(organisation.home, "[]", port)  # taken back: what is in effect is not sent with any more
    await organisation.reopen()
    organisation.clock.forward(seconds=30)
    mails = len(post.mailbox.mails)
    await organisation.perform(test, tina)
    await post.wait_idle()
    assert len(post.mailbox.mails) == mails
    assert "The mail server cannot be reached" in await newest_problem(post)


async def test_b10_settings_of_a_platform_administrator_reach_any_address_in_every_test(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    here = SetSmtp(tenant=TENANT, host="127.0.0.1", port=post.mailbox.port, sender="mfa@acme.example")
    await organisation.perform(here)
    await organisation.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="tina@acme.example"), tina)
    assert (await organisation.perform(ConfirmDelivery(tenant=TENANT, code=await post.mailed()), tina)).accepted
    shown = await organisation.perform(ShowDelivery(tenant=TENANT), tina)
    assert [one.state for one in shown.smtp] == [SettingsState.ACTIVE]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "[fd00::1]", "localhost", "0.0.0.0"]
)
async def test_b10_an_address_that_is_not_public_is_refused_when_it_is_set(post: Post, host: str) -> None:
    organisation = post.organisation
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    settings = SetSmtp(tenant=TENANT, host=host, sender="mfa@acme.example")
    with pytest.raises(NotAllowed, match="delivery_networks"):
        await organisation.perform(settings, tina)
    assert (await organisation.perform(settings)).host == host.strip("[]")


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1."])
async def test_b10_an_address_in_another_spelling_is_refused_to_all(post: Post, host: str) -> None:
    with pytest.raises(Invalid, match=r"usual form|name or address"):
        await post.organisation.perform(SetSmtp(tenant=TENANT, host=host, sender="mfa@acme.example"))
