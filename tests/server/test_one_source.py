"""Under attack from one source, health checks and complete requests of all sources are answered.

The server is a process, over TCP. `python -m bench attacked` measures the delay.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.extent import matrix
from tests.organisation import TENANT
from tests.server.certificates import make_certificate
from tests.server.serving import LONGEST, Server, serving
from tests.server.test_serve import SIGN_IN, store  # noqa: F401 - a fixture

MANY = 560
ATTACKER, HONEST = "127.0.0.66", "127.0.0.1"
PATH = f"/v1/tenants/{TENANT}/sign-in"
HEAD = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 60\r\n\r\n".encode()
GUESS = json.dumps({"login": "nobody", "password": "wrong, of course"}).encode()
GUESSING = (
    f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(GUESS)}\r\n\r\n"
).encode() + GUESS
HALVES = {
    "nothing": b"",
    "a line": b"GET /healthz HTTP/1.1\r\n",
    "a head": HEAD,
    "half a body": HEAD + b'{"login":',
    "one request": b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
}


@contextmanager
def connected(source: str, port: int, sent: bytes, many: int = MANY) -> Iterator[list[socket.socket]]:
    """Open so many connections of one source that send nothing more."""
    with ExitStack() as stack:
        opened = []
        for _ in range(many):
            one = stack.enter_context(socket.create_connection((HONEST, port), LONGEST, (source, 0)))
            if sent:
                one.sendall(sent)
            opened.append(one)
        yield opened


def honest(server: Server, source: str, **kwargs: object) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=source, **kwargs)  # type: ignore[arg-type]
    scheme = "https" if kwargs else "http"
    return httpx.Client(transport=transport, base_url=f"{scheme}://{HONEST}:{server.port}", timeout=LONGEST)


def is_served(client: httpx.Client) -> None:
    for _ in range(3):
        assert client.get("/healthz").text == "ok\n"
        assert client.get("/readyz").text == "ready\n"
    answer = client.post(PATH, content=SIGN_IN, headers={"content-type": "application/json"})
    assert answer.json()["status"] == "complete", answer.text


@pytest.mark.parametrize(("sent", "source"), matrix([*HALVES.values()], [HONEST, ATTACKER]))
def test_unfinished_requests_block_no_other_source(store: Path, tmp_path: Path, sent: bytes, source: str) -> None:  # noqa: F811
    with serving(tmp_path, "--listen", "127.0.0.1:0") as server, connected(source, server.port, sent):
        for _ in range(2):
            with honest(server, HONEST) as client:
                is_served(client)


def test_unfinished_tls_handshakes_block_no_other_source(store: Path, tmp_path: Path) -> None:  # noqa: F811
    files = make_certificate(tmp_path / "tls", 1)
    arguments = ("--listen", "127.0.0.1:0", "--tls-cert", str(files.chain), "--tls-key", str(files.key))
    trusting = ssl.create_default_context(cafile=str(files.chain))
    trusting.check_hostname = False
    with (
        serving(tmp_path, *arguments) as server,
        connected(HONEST, server.port, b"", 900),
        honest(server, HONEST, verify=trusting) as client,
    ):
        is_served(client)


def test_many_sources_together_block_no_other_source(store: Path, tmp_path: Path) -> None:  # noqa: F811
    with serving(tmp_path, "--listen", "127.0.0.1:0") as server, ExitStack() as stack:
        for last in range(2, 42):
            sent = list(HALVES.values())[last % len(HALVES)]
            stack.enter_context(connected(f"127.0.1.{last}", server.port, sent, 30))
        with honest(server, HONEST) as client:
            is_served(client)


def test_a_source_over_its_share_is_refused_and_health_is_still_answered(
    store: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Streams of changes are answered all the time, so that nothing makes room."""
    arguments = ("--listen", "127.0.0.1:0", "--limit-per-address", "4")
    with serving(tmp_path, *arguments) as server, ExitStack() as stack:
        with honest(server, HONEST) as client:
            answer = client.post(PATH, content=SIGN_IN, headers={"content-type": "application/json"})
        bearer = {"authorization": f"Bearer {answer.json()['token']}"}
        for _ in range(4):
            streaming = stack.enter_context(honest(server, HONEST))
            stack.enter_context(streaming.stream("GET", "/v1/changes", headers=bearer))
        with honest(server, HONEST) as client:
            assert client.get("/healthz").text == "ok\n"
            assert client.get("/readyz").text == "ready\n"
            refused = client.get("/v1/me", headers=bearer)
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-connections")
            assert int(refused.headers["retry-after"]) >= 1
        with honest(server, "127.0.0.2") as client:
            is_served(client)


def test_behind_a_named_proxy_the_forwarded_address_counts(store: Path, tmp_path: Path) -> None:  # noqa: F811
    arguments = ("--listen", "127.0.0.1:0", "--trusted-proxy", HONEST, "--limit-refused", "5")
    guess = GUESSING.replace(b"host: x\r\n", b"host: x\r\nx-forwarded-for: 192.0.2.66\r\n")
    half = HEAD.replace(b"host: x\r\n", b"host: x\r\nx-forwarded-for: 192.0.2.66\r\n")
    with serving(tmp_path, *arguments) as server, connected(HONEST, server.port, half, 300):
        with connected(HONEST, server.port, guess, 50) as guessing:
            heads = [one.recv(65536).split(b"\r\n")[0] for one in guessing]
            assert sorted(int(head.split()[1]) for head in heads) == [200] * 5 + [429] * 45
        with honest(server, HONEST) as client:
            client.headers["x-forwarded-for"] = "192.0.2.1"
            is_served(client)


async def _guess(port: int, at_once: int, stop: asyncio.Event) -> list[int]:
    """Guess over as many connections as fast as they are answered, and return the statuses of all answers."""
    statuses: list[int] = []

    async def guess() -> None:
        while not stop.is_set():
            try:
                reader, writer = await asyncio.open_connection(HONEST, port, local_addr=(ATTACKER, 0))
                while not stop.is_set():
                    writer.write(GUESSING)
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                    await reader.readexactly(length)
                    statuses.append(int(head.split()[1]))
            except (OSError, asyncio.IncompleteReadError):
                continue
            finally:
                writer.close()

    await asyncio.gather(*(guess() for _ in range(at_once)))
    return statuses


async def test_guesses_from_one_source_block_no_other_source(store: Path, tmp_path: Path) -> None:  # noqa: F811
    with serving(tmp_path, "--listen", "127.0.0.1:0") as server:
        stop = asyncio.Event()
        guessing = asyncio.create_task(_guess(server.port, 150, stop))
        try:
            for _ in range(3):
                with honest(server, HONEST) as client:
                    await asyncio.to_thread(is_served, client)
        finally:
            stop.set()
        statuses = await guessing
    assert statuses.count(429) > 100
    assert statuses.count(200) < len(statuses) / 2
    assert set(statuses) == {200, 429}
