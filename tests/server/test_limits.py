"""Slow, greedy and broken clients occupy a connection for a while, and do not affect others."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from secconsole.server.app import make_app
from secconsole.server.metrics import Metrics
from secconsole.server.transport.admission import Admission
from secconsole.server.transport.limits import TOLD, Limits
from secconsole.server.transport.listen import close_doors, open_doors, parse_listen
from secconsole.server.transport.running import ApiServer
from tests.organisation import PASSWORD, TENANT, Organisation

QUICK = Limits(head=0.1, body=0.1)
SIGN_IN = json.dumps({"login": "root", "password": PASSWORD.reveal()}).encode()
HEAD = (
    f"POST /v1/tenants/{TENANT}/sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    f"content-length: {len(SIGN_IN)}\r\n\r\n"
).encode()
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, str]:
        """The status, and the code of the problem if it is one."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
        body = await self.reader.readexactly(int(fields["content-length"]))
        problem = fields["content-type"] == "application/problem+json"
        return int(head.split()[1]), json.loads(body)["code"] if problem else ""

    async def is_hung_up_on(self) -> bool:
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True


@dataclass
class Server:
    path: Path
    metrics: Metrics
    server: ApiServer

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)


@asynccontextmanager
async def serving(organisation: Organisation, limits: Limits) -> AsyncIterator[Server]:
    path = organisation.home / "limited.sock"
    doors = open_doors((parse_listen(f"unix:{path}"),))
    opened, metrics = asyncio.Event(), Metrics()
    server = ApiServer(make_app(organisation.backend, metrics=metrics), doors, None, limits, opened.set)
    running = asyncio.create_task(server.serve())
    try:
        await opened.wait()
        yield Server(path, metrics, server)
    finally:
        server.should_exit = True
        await running
        close_doors(doors)


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET", b"GET / HTTP/1.1\r\nhost", HEAD[:-2]])
async def test_a_missing_head_times_out(organisation: Organisation, begun: bytes) -> None:
    async with serving(organisation, QUICK) as server, server.client() as client:
        client.send(begun)
        assert await client.answer() == (408, "too-slow")
        assert await client.is_hung_up_on()


async def test_a_head_sent_byte_by_byte_gains_no_time(organisation: Organisation) -> None:
    async with serving(organisation, QUICK) as server, server.client() as client:
        waiting = asyncio.ensure_future(client.answer())
        line = client.writer.get_extra_info("socket").fileno()
        for byte in HEAD * 100:
            if waiting.done():
                break
            with suppress(BrokenPipeError):  # it may close at any byte, after which the writer would miss its answer
                os.write(line, bytes([byte]))
            await asyncio.wait((waiting,), timeout=0.005)
        assert await waiting == (408, "too-slow")


async def test_a_missing_body_times_out(organisation: Organisation) -> None:
    async with serving(organisation, QUICK) as server:
        async with server.client() as client:
            client.send(HEAD + SIGN_IN[:5])
            assert await client.answer() == (408, "too-slow")
            assert await client.is_hung_up_on()
        assert 'operation="sign-in",status="408"' in server.metrics.text()


async def test_an_unexpected_body(organisation: Organisation) -> None:
    async with serving(organisation, QUICK) as server, server.client() as client:
        client.send(HEALTH.replace(b"\r\n\r\n", b"\r\ncontent-length: 1000000\r\n\r\nx"))
        assert (await client.answer())[0] == 200
        assert await client.is_hung_up_on()


async def test_the_next_request_has_its_own_time(organisation: Organisation) -> None:
    async with serving(organisation, QUICK) as server, server.client() as client:
        for _ in range(2):
            client.send(HEAD + SIGN_IN)
            assert await client.answer() == (200, "")
        client.send(HEALTH[:10])
        assert await client.answer() == (408, "too-slow")


async def test_an_answer_takes_as_long_as_it_takes(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits apply to the client's time, not to ours after the whole request has arrived."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    perform = organisation.backend.perform_as

    async def slow(*args: object) -> object:
        asked.set()
        await go_on.wait()
        return await perform(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(organisation.backend, "perform_as", slow)
    async with serving(organisation, QUICK) as server, server.client() as client, server.client() as other:
        client.send(HEAD + SIGN_IN)
        await asked.wait()
        other.send(HEALTH[:10])
        assert await other.answer() == (408, "too-slow")  # so that much time went by
        go_on.set()
        assert await client.answer() == (200, "")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz?" + b"x" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 40_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"x: y\r\n" * 8_000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 500_000,
    ],
)
async def test_a_head_that_is_too_long(organisation: Organisation, head: bytes) -> None:
    async with serving(organisation, Limits()) as server, server.client() as client:
        client.send(head)
        assert await client.answer() == (431, "headers-too-large")


async def test_data_after_a_chunked_body_is_not_buffered(organisation: Organisation) -> None:
    head = HEAD.replace(f"content-length: {len(SIGN_IN)}".encode(), b"transfer-encoding: chunked")
    whole = head + f"{len(SIGN_IN):x}\r\n".encode() + SIGN_IN + b"\r\n0\r\nx-request-id: late\r\n\r\n"
    async with serving(organisation, Limits()) as server:
        async with server.client() as client:
            client.send(whole)
            assert await client.answer() == (200, "")
        async with server.client() as client:
            client.send(whole[:-2] + b"x: " + b"y" * 600_000)
            assert (await client.answer())[0] in (200, 431)
            assert await client.is_hung_up_on()


async def test_pipelined_requests_are_answered_in_order(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second body cannot arrive during the first request, because the server does not read on."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    perform = organisation.backend.perform_as

    async def slow(*args: object) -> object:
        asked.set()
        await go_on.wait()
        return await perform(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(organisation.backend, "perform_as", slow)
    async with serving(organisation, QUICK) as server, server.client() as client, server.client() as other:
        client.send(HEAD + SIGN_IN + HEAD + SIGN_IN[:5])
        await asked.wait()
        other.send(HEAD + SIGN_IN[:5])
        assert await other.answer() == (408, "too-slow")  # so that much time went by
        client.send(SIGN_IN[5:])
        go_on.set()
        assert [await client.answer() for _ in range(2)] == [(200, ""), (200, "")]


async def test_pipelined_requests_are_limited(organisation: Organisation) -> None:
    """Each is a few bytes in transit and kilobytes in memory: sixty such connections blocked a server for 19 s."""
    async with serving(organisation, Limits(queued=3)) as server, server.client() as client:
        client.send(HEALTH * 2_000)
        assert [await client.answer() for _ in range(4)] == [(200, "")] * 4
        assert await client.is_hung_up_on()


async def test_garbage_after_a_request_does_not_lose_its_response(organisation: Organisation) -> None:
    async with serving(organisation, Limits()) as server, server.client() as client:
        client.send(HEAD + SIGN_IN + b"nonsense \x00\r\n" * 10_000)
        assert await client.answer() == (200, "")
        assert await client.is_hung_up_on()


async def test_a_request_that_is_not_http(organisation: Organisation) -> None:
    async with serving(organisation, Limits()) as server, server.client() as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert await client.answer() == (400, "not-http")


async def test_excess_connections_get_503_and_further_ones_are_closed(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If every connection is being answered, none can make room."""
    asked, go_on = asyncio.Semaphore(0), asyncio.Event()
    perform = organisation.backend.perform_as

    async def slow(*args: object) -> object:
        asked.release()
        await go_on.wait()
        return await perform(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(organisation.backend, "perform_as", slow)
    async with serving(organisation, Limits(connections=3)) as server, AsyncExitStack() as stack:
        served = [await stack.enter_async_context(server.client()) for _ in range(3)]
        for client in served:
            client.send(HEAD + SIGN_IN)
            await asked.acquire()
        fourth = await stack.enter_async_context(server.client())
        fourth.send(HEALTH)
        assert await fourth.answer() == (200, ""), "being busy is not being ill"
        fourth.send(HEAD + SIGN_IN)
        assert await fourth.answer() == (503, "busy")
        assert await fourth.is_hung_up_on()
        go_on.set()
        for client in served:
            assert await client.answer() == (200, ""), "who was there before is served"


async def test_connections_beyond_the_503_limit_are_closed() -> None:
    admission = Admission(Limits(connections=3, per_origin=1000))
    for number in range(3 + TOLD):
        seat = admission.enter("a", lambda: None)
        assert seat is not None, number
        admission.ask(seat, "a")
        admission.answer(seat)
    assert admission.enter("a", lambda: None) is None
    assert admission.enter("b", lambda: None) is None


async def test_a_response_that_the_client_does_not_read(organisation: Organisation) -> None:
    async with serving(organisation, Limits(unread=0.1)) as server, server.client() as client:
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(200):
            client.send(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n")
        while server.connections == 0:
            await asyncio.sleep(0)
        while server.connections:
            await asyncio.sleep(0.01)


async def test_a_client_that_disconnects_is_not_an_error(
    organisation: Organisation, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(organisation, Limits()) as server:
        async with server.client() as client:
            client.send(HEAD.replace(b"host: x", b"host: x\r\nexpect: 100-continue"))
            await client.reader.readuntil(b"\r\n\r\n")
        while server.connections:
            await asyncio.sleep(0)
        while 'operation="sign-in",status="499"' not in server.metrics.text():
            await asyncio.sleep(0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_both_event_loops_time_out(tmp_path: Path, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nothing was asked")

    async def answer() -> tuple[int, str]:
        doors = open_doors((parse_listen("127.0.0.1:0"),))
        opened = asyncio.Event()
        server = ApiServer(app, doors, None, QUICK, opened.set)
        running = asyncio.create_task(server.serve())
        await opened.wait()
        reader, writer = await asyncio.open_connection(*doors[0].socket.getsockname())
        try:
            return await Client(reader, writer).answer()
        finally:
            writer.close()
            server.should_exit = True
            await running
            close_doors(doors)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(answer()) == (408, "too-slow")
