"""The peer of a UNIX socket is determined only by the kernel, and by nothing that a client sends."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from secconsole.backends.owner import owner_of
from secconsole.operations.caller import Nobody, StoreOwner
from secconsole.server.transport import peers
from secconsole.server.transport.limits import Limits
from secconsole.server.transport.listen import close_doors, open_doors, parse_listen
from secconsole.server.transport.peers import Callers, OsUser
from secconsole.server.transport.proxies import parse_proxies
from secconsole.server.transport.running import ApiServer
from tests.organisation import TENANT
from tests.server.serving import Line, line_to, serving
from tests.server.test_serve import store  # noqa: F401 - a fixture
from tests.store.looking import column

ME = os.geteuid()
NOBODY = pwd.getpwnam("nobody")
NOBODIES = grp.getgrgid(NOBODY.pw_gid).gr_name
NAME = pwd.getpwuid(ME).pw_name
OWNER = StoreOwner(NAME)
AS_ROOT = pytest.mark.skipif(ME != 0, reason="only root can become another user")


@contextmanager
def acting_as(user: str, group: str) -> Iterator[None]:
    """Another user for the kernel, until the end."""
    os.setegid(grp.getgrnam(group).gr_gid)
    os.seteuid(pwd.getpwnam(user).pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can get to, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def ask(line: Line, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[int, dict[str, object]]:
    line.send(
        f"{method} {path} HTTP/1.1",
        "host: x",
        "connection: close",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
        body=body,
    )
    head, _, answer = line.rest().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(answer)


@AS_ROOT
def test_the_servers_user_owns_the_store_and_others_need_a_token(
    store: Path,  # noqa: F811
    home: Path,
    tmp_path: Path,
    folder: Path,
) -> None:
    path = folder / "run" / "api.sock"
    before = len(column(home, "audit", "pk"))
    arguments = ("--listen", f"unix:{path}", "--socket-group", NOBODIES, "--trust-owner")
    with serving(tmp_path, *arguments) as server:
        with line_to(path) as line:
            assert ask(line, "GET", "/v1/me")[1]["login"] == f"local:{NAME}"
        body = b'{"login": "ana"}'
        with line_to(path) as line:
            assert ask(line, "POST", f"/v1/tenants/{TENANT}/users", body=body)[0] == 200
        wrong = b'{"login": "root", "password": "not this one"}'
        for lie in ((), ("x-forwarded-for: 127.0.0.1",), ("x-remote-user: root",)):
            with acting_as("nobody", NOBODIES), line_to(path) as line:
                status, problem = ask(line, "GET", "/v1/me", *lie)
            assert (status, problem["code"]) == (401, "not-signed-in")
        with acting_as("nobody", NOBODIES), line_to(path) as line:
            assert ask(line, "POST", f"/v1/tenants/{TENANT}/sign-in", body=wrong)[1]["status"] == "refused"
        for header in ("authorization: Bearer nonsense", "authorization: Basic nonsense", "authorization: nonsense"):
            with line_to(path) as line:
                assert ask(line, "GET", "/v1/me", header)[0] == 401, "what is not understood is not ignored"
        with acting_as("nobody", "root"), pytest.raises(PermissionError), line_to(path):
            pass
        server.signal()
        assert server.exit_code() == 0
    addresses = column(home, "audit", "address")[before:]
    assert addresses == ["root (uid 0)", f"nobody (uid {pwd.getpwnam('nobody').pw_uid})"]
    assert column(home, "audit", "actor")[before] == "local:root"


def test_the_servers_user_signs_in_unless_the_owner_is_trusted(
    store: Path,  # noqa: F811
    tmp_path: Path,
    folder: Path,
) -> None:
    path = folder / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{path}"):
        for method, place, body in (
            ("GET", "/v1/me", b""),
            ("GET", "/v1/tenants", b""),
            ("POST", f"/v1/tenants/{TENANT}/users", b'{"login": "ana"}'),
        ):
            with line_to(path) as line:
                status, problem = ask(line, method, place, body=body)
            assert (status, problem["code"]) == (401, "not-signed-in"), place


@AS_ROOT
def test_a_socket_is_private_by_default(store: Path, tmp_path: Path, folder: Path) -> None:  # noqa: F811
    path = folder / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{path}"):
        with acting_as("nobody", NOBODIES), pytest.raises(PermissionError), line_to(path):
            pass
        path.parent.chmod(0o755)
        with acting_as("nobody", NOBODIES), pytest.raises(PermissionError), line_to(path):
            pass


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_both_event_loops_report_the_peer_user(
    tmp_path: Path, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(repr(scope["state"]["os_user"]))(scope, receive, send)

    async def answers() -> list[bytes]:
        doors = open_doors((parse_listen(f"unix:{tmp_path}/a.sock"), parse_listen("127.0.0.1:0")))
        opened = asyncio.Event()
        server = ApiServer(app, doors, None, Limits(), opened.set)
        running = asyncio.create_task(server.serve())
        await opened.wait()
        port = doors[1].socket.getsockname()[1]
        found = []
        for connecting in (
            asyncio.open_unix_connection(f"{tmp_path}/a.sock"),
            asyncio.open_connection("127.0.0.1", port),
        ):
            reader, writer = await connecting
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            found.append((await reader.read()).partition(b"\r\n\r\n")[2])
            writer.close()
        server.should_exit = True
        await running
        close_doors(doors)
        return found

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(answers()) == [f"OsUser(uid={ME})".encode(), b"None"]


def scope(user: OsUser | None, *headers: tuple[bytes, bytes], client: str = "") -> dict[str, object]:
    return {
        "headers": list(headers),
        "state": {"os_user": user},
        "client": (client, 1) if client else None,
    }


def test_the_peer_user_decides_who_acts_without_a_token() -> None:
    callers = Callers(owner=OWNER)
    assert callers.of(scope(OsUser(ME))).without_token == OWNER
    assert callers.of(scope(OsUser(ME + 1))).without_token == Nobody()
    assert Callers().of(scope(OsUser(ME))).without_token == Nobody(), "the store belongs to another user"
    assert callers.of(scope(None, client="127.0.0.1")).without_token == Nobody(), "never over a network"
    assert callers.of(scope(None)).without_token == Nobody()


def test_a_proxy_run_by_the_servers_user_has_no_owner_rights() -> None:
    for text in ("unix", f"unix:{NAME}"):
        named = Callers(parse_proxies([text]), OWNER)
        assert named.of(scope(OsUser(ME))).without_token == Nobody()
        assert named.of(scope(OsUser(ME), (b"x-forwarded-for", b"192.0.2.7"))).address == "192.0.2.7"
    for header in (b"x-forwarded-for", b"forwarded", b"via", b"x-real-ip"):
        assert Callers(owner=OWNER).of(scope(OsUser(ME), (header, b"192.0.2.7"))).without_token == Nobody()


def test_forwarded_headers_are_trusted_from_the_proxys_user_only() -> None:
    forwarded = (b"x-forwarded-for", b"192.0.2.7")
    proxy = NOBODY.pw_uid
    callers = Callers(parse_proxies(["unix:nobody"]), OWNER)
    assert callers.of(scope(OsUser(proxy), forwarded)).address == "192.0.2.7"
    assert callers.of(scope(OsUser(proxy))).address == f"nobody (uid {proxy})"
    assert callers.of(scope(OsUser(ME), forwarded)).address == f"{NAME} (uid {ME})"
    assert callers.of(scope(OsUser(ME))).without_token == OWNER


def test_users_of_other_namespaces_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_overflow_uid", lambda: ME)
    assert Callers(owner=OWNER).of(scope(OsUser(ME))).without_token == Nobody()


def test_user_names_are_untrusted_text(monkeypatch: pytest.MonkeyPatch) -> None:
    record = list(pwd.getpwuid(ME))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd(["eve\x1b[2J\u202e", *record[1:]]))
    assert str(OsUser(4_000_001)) == "eve\\x1b[2J\\u202e (uid 4000001)"

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert str(OsUser(4_000_002)) == "uid 4000002"


def test_the_owner_of_a_store(tmp_path: Path) -> None:
    mine, missing = tmp_path / "mine", tmp_path / "missing"
    mine.touch()
    assert owner_of(mine) == OWNER
    assert owner_of(mine, missing) is None
    if ME == 0:
        theirs = tmp_path / "theirs"
        theirs.touch()
        os.chown(theirs, 65534, -1)
        assert owner_of(mine, theirs) is None


def test_a_connection_over_the_network_has_no_user() -> None:
    with socket.socket() as opened:

        class Transport(asyncio.BaseTransport):
            def get_extra_info(self, name: str, default: object = None) -> object:
                return {"socket": opened}.get(name, default)

        assert peers.os_user_of(Transport()) is None
