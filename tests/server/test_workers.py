"""Several workers of one server: started again after kill -9, drained together, and limited together."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from secconsole.backends.new_store import create_store
from secconsole.domain.throttling.token_bucket import Rate
from secconsole.server.transport.admission import TOO_MANY_HERE, Admission
from secconsole.server.transport.limits import Limits
from secconsole.server.workers.board import Board
from secconsole.server.workers.shared_buckets import SharedBuckets
from tests.organisation import PASSWORD, ROOT, TENANT, cheap_passwords
from tests.postgres import wait_until
from tests.server.serving import Server, line_to, serving

SIGN_IN = json.dumps({"login": ROOT, "password": PASSWORD.reveal()}).encode()


@pytest.fixture
def store(home: Path) -> Path:
    """A store with one tenant and its administrator."""
    asyncio.run(create_store(tenant=TENANT, admin=ROOT, password=PASSWORD, passwords=cheap_passwords()))
    return home / "console.db"


@pytest.fixture
def server(store: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with two workers on a UNIX socket."""
    with serving(tmp_path, "--listen", f"unix:{tmp_path / 'run' / 'api.sock'}", "--workers", "2") as server:
        yield server


def workers_of(server: Server) -> list[int]:
    """The processes of its workers."""
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_one(server: Server) -> None:
    """Kill a worker, and wait until there is another one in its place."""
    victim = workers_of(server)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers_of(server)) == 2 and victim not in workers_of(server), "another worker")


def client_of(tmp_path: Path) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(tmp_path / "run" / "api.sock"), verify=False)
    return httpx.Client(transport=transport, base_url="http://localhost")


def sign_in(client: httpx.Client) -> str:
    answer = client.post(f"/v1/tenants/{TENANT}/sign-in", content=SIGN_IN, headers={"content-type": "application/json"})
    return str(answer.json()["status"])


def test_a_killed_worker_is_started_again_while_the_others_answer(server: Server, tmp_path: Path) -> None:
    before = workers_of(server)
    assert len(before) == 2
    for _ in before:
        kill_one(server)
        with client_of(tmp_path) as client:
            assert sign_in(client) == "complete"
    assert server.log().count("ended with signal 9 and is started again") == 2
    assert before[0] not in workers_of(server)
    with client_of(tmp_path) as client:
        assert client.get("/readyz").text == "ready\n"


def test_all_workers_finish_their_requests_before_the_server_ends(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    lines = [line_to(path) for _ in range(4)]  # whichever worker accepts them
    opened = [line.__enter__() for line in lines]
    for line in opened:
        line.send(
            f"POST /v1/tenants/{TENANT}/sign-in HTTP/1.1",
            "host: x",
            "content-type: application/json",
            f"content-length: {len(SIGN_IN)}",
            "expect: 100-continue",
        )
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    server.signal()
    server.wait_for("STOPPING=1")
    for line in opened:
        line.socket.sendall(SIGN_IN)
        assert line.rest().startswith(b"HTTP/1.1 200 ")
    for line in lines:
        line.__exit__(None, None, None)
    assert server.exit_code() == 0, server.log()
    assert not path.exists()
    assert server.notified == ["READY=1", "STOPPING=1"]
    assert server.log().count("Stopping after the requests in progress.") == 1


def test_workers_end_when_their_supervisor_is_killed(server: Server) -> None:
    workers = workers_of(server)
    server.signal(signal.SIGKILL)
    wait_until(lambda: not any(is_running(pid) for pid in workers), "the end of the workers")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_metrics_count_the_requests_of_all_workers_and_of_those_that_were_killed(
    server: Server, tmp_path: Path
) -> None:
    for number in range(6):
        with client_of(tmp_path) as client:
            assert sign_in(client) == "complete"
        if number == 3:
            kill_one(server)
    with client_of(tmp_path) as client:
        found = client.get("/metrics").text
    counted = re.search(r'secconsole_requests_total\{operation="sign-in",status="200"\} (\S+)', found)
    assert counted is not None
    assert float(counted[1]) == 6
    assert "secconsole_requests_in_flight 1.0" in found


def test_regular_work_is_done_once(server: Server) -> None:
    server.signal()
    assert server.exit_code() == 0
    assert server.log().count("Head of the audit") == 1


def test_a_store_that_cannot_be_opened_ends_the_start_with_the_reason(tmp_path: Path, home: Path) -> None:
    missing = f"sqlite:///{home / 'nothing.db'}"
    with (
        pytest.raises(AssertionError, match="There is no store"),
        serving(tmp_path, "--listen", "127.0.0.1:0", "--workers", "2", "--store", missing),
    ):
        pass


def test_connections_to_other_workers_count_for_the_limits() -> None:
    board = Board(2)
    limits = Limits(connections=6, per_origin=2)
    first, second = (Admission(limits, elsewhere=board.view(number)) for number in range(2))
    for _ in range(2):
        seat = first.enter("a", lambda: None)
        assert seat is not None
        assert first.ask(seat, "a") is None
        first.answer(seat)
    other = second.enter("a", lambda: None)
    assert other is not None
    assert second.ask(other, "a") == TOO_MANY_HERE
    board.forget(0)  # it was killed
    assert second.ask(other, "a") is None


def test_refused_sign_ins_of_all_workers_use_up_one_rate() -> None:
    buckets = SharedBuckets(Rate(burst=3, per_minute=60))
    pid = os.fork()
    if pid == 0:
        buckets.spend("a", 0.0)
        buckets.spend("a", 0.0)
        os._exit(0)
    os.waitpid(pid, 0)
    assert buckets.level("a", 0.0) == 1
    buckets.spend("a", 0.0)
    assert buckets.wait("a", 0.0) == 1
    assert buckets.wait("a", 1.0) == 0
    assert buckets.level("b", 0.0) == 3


def test_a_full_table_of_rates_gives_up_the_keys_that_it_knows_least_about() -> None:
    buckets = SharedBuckets(Rate(burst=3, per_minute=60))
    for number in range(100_000):
        buckets.spend(f"origin {number}", 0.0)
    for _ in range(3):
        buckets.spend("guesser", 0.0)
    assert buckets.level("guesser", 0.0) == 0
