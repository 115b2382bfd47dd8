"""The server as a process: it starts completely or not at all, and finishes requests when it stops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from secconsole.__main__ import _run
from secconsole.backends.demo.accounts import FILE
from secconsole.backends.demo.fill import create_demo
from secconsole.backends.new_store import create_store
from secconsole.backends.store_copy import copy_store
from secconsole.backends.stores import parse_store
from secconsole.server.transport.limits import Limits
from tests.organisation import PASSWORD, ROOT, TENANT, cheap_passwords
from tests.server.serving import Line, Server, line_to, serving

SIGN_IN = json.dumps({"login": ROOT, "password": PASSWORD.reveal()}).encode()


@pytest.fixture
def store(home: Path) -> Path:
    """A store with one tenant and its administrator."""
    asyncio.run(create_store(tenant=TENANT, admin=ROOT, password=PASSWORD, passwords=cheap_passwords()))
    return home / "console.db"


def begin_sign_in(line: Line) -> None:
    """Send the head of a sign-in, and return when the server has begun to handle it and requests the body."""
    line.send(
        f"POST /v1/tenants/{TENANT}/sign-in HTTP/1.1",
        "host: x",
        "content-type: application/json",
        f"content-length: {len(SIGN_IN)}",
        "expect: 100-continue",
    )
    assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")


def stop(server: Server) -> int:
    server.signal()
    return server.exit_code()


def test_requests_in_progress_are_answered_before_shutdown(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{path}") as server, line_to(path) as line:
        begin_sign_in(line)
        server.signal()
        server.wait_for("STOPPING=1")
        line.socket.sendall(SIGN_IN)
        head, _, body = line.rest().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in head
        assert json.loads(body)["status"] == "complete"
        assert server.exit_code() == 0, server.log()
        assert not path.exists()
        assert not store.with_name(store.name + "-wal").exists()  # the store was closed, not dropped


def test_a_second_signal_stops_at_once(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{path}") as server, line_to(path) as line:
        begin_sign_in(line)
        server.signal()
        server.wait_for("STOPPING=1")
        began = time.monotonic()
        server.signal()
        assert server.exit_code() == -signal.SIGTERM
        assert time.monotonic() - began < Limits().stop / 2


def test_an_open_stream_of_changes_does_not_delay_shutdown(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{path}", "--trust-owner") as server, line_to(path) as line:
        line.send("GET /v1/changes HTTP/1.1", "host: x")
        line.until(b": hello\n\n")
        began = time.monotonic()
        assert stop(server) == 0, server.log()
        assert time.monotonic() - began < Limits().stop / 2
        assert line.rest().endswith(b"0\r\n\r\n")  # ended as a whole answer, not cut off


def test_the_command_line_of_the_contract(store: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--listen", "127.0.0.1:0", "--store", f"sqlite:///{store}") as server:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            assert client.get("/healthz").text == "ok\n"
            assert client.get("/readyz").text == "ready\n"
            assert client.get("/openapi.json").json()["openapi"]
            assert "secconsole_requests_total" in client.get("/metrics").text
            answer = client.post(
                f"/v1/tenants/{TENANT}/sign-in", content=SIGN_IN, headers={"content-type": "application/json"}
            )
            assert answer.json()["status"] == "complete"
            assert client.get("/v1/me").status_code == 401  # the server's own user too: this is no UNIX socket
        assert stop(server) == 0


def checked(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return the exit code and output of `serve --check`."""
    code = _run(["serve", "--check", *arguments])
    return code, capfd.readouterr().err


def test_a_demo_is_served_with_demo_only(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asyncio.run(create_demo(home, users=15, seed=1))
    path = tmp_path / "run" / "api.sock"
    code, words = checked(capfd, "--listen", f"unix:{path}")
    assert code == 6
    assert "--demo" in words
    (home / FILE).unlink()  # its passwords are as well known without the file that its sign-in screen reads
    assert checked(capfd, "--listen", f"unix:{path}")[0] == 6
    assert checked(capfd, "--listen", f"unix:{path}", "--demo")[0] == 0


def test_a_copy_of_a_demo_is_served_with_demo_only(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(create_demo(home, users=15, seed=1))
    listen = ("--listen", f"unix:{tmp_path}/run/api.sock")
    origin = parse_store("")
    for folder in ("first", "second"):  # a copy, and a copy of it
        target = parse_store(f"sqlite:///{tmp_path}/{folder}/console.db")
        asyncio.run(copy_store(origin, target, lambda table, rows: None))
        assert checked(capfd, *listen, "--store", f"sqlite:///{target.database}")[0] == 6
        assert checked(capfd, *listen, "--store", f"sqlite:///{target.database}", "--demo")[0] == 0
        origin = target


def test_a_real_store_is_not_served_as_a_demo(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, words = checked(capfd, "--listen", f"unix:{tmp_path}/run/api.sock", "--demo")
    assert code == 6
    assert "not a demo" in words


def test_the_owner_is_trusted_on_a_unix_socket_only(store: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert checked(capfd, "--listen", "127.0.0.1:0", "--trust-owner")[0] == 2


def test_a_socket_from_systemd(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as handed:
        handed.bind(str(path))
        handed.listen()
        with serving(tmp_path, "--listen", "systemd", sockets=[handed]) as server, line_to(path) as line:
            line.send("GET /healthz HTTP/1.1", "host: x", "connection: close")
            assert line.rest().endswith(b"ok\n")
            assert stop(server) == 0
    assert path.exists()  # systemd's, which listens while no server runs


def test_a_network_socket_from_systemd_requires_encryption(store: Path, tmp_path: Path) -> None:
    with socket.socket() as handed:
        handed.bind(("0.0.0.0", 0))
        handed.listen()
        with (
            pytest.raises(AssertionError, match="open to the network"),
            serving(tmp_path, "--listen", "systemd", sockets=[handed]),
        ):
            pass


def test_two_addresses_at_once(store: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "run" / name for name in ("a.sock", "b.sock")]
    with serving(tmp_path, *(word for path in paths for word in ("--listen", f"unix:{path}"))) as server:
        for path in paths:
            with line_to(path) as line:
                line.send("GET /healthz HTTP/1.1", "host: x", "connection: close")
                assert line.rest().endswith(b"ok\n")
        assert stop(server) == 0
    assert not any(path.exists() for path in paths)


def test_check_reports_if_the_server_would_start(
    store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def check(*arguments: str) -> tuple[int, str]:
        code = _run(["serve", "--check", *arguments])
        out, err = capfd.readouterr()
        assert out == ""
        return code, err

    path = tmp_path / "run" / "api.sock"
    assert check("--listen", f"unix:{path}") == (0, f"The server would start: unix:{path} on {store}.\n")
    assert not path.exists()
    assert check("--listen", "systemd") == (0, f"The server would start: systemd on {store}.\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        assert check("--listen", place) == (6, f"{place} is in use by another program.\n")
    code, words = check("--listen", "0.0.0.0:0")
    assert (code, words.count("\n")) == (2, 1)
    assert "--tls-cert" in words
    assert check("--trusted-proxy", "proxy.example")[0] == 2
    assert check("--trusted-proxy", "0.0.0.0/0")[0] == 2
    assert check("--tls-cert", "x")[0] == 2
    assert check("--listen", f"unix:{path}", "--tls-cert", "x.pem", "--tls-key", "x.pem")[0] == 6
    os.chmod(store, 0o644)
    code, words = check("--listen", f"unix:{path}")
    assert (code, words) == (6, f"Other users may read {store}. Make it private first: chmod 600 {store}\n")
    os.chmod(store, 0o600)
    store.with_name("master.key").unlink()
    assert check("--listen", f"unix:{path}")[0] == 6
