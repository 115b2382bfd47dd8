"""Streams of the audit to real receivers: everything arrives, in order and signed, and a dead receiver harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.delivery.streams import webhook as requests
from secconsole.delivery.streams.line import TlsLine
from secconsole.delivery.streams.receiver import UNREACHABLE
from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.networks.reach import MAIL_PORTS, Reach, parse_networks
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ShowAuditHead
from secconsole.operations.audit_streams import (
    AddAuditStream,
    AuditStream,
    ListAuditStreams,
    StreamState,
    StreamTest,
    TestAuditStream,
)
from secconsole.operations.tenants import CreateTenant
from secconsole.service.streams import sending, worker
from secconsole.store.schema import audit, audit_streams
from tests.delivery.stream_receivers import (
    bare_receiver,
    killed_receiver,
    tls_syslog,
    unix_datagrams,
    unix_stream,
    verified,
    webhook,
)
from tests.organisation import TENANT, Organisation, open_store, organisation_in
from tests.server.certificates import make_certificate


@pytest_asyncio.fixture
async def organisation(home: Path) -> AsyncIterator[Organisation]:
    async with organisation_in(home) as made:
        yield made


async def add(organisation: Organisation, kind: StreamKind, to: str, name: str = "siem", **more: object) -> str:
    """Add a stream, and return the secret of a webhook."""
    added = await organisation.perform(
        AddAuditStream(tenant=TENANT, name=name, kind=kind, to=to, **more)  # type: ignore[arg-type]
    )
    await organisation.backend.stream_worker.wait_idle()
    return added.secret.reveal() if added.secret else ""


async def send(organisation: Organisation) -> None:
    """Let the worker of the organisation's process send what is due."""
    organisation.backend.stream_worker.wake()
    await organisation.backend.stream_worker.wait_idle()


async def streams(organisation: Organisation) -> dict[str, AuditStream]:
    return {one.name: one for one in (await organisation.perform(ListAuditStreams(tenant=TENANT))).items}


async def newest(organisation: Organisation) -> int:
    return (await organisation.perform(ShowAuditHead(tenant=TENANT))).items[0].seq


async def macs(organisation: Organisation) -> dict[int, str]:
    def look(connection: sa.Connection) -> dict[int, str]:
        return {seq: mac.hex() for seq, mac in connection.execute(sa.select(audit.c.seq, audit.c.mac))}

    return await asyncio.wrap_future(organisation.backend.store.read(look))


async def test_a_stream_over_tls_brings_every_entry_with_its_number_and_mac(
    organisation: Organisation, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path / "tls", 1)
    async with tls_syslog(certificate) as received:
        ca = certificate.chain.read_text()
        await add(organisation, StreamKind.SYSLOG_TLS, f"localhost:{received.port}", ca=ca, from_start=True)
        await organisation.add("ana", name='Ana "]\\ Králová')
        await send(organisation)
        count = await newest(organisation)
        assert received.seqs == list(range(1, count + 1))
        stored = await macs(organisation)
        assert {int(one["seq"]): one["mac"] for one in received.params} == stored
        created = received.params[-1]
        assert (created["action"], created["target"], created["tenant"]) == ("user.created", "ana", TENANT)
        assert received.messages[-1].startswith(b"<110>1 2027-01-15T08:00:00.000Z ")
        (one,) = (await streams(organisation)).values()
        assert (one.state, one.behind, one.sent, one.problem) == (StreamState.CURRENT, 0, count, "")


async def test_a_stream_begins_with_its_own_entry(organisation: Organisation, tmp_path: Path) -> None:
    async with unix_datagrams(tmp_path / "log") as received:
        await add(organisation, StreamKind.SYSLOG_UNIX, str(tmp_path / "log"))
        await asyncio.sleep(0)
        assert [one["action"] for one in received.params] == ["audit.stream-added"]


async def test_a_stream_socket_gets_lines(organisation: Organisation, tmp_path: Path) -> None:
    async with unix_stream(tmp_path / "log") as received:
        await add(organisation, StreamKind.SYSLOG_UNIX, str(tmp_path / "log"), from_start=True)
        assert received.seqs == list(range(1, await newest(organisation) + 1))


async def test_a_webhook_is_signed_and_keeps_its_ids_when_it_comes_again(organisation: Organisation) -> None:
    def answer(number: int) -> bytes:  # the second entry is refused once
        bad = b"HTTP/1.1 503 Busy\r\ncontent-length: 6\r\n\r\nsecret"
        return bad if number == 2 else b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    async with webhook(answer) as received:
        url = f"http://127.0.0.1:{received.port}/hooks/token"
        secret = await add(organisation, StreamKind.WEBHOOK, url)
        await organisation.add("ana")
        await send(organisation)
        one = (await streams(organisation))["siem"]
        assert one.to == f"http://127.0.0.1:{received.port}/…"  # the path may be a secret
        assert (one.state, one.behind) == (StreamState.FAILING, 1)
        assert one.problem == "The receiver did not take an entry (HTTP 503)."
        await send(organisation)
        assert len(received.requests) == 2  # it rests first
        organisation.clock.forward(seconds=3)
        await send(organisation)
        found = [verified(secret, headers, body) for headers, body in received.requests]
        assert [one["data"]["action"] for one in found] == ["audit.stream-added", "user.created", "user.created"]
        ids = [headers["webhook-id"] for headers, _ in received.requests]
        assert ids == [one["data"]["id"] for one in found]
        assert ids[1] == ids[2]
        assert {headers[":path"] for headers, _ in received.requests} == {"/hooks/token"}
        one = (await streams(organisation))["siem"]
        assert (one.state, one.problem, one.failures) == (StreamState.CURRENT, "", 0)


async def test_a_receiver_that_was_away_gets_everything_afterwards(organisation: Organisation, tmp_path: Path) -> None:
    path = tmp_path / "log"
    await add(organisation, StreamKind.SYSLOG_UNIX, str(path))
    for number in range(5):
        await organisation.add(f"u{number}")
    await send(organisation)
    one = (await streams(organisation))["siem"]
    assert (one.state, one.behind) == (StreamState.FAILING, 6)
    assert one.behind_since is not None
    assert one.next_try is not None
    assert one.problem == "There is no socket at that path, or it does not accept messages."
    async with unix_stream(path) as received:
        organisation.clock.forward(minutes=11)
        await send(organisation)
        assert received.seqs == list(range(one.sent + 1, await newest(organisation) + 1))
    assert (await streams(organisation))["siem"].behind == 0


@pytest.mark.parametrize("tls", [False, True])
async def test_entries_count_as_received_only_once_the_receiver_ends_the_connection(
    organisation: Organisation, tmp_path: Path, tls: bool
) -> None:
    certificate = make_certificate(tmp_path / "tls", 1)
    with killed_receiver(certificate if tls else None, tmp_path / "log") as port:
        if tls:
            ca = certificate.chain.read_text()
            await add(organisation, StreamKind.SYSLOG_TLS, f"localhost:{port}", ca=ca)
        else:
            await add(organisation, StreamKind.SYSLOG_UNIX, str(tmp_path / "log"))
        one = (await streams(organisation))["siem"]
        assert (one.state, one.behind) == (StreamState.FAILING, 1)
        assert one.problem.startswith("The connection was interrupted")


@pytest.mark.parametrize("unacknowledged", [0, 1])
async def test_a_receiver_that_ends_tcp_alone_has_what_its_system_acknowledged(
    organisation: Organisation, tmp_path: Path, unacknowledged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if unacknowledged:
        monkeypatch.setattr(TlsLine, "_count_unacknowledged", lambda self: unacknowledged)
    certificate = make_certificate(tmp_path / "tls", 1)
    with bare_receiver(certificate) as port:
        ca = certificate.chain.read_text()
        await add(organisation, StreamKind.SYSLOG_TLS, f"localhost:{port}", ca=ca)
    one = (await streams(organisation))["siem"]
    assert (one.state, one.behind) == ((StreamState.FAILING, 1) if unacknowledged else (StreamState.CURRENT, 0))


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_receiver_may_demand_a_certificate(organisation: Organisation, tmp_path: Path, trusted: bool) -> None:
    own, ours = make_certificate(tmp_path / "own", 1), make_certificate(tmp_path / "ours", 2)
    async with tls_syslog(own, client_ca=ours.chain if trusted else own.chain) as received:
        await add(
            organisation,
            StreamKind.SYSLOG_TLS,
            f"localhost:{received.port}",
            ca=own.chain.read_text(),
            certificate=ours.chain.read_text(),
            key=Secret(ours.key.read_text()),
        )
        assert len(received.messages) == (1 if trusted else 0)
        problem = (await streams(organisation))["siem"].problem
        assert problem == ("" if trusted else problem)
        assert bool(problem) is not trusted


async def test_a_certificate_of_another_name_or_authority_is_refused(
    organisation: Organisation, tmp_path: Path
) -> None:
    certificate, other = make_certificate(tmp_path / "tls", 1), make_certificate(tmp_path / "other", 2)
    async with tls_syslog(certificate) as received:
        ca = certificate.chain.read_text()
        await add(organisation, StreamKind.SYSLOG_TLS, f"127.0.0.1:{received.port}", "name", ca=ca)
        await add(
            organisation, StreamKind.SYSLOG_TLS, f"localhost:{received.port}", "authority", ca=other.chain.read_text()
        )
        assert {one.problem for one in (await streams(organisation)).values()} == {
            "The certificate of the receiver is not trusted, expired, or for another name."
        }
        assert received.messages == []


async def test_a_webhook_over_tls(organisation: Organisation, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "tls", 1)
    async with webhook(certificate=certificate) as received:
        ca = certificate.chain.read_text()
        url = f"https://localhost:{received.port}"
        secret = await add(organisation, StreamKind.WEBHOOK, url, ca=ca)
        assert [verified(secret, *one)["type"] for one in received.requests] == ["audit.entry"]


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 500 \x1b[31mhostile\x1b[0m\r\ncontent-length: 12\r\n\r\n\x1b[31mhostile",
        b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_the_text_of_a_hostile_answer_is_never_shown(
    organisation: Organisation, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "ANSWER", 0.3)  # some of them wait for more
    async with webhook(lambda number: answer) as received:
        await add(organisation, StreamKind.WEBHOOK, f"http://127.0.0.1:{received.port}/")
        one = (await streams(organisation))["siem"]
        assert (one.state, one.behind) == (StreamState.FAILING, 1)
        assert one.problem
        assert "hostile" not in one.problem
        assert "\x1b" not in one.problem
        assert "SSH" not in one.problem


async def test_an_endless_answer_ends_by_its_length(organisation: Organisation) -> None:
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    async with webhook(lambda number: endless + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 8) as received:
        await add(organisation, StreamKind.WEBHOOK, f"http://127.0.0.1:{received.port}/")
        assert (await streams(organisation))["siem"].state is StreamState.CURRENT


async def test_a_test_is_recognisable_and_its_outcome_shown(organisation: Organisation, tmp_path: Path) -> None:
    path = tmp_path / "log"
    await add(organisation, StreamKind.SYSLOG_UNIX, str(path))
    asked = await organisation.perform(TestAuditStream(tenant=TENANT, stream="SIEM"))
    assert asked.test is StreamTest.WAITING
    await organisation.backend.stream_worker.wait_idle()
    one = (await streams(organisation))["siem"]
    assert (one.test, one.test_problem[:18]) == (StreamTest.FAILED, "There is no socket")
    async with unix_stream(path) as received:
        organisation.clock.forward(seconds=1)
        await organisation.perform(TestAuditStream(tenant=TENANT, stream="siem"))
        await organisation.backend.stream_worker.wait_idle()
        assert (await streams(organisation))["siem"].test is StreamTest.PASSED
        assert received.params[0] == {"tenant": TENANT, "test": "siem"}
        assert len(received.seqs) == 3  # and what it was behind by


async def test_two_processes_send_each_entry_once(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sending.PORTIONS, StreamKind.SYSLOG_UNIX, 1)
    for number in range(30):
        await organisation.add(f"u{number}")
    other = await open_store(organisation.clock)
    try:
        async with unix_stream(tmp_path / "log") as received:
            await add(organisation, StreamKind.SYSLOG_UNIX, str(tmp_path / "log"), from_start=True)
            for backend in (organisation.backend, other):
                backend.stream_worker.wake()
            await asyncio.gather(organisation.backend.stream_worker.wait_idle(), other.stream_worker.wait_idle())
            assert received.seqs == list(range(1, await newest(organisation) + 1))
    finally:
        await other.close()


async def test_the_lease_of_a_process_that_is_gone_ends(organisation: Organisation, tmp_path: Path) -> None:
    def claim(connection: sa.Connection) -> None:
        ends = int(organisation.clock.now * 1000) + 90_000
        connection.execute(sa.update(audit_streams).values(holder="gone", lease_until=ends, due=0))

    async with unix_stream(tmp_path / "log") as received:
        await add(organisation, StreamKind.SYSLOG_UNIX, str(tmp_path / "log"))
        await organisation.add("ana")
        await asyncio.wrap_future(organisation.backend.store.write(claim))
        await send(organisation)
        assert len(received.seqs) == 1
        organisation.clock.forward(seconds=91)
        await send(organisation)
        assert len(received.seqs) == 2


async def test_a_dead_receiver_delays_neither_operations_nor_other_tenants(
    organisation: Organisation, tmp_path: Path
) -> None:
    asleep = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asleep.wait()  # never reads, and never answers
        writer.close()

    await organisation.perform(CreateTenant(name="other", admin="otto"))
    async with (
        await asyncio.start_unix_server(serve, tmp_path / "dead"),
        unix_stream(tmp_path / "log") as received,
    ):
        dead = AddAuditStream(tenant=TENANT, name="dead", kind=StreamKind.SYSLOG_UNIX, to=str(tmp_path / "dead"))
        await organisation.perform(dead)
        await organisation.add("ana")
        living = AddAuditStream(tenant="other", name="log", kind=StreamKind.SYSLOG_UNIX, to=str(tmp_path / "log"))
        await organisation.perform(living)
        while not received.messages:
            await asyncio.sleep(0.01)
        assert received.params[0]["tenant"] == "other"
        assert (await streams(organisation))["dead"].behind == 2
        asleep.set()
        await organisation.backend.stream_worker.wait_idle()


async def test_many_failing_streams_leave_room_for_others(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FAILING_AT_ONCE", 0)
    await add(organisation, StreamKind.SYSLOG_UNIX, str(tmp_path / "none"), "a")
    async with unix_stream(tmp_path / "log") as received:
        await add(organisation, StreamKind.SYSLOG_UNIX, str(tmp_path / "log"), "b")
        organisation.clock.forward(minutes=11)
        await organisation.add("ana")
        await send(organisation)
        assert len(received.seqs) == 2
        assert (await streams(organisation))["a"].failures == 1


@pytest.mark.parametrize("networks", [(), ("127.0.0.0/8",)])
async def test_the_address_of_a_name_is_checked_at_each_connection(
    organisation: Organisation, networks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CONNECT", 0.1)

    def as_by_a_tenant_admin(connection: sa.Connection) -> None:
        connection.execute(sa.update(audit_streams).values(anywhere=False))

    async with webhook() as received:
        await add(organisation, StreamKind.WEBHOOK, f"http://localhost:{received.port}/")
        await asyncio.wrap_future(organisation.backend.store.write(as_by_a_tenant_admin))
        organisation.backend.stream_worker._reach = Reach(
            networks=parse_networks(networks), ports=(*MAIL_PORTS, received.port)
        )
        await organisation.add("ana")
        await send(organisation)
        assert len(received.requests) == (2 if networks else 1)
        problem = (await streams(organisation))["siem"].problem
        assert problem == ("" if networks else UNREACHABLE)


async def test_a_closed_process_holds_no_stream(organisation: Organisation, tmp_path: Path) -> None:
    """A command ends while its worker claims the stream that it has just added."""
    wanted = AddAuditStream(tenant=TENANT, name="siem", kind=StreamKind.SYSLOG_UNIX, to=str(tmp_path / "log"))
    claim = worker.audit_streams.claim
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def claim_late(*args: object) -> object:
        loop.call_soon_threadsafe(began.set)
        return claim(*args)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.audit_streams, "claim", claim_late)
        await organisation.perform(wanted)
        await began.wait()
        await organisation.reopen()
    async with unix_stream(tmp_path / "log") as received:
        organisation.clock.forward(seconds=3)  # if it was tried already
        await send(organisation)
        assert len(received.seqs) == 1
