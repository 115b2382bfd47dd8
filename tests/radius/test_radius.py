"""Sign-ins by RADIUS, asked for by packets over UDP and by radclient, on a real store."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from pyrad.packet import AuthPacket

from secconsole.backends.http import HttpBackend
from secconsole.config.radius_clients import RadiusClient, RadiusClients, load_clients
from secconsole.domain.errors import Unavailable
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer
from secconsole.operations.policy import SetPolicy
from secconsole.operations.secret_keys import CreateSecretKey
from secconsole.operations.sessions import ListSessions
from secconsole.operations.user_changes import DisableUser
from secconsole.radius.conversation import Perform
from secconsole.radius.packets import load_dictionary
from secconsole.radius.pending import WAITS
from secconsole.radius.server import PER_USER, RadiusServer, listen
from tests.delivery.post import post_for
from tests.organisation import PASSWORD, SOCKET, TENANT, Organisation, organisation_in, server_of

SECRET = "a shared secret of some length"
ACCEPT, REJECT, CHALLENGE = 2, 3, 11
LOOPBACK = (ip_network("127.0.0.1"),)
VPN = RadiusClient("vpn", LOOPBACK, Secret(SECRET))
RIGHT = PASSWORD.reveal()
NEEDS_RADCLIENT = pytest.mark.skipif(shutil.which("radclient") is None, reason="radclient is not installed")


class Moving:
    """A monotonic clock that only tests move."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answer:
    code: int
    message: str
    state: bytes | None


class Gateway(asyncio.DatagramProtocol):
    """A network device that asks one server."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received.put_nowait(data)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.sendto(data)


@dataclass
class Front:
    """A RADIUS server on a free port of this machine, with one device in front of it."""

    server: RadiusServer
    port: int
    gateway: Gateway
    clock: Moving

    def packet(
        self, user: str, password: str, state: bytes | None = None, *, signed: bool = True, secret: str = SECRET
    ) -> AuthPacket:
        made = AuthPacket(code=1, secret=secret.encode(), dict=load_dictionary())
        if signed:
            made.add_message_authenticator()
        made.AddAttribute("User-Name", user)
        made.AddAttribute("User-Password", made.PwCrypt(password))
        if state is not None:
            made.AddAttribute("State", state)
        return made

    async def reply_to(self, packet: AuthPacket, raw: bytes | None = None) -> Answer:
        """Send a packet and check the authenticators of its reply."""
        self.gateway.send(raw or packet.RequestPacket())
        data = await asyncio.wait_for(self.gateway.received.get(), 20)
        reply = packet.CreateReply(packet=data)
        assert packet.VerifyReply(reply, data, enforce_ma=True)
        assert data[20] == 80  # before everything that a forger could shift
        message = reply["Reply-Message"][0] if "Reply-Message" in reply else ""
        return Answer(reply.code, message, reply["State"][0] if "State" in reply else None)

    async def ask(self, user: str, password: str, state: bytes | None = None) -> Answer:
        return await self.reply_to(self.packet(user, password, state))

    def ignored(self, reason: str) -> float:
        """Return how often a packet got no answer for a reason."""
        found = self.server.metrics.registry.get_sample_value("secconsole_radius_ignored_total", {"reason": reason})
        return found or 0.0

    async def is_silent(self, data: bytes, reason: str) -> bool:
        """Send a packet and wait until it was ignored for a reason."""
        before = self.ignored(reason)
        self.gateway.send(data)
        async with asyncio.timeout(20):
            while self.ignored(reason) == before:
                await asyncio.sleep(0.01)
        return self.gateway.received.empty()


@asynccontextmanager
async def front_of(perform: Perform, *clients: RadiusClient) -> AsyncIterator[Front]:
    clock = Moving()
    server = RadiusServer(perform, TENANT, RadiusClients(clients or (VPN,)), clock=clock)
    _, port = await listen(server, "127.0.0.1", 0)
    _, gateway = await asyncio.get_running_loop().create_datagram_endpoint(Gateway, remote_addr=("127.0.0.1", port))
    try:
        yield Front(server, port, gateway, clock)
    finally:
        await server.close()
        assert gateway.transport is not None
        gateway.transport.close()


@pytest_asyncio.fixture
async def organisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Organisation]:
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "home"))
    async with organisation_in(tmp_path / "home") as made:
        await made.add("ana", email="ana@acme.example")
        yield made


@pytest_asyncio.fixture
async def front(organisation: Organisation) -> AsyncIterator[Front]:
    async with front_of(organisation.perform) as made:
        yield made


async def test_a_password_and_then_a_code_are_accepted_without_a_session(
    front: Front, organisation: Organisation
) -> None:
    await organisation.bind("ana")
    asked = await front.ask("ana", RIGHT)
    assert (asked.code, asked.message) == (CHALLENGE, "Code from your authenticator app:")
    code = organisation.code("ana").reveal()
    assert (await front.ask("ana", code, asked.state)).code == ACCEPT
    assert (await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items == ()
    (done, _) = (await organisation.perform(ListAudit(tenant=TENANT, action="sign-in"))).items
    assert (done.outcome, done.details["client"]) == ("done", "127.0.0.1")


async def test_a_state_works_once_for_its_user_through_its_client(front: Front, organisation: Organisation) -> None:
    await organisation.bind("ana")
    await organisation.add("ben")
    code = organisation.code("ana").reveal()
    for user in ("ana", "ben"):
        asked = await front.ask("ana", RIGHT)
        first = await front.ask(user, "000000", asked.state)
        assert first.code == (CHALLENGE if user == "ana" else REJECT)
        assert (await front.ask("ana", code, asked.state)).code == REJECT
    assert (await front.ask("ana", code, os.urandom(32))).code == REJECT
    asked = await front.ask("ana", RIGHT)
    front.clock.now += WAITS + 1
    assert (await front.ask("ana", code, asked.state)).code == REJECT


async def test_a_wrong_code_is_asked_again_with_a_new_state_until_the_challenge_ends(
    front: Front, organisation: Organisation
) -> None:
    await organisation.bind("ana")
    asked = await front.ask("ana", RIGHT)
    states = {asked.state}
    for _ in range(3):
        asked = await front.ask("ana", "000000", asked.state)
        assert asked.code == CHALLENGE
        states.add(asked.state)
    assert len(states) == 4
    assert (await front.ask("ana", organisation.code("ana").reveal(), asked.state)).code == ACCEPT


async def test_wrong_passwords_and_unknown_users_get_the_same_words(front: Front, organisation: Organisation) -> None:
    wrong, unknown = await front.ask("ana", "not that one"), await front.ask("nobody", RIGHT)
    assert (wrong.code, wrong.message) == (unknown.code, unknown.message) == (REJECT, wrong.message)
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    assert (await front.ask("ana", RIGHT)).message == wrong.message
    assert (await front.ask("a" * 200, RIGHT)).code == REJECT


async def test_nobody_binds_by_radius(front: Front, organisation: Organisation) -> None:
    assert (await front.ask("ana", RIGHT)).code == ACCEPT
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await front.ask("ana", RIGHT)
    assert (answer.code, answer.state) == (REJECT, None)
    assert "in the console or by SSH" in answer.message


async def test_a_chosen_address_is_sent_a_code_whose_letters_are_in_the_prompt(
    front: Front, organisation: Organisation
) -> None:
    async with post_for(organisation) as post:
        await post.set_up()
        await post.bind("ana", FactorKind.EMAIL, "ana@acme.example")
        await organisation.bind("ana")
        organisation.clock.forward(seconds=120)
        asked = await front.ask("ana", RIGHT)
        assert asked.message == "Code from your authenticator app, or 1 to send one to a•••@acme.example:"
        refused = await front.ask("ana", "2", asked.state)
        assert refused.code == CHALLENGE
        sent = await front.ask("ana", "1", refused.state)
        code = await post.mailed()
        letters = re.search(r"Code \(([A-Z]{4})\):$", sent.message)
        assert letters is not None
        assert f"{letters[1]}-{code.reveal()}" in post.mailbox.text()
        assert (await front.ask("ana", code.reveal(), sent.state)).code == ACCEPT


async def test_packets_that_prove_nothing_get_no_answer(front: Front) -> None:
    unsigned = front.packet("ana", RIGHT, signed=False).RequestPacket()
    assert await front.is_silent(unsigned, "no-authenticator")
    assert await front.is_silent(
        front.packet("ana", RIGHT, secret="another secret").RequestPacket(), "wrong-authenticator"
    )
    right = front.packet("ana", RIGHT).RequestPacket()
    assert await front.is_silent(right[:-1] + bytes([right[-1] ^ 1]), "wrong-authenticator")
    assert await front.is_silent(right[:30], "malformed")
    assert await front.is_silent(b"\x01" * 19, "not-a-request")
    assert await front.is_silent(b"\x04" + right[1:], "not-a-request")
    assert (await front.ask("ana", RIGHT)).code == ACCEPT


async def test_a_client_without_an_authenticator_has_to_be_named(organisation: Organisation) -> None:
    old = RadiusClient("old", LOOPBACK, Secret(SECRET), is_strict=False)
    async with front_of(organisation.perform, old) as front:
        assert (await front.reply_to(front.packet("ana", RIGHT, signed=False))).code == ACCEPT
        wrong = front.packet("ana", RIGHT, secret="another secret").RequestPacket()
        assert await front.is_silent(wrong, "wrong-authenticator")
    assert "CVE-2024-3596" in RadiusClients((old,)).warnings()[0]


async def test_unknown_clients_get_no_answer(organisation: Organisation) -> None:
    elsewhere = RadiusClient("vpn", (ip_network("192.0.2.0/24"),), Secret(SECRET))
    async with front_of(organisation.perform, elsewhere) as front:
        assert await front.is_silent(front.packet("ana", RIGHT).RequestPacket(), "unknown-client")


async def test_a_repeated_packet_gets_the_same_reply_and_is_performed_once(
    front: Front, organisation: Organisation
) -> None:
    await organisation.bind("ana")
    packet = front.packet("ana", RIGHT)
    raw = packet.RequestPacket()
    first, second = await front.reply_to(packet, raw), await front.reply_to(packet, raw)
    assert first == second
    begun = (await organisation.perform(ListAudit(tenant=TENANT, action="sign-in"))).items
    assert len(begun) == 1


async def test_a_user_can_be_tried_so_often_and_others_go_on(front: Front, organisation: Organisation) -> None:
    await organisation.add("ben")
    for _ in range(PER_USER.burst):
        await front.ask("ana", "not that one")
    assert await front.is_silent(front.packet("Ana", RIGHT).RequestPacket(), "too-many-of-user")
    assert (await front.ask("ben", RIGHT)).code == ACCEPT


async def test_it_is_silent_while_the_store_is_away_and_a_repetition_is_a_new_attempt(
    organisation: Organisation,
) -> None:
    is_away = True

    async def perform(operation: object) -> object:
        if is_away:
            raise Unavailable("The server does not answer.")
        return await organisation.perform(operation)  # type: ignore[arg-type]

    async with front_of(perform) as front:
        packet = front.packet("ana", RIGHT)
        raw = packet.RequestPacket()
        assert await front.is_silent(raw, "unavailable")
        is_away = False
        assert (await front.reply_to(packet, raw)).code == ACCEPT


async def test_it_acts_on_a_server_with_a_secret_key_that_the_audit_names(organisation: Organisation) -> None:
    await organisation.bind("ana")
    create = CreateSecretKey(tenant=TENANT, name="vpn gateway", scopes=(Scope.CHALLENGE,))
    key = Bearer((await organisation.perform(create)).key)
    async with server_of(organisation):
        backend = HttpBackend(f"unix:{organisation.home / SOCKET}", key)
        try:
            async with front_of(backend.perform) as front:
                asked = await front.ask("ana", RIGHT)
                assert (await front.ask("ana", organisation.code("ana").reveal(), asked.state)).code == ACCEPT
        finally:
            await backend.close()
    (done, begun) = (await organisation.perform(ListAudit(tenant=TENANT, action="sign-in"))).items
    for entry in (done, begun):
        assert (entry.details["application"], entry.details["client"]) == ("vpn gateway", "127.0.0.1")


@NEEDS_RADCLIENT
async def test_radclient_signs_in(front: Front, organisation: Organisation) -> None:
    await organisation.bind("ana")

    async def ask(*lines: str) -> str:
        command = ("radclient", "-x", "-r", "1", "-t", "10", f"127.0.0.1:{front.port}", "auth", SECRET)
        text = "\n".join((*lines, "Message-Authenticator = 0x00", ""))
        done = await asyncio.to_thread(
            subprocess.run, command, input=text, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    first = await ask('User-Name = "ana"', f'User-Password = "{RIGHT}"')
    state = re.search(r"State = (0x[0-9a-f]+)", first)
    assert "Access-Challenge" in first, first
    assert state is not None
    code = organisation.code("ana").reveal()
    again = ('User-Name = "ana"', f'User-Password = "{code}"', f"State = {state[1]}")
    assert "Received Access-Accept" in await ask(*again)
    assert "Received Access-Reject" in await ask(*again)


GOOD = '[[client]]\nname = "vpn"\nnetworks = ["192.0.2.0/24"]\nsecret = "sixteen characters"\n'


def clients_in(path: Path, text: str, mode: int = 0o600) -> RadiusClients:
    path.write_text(text)
    path.chmod(mode)
    return load_clients(path)


def test_the_narrowest_network_names_the_client(tmp_path: Path) -> None:
    one = GOOD.replace("vpn", "one").replace("192.0.2.0/24", "192.0.2.7")
    found = clients_in(tmp_path / "clients.toml", GOOD + one)
    names = [
        client.name if (client := found.find(address)) else "" for address in ("192.0.2.7", "192.0.2.8", "10.0.0.1")
    ]
    assert names == ["one", "vpn", ""]
    mapped = found.find("::ffff:192.0.2.7")
    assert mapped is not None
    assert mapped.name == "one"
    assert not found.warnings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "client"),
        ("[[client]]\n", "needs name"),
        (GOOD.replace("sixteen characters", "short"), "16 characters"),
        (GOOD.replace("192.0.2.0/24", "192.0.2.1/24"), "host bits"),
        (GOOD + "require_message_authenticator = 0\n", "true or false"),
        (GOOD + "require_message_autenticator = false\n", "may have"),
        (GOOD + GOOD, "same name"),
        (GOOD + GOOD.replace("vpn", "two"), "same network"),
        ("client = 1", "tables"),
        ("[", "TOML"),
    ],
)
def test_a_wrong_clients_file_is_refused_without_its_secrets(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words) as refused:
        clients_in(tmp_path / "clients.toml", text)
    assert "sixteen" not in str(refused.value)


def test_a_clients_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="chmod 600"):
        clients_in(tmp_path / "clients.toml", GOOD, 0o640)
