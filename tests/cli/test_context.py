"""Contexts: named backends, and every command on a server through them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secconsole.backends.base import NoAnswer
from secconsole.backends.http import HttpBackend
from secconsole.cli.app import COMMANDS
from secconsole.config.address import parse_server_url
from secconsole.operations.caller import Nobody
from tests.cli.conftest import PASSWORD, Shell, code
from tests.cli.test_import_hygiene import carried_out, loaded
from tests.prepared import prepared

SERVER = "https://mfa.acme.example"


@pytest.fixture
def added(nowhere: Shell) -> Shell:
    """A home with the contexts prod, a server, and lab, a socket."""
    assert nowhere("context", "add", "prod", SERVER, "--tenant", "acme").code == 0
    assert nowhere("context", "add", "lab", "unix:/run/lab/api.sock", "--colour", "green").code == 0
    return nowhere


def listed(shell: Shell) -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in shell.json("context", "list")["items"]}


# ---- keeping them ----------------------------------------------------------------------------------------------------


def test_an_added_context_is_listed_beside_the_local_store(added: Shell) -> None:
    found = listed(added)
    assert list(found) == ["local", "prod", "lab"]
    assert found["prod"] == {
        "name": "prod",
        "backend": SERVER,
        "tenant": "acme",
        "colour": "red",
        "ca_file": "",
        "used": False,
    }
    assert found["local"]["used"]
    table = added("context", "list").out
    assert "prod" in table
    assert SERVER in table


def test_production_is_red_by_default(nowhere: Shell) -> None:
    for name, more, colour in (
        ("Prod-eu", (), "red"),
        ("live", (), "red"),
        ("test", (), ""),
        ("prod2", ("--colour", "blue"), "blue"),
    ):
        assert nowhere.json("context", "add", name, SERVER, *more)["colour"] == colour
    assert nowhere("context", "add", "x", SERVER, "--colour", "mauve").code == 2


def test_the_used_context_stays_and_local_is_the_local_store(added: Shell) -> None:
    assert added("context", "use", "lab").code == 0
    assert [name for name, each in listed(added).items() if each["used"]] == ["lab"]
    answer = added("user", "list", "--tenant", "acme")
    assert (answer.code, "/run/lab/api.sock" in answer.err) == (6, True)
    assert added("context", "use", "local").code == 0
    assert "There is no store" in added("user", "list").err
    assert added("context", "use", "nowhere").code == 2
    assert added("context", "add", "third", SERVER, "--use").code == 0
    assert listed(added)["third"]["used"]


def test_a_name_is_unique_replaceable_and_removable(added: Shell) -> None:
    assert added("context", "add", "prod", "https://other.example").code == 5
    assert listed(added)["prod"]["backend"] == SERVER
    assert added("context", "add", "prod", "https://other.example", "--replace").code == 0
    assert listed(added)["prod"]["backend"] == "https://other.example"
    assert added("context", "use", "prod").code == 0
    assert added("context", "remove", "prod").code == 0
    assert list(listed(added)) == ["local", "lab"]
    assert listed(added)["local"]["used"]
    assert added("context", "remove", "prod").code == 4


def test_a37_contexts_are_private_and_a_writable_file_is_refused(added: Shell) -> None:
    file = added.home / "contexts.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o622)
    for arguments in (["user", "list"], ["context", "list"], ["context", "add", "x", SERVER]):
        answer = added(*arguments)
        assert (answer.code, "chmod 600" in answer.err) == (6, True)


def test_hand_written_contexts_and_comments_are_kept(added: Shell) -> None:
    config = added.home / "config.toml"
    text = '# mine\n[contexts.own]\nbackend = "unix:/run/own.sock"  # careful\n'
    config.write_text(text)
    config.chmod(0o600)
    assert listed(added)["own"]["backend"] == "unix:/run/own.sock"
    assert added("context", "use", "own").code == 0
    assert added("context", "add", "own", SERVER).code == 5
    assert added("context", "remove", "own").code == 4
    assert config.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "use = 1",
        "other = 1",
        "[contexts]\nx = 1",
        "[contexts.x]\ntoken = 't'",
        "[contexts.x]\nbackend = 'http://x.example'",
        "[contexts.'a/b']",
        "[contexts.local]",
        "use = '../x'",
        "[contexts.x]\ncolour = 'mauve'",
        "nonsense",
    ],
)
def test_a_damaged_file_is_reported(nowhere: Shell, text: str) -> None:
    nowhere.home.mkdir(mode=0o700)
    file = nowhere.home / "contexts.toml"
    file.write_text(text)
    file.chmod(0o600)
    answer = nowhere("user", "list")
    assert (answer.code, "contexts.toml" in answer.err) == (2, True)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "-x", "x" * 33, "a b", "ä", "local", "a\nb", "\x1b[31m"]
)
def test_hostile_names_are_refused(nowhere: Shell, name: str) -> None:
    answer = nowhere("context", "add", "--", name, SERVER)
    assert answer.code == 2
    assert answer.err.removesuffix("\n").isprintable()
    assert not (nowhere.home / "contexts.toml").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://mfa.acme.example",
        "http://192.0.2.1",
        "http://127.0.0.1.acme.example",
        "ftp://x",
        "https://",
        "https:///x",
        "https://u:p@x",
        "https://x@y",
        "https://x?y",
        "https://x#y",
        "https://x:0x1",
        "https://x:99999",
        "https://x y",
        "https://x\x1b]0;y\x07",
        "https://аcme",
        "https://x\n",
        "https:x",
        "unix:",
        "unix:rel/path",
        "x" * 5000,
        "javascript:alert(1)",
        "https://[::1",
        "https://a%2fb",
        "http://localhost@evil.example",
    ],
)
def test_hostile_addresses_are_refused(nowhere: Shell, url: str) -> None:
    for arguments in (["context", "add", "x", url], ["user", "list", "--tenant", "a", "--backend", url]):
        answer = nowhere(*arguments)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.removesuffix("\n").isprintable()
        assert len(answer.err) < 2500


@pytest.mark.parametrize(
    "given, url, title",
    [
        ("https://MFA.acme.example/", "https://mfa.acme.example", "mfa.acme.example"),
        ("HTTPS://x:8443/mfa/", "https://x:8443/mfa", "x:8443/mfa"),
        ("http://127.8.9.1:80", "http://127.8.9.1:80", "127.8.9.1:80"),
        ("http://[::1]:1", "http://[::1]:1", "[::1]:1"),
        ("http://localhost", "http://localhost", "localhost"),
        ("unix:///run/x", "unix:/run/x", "/run/x"),
    ],
)
def test_addresses_are_normalized(given: str, url: str, title: str) -> None:
    address = parse_server_url(given)
    assert (address.url, address.title) == (url, title)
    assert parse_server_url(url) == address


def test_ca_file_requires_https(added: Shell, tmp_path: Path) -> None:
    made = added.json("context", "add", "own", SERVER, "--ca-file", "ca.pem")
    assert made["ca_file"] == str(Path("ca.pem").absolute())
    assert added("context", "add", "u", "unix:/run/x", "--ca-file", str(tmp_path / "ca.pem")).code in (0, 2)
    answer = added("user", "list", "--context", "lab", "--ca-file", "ca.pem")
    assert (answer.code, "https://" in answer.err) == (2, True)
    answer = added("user", "list", "--context", "own")
    assert (answer.code, "ca.pem cannot be used" in answer.err) == (6, True)


def test_context_and_backend_exclude_each_other(added: Shell) -> None:
    assert added("user", "list", "--context", "prod", "--backend", SERVER).code == 2


# ---- every command at a server ---------------------------------------------------------------------------------------


@contextmanager
def serving(home: Path, listen: str, *options: str) -> Iterator[None]:
    """A real `secconsole serve` over the store of a home."""
    words, env = ("secconsole", "serve", "--listen", listen, *options), {**os.environ, "SECCONSOLE_HOME": str(home)}
    with open(os.devnull, "r+") as nothing:
        process = prepared().start(words, [nothing.fileno()] * 3, env)
    backend = HttpBackend(listen if listen.startswith("unix:") else f"http://{listen}", Nobody())

    async def up() -> None:
        end = time.monotonic() + 20
        while True:
            try:
                await backend.reach()
                break
            except NoAnswer:
                assert process.poll() is None
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
        await backend.close()

    try:
        asyncio.run(up())
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def server(shell: Shell) -> Iterator[str]:
    """The address of a server over the shell's store."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(shell.home, f"127.0.0.1:{port}"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def at_server(shell: Shell, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell elsewhere that works at the server by a context, signed in as root."""
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "elsewhere"))
    client = Shell(tmp_path / "elsewhere")
    assert client("context", "add", "main", server, "--tenant", "acme", "--use").code == 0
    answer = client("sign-in", "root", input=f"{PASSWORD}\n")
    assert answer.code == 0, answer.err
    return client


def test_every_command_works_at_a_server(at_server: Shell, tmp_path: Path) -> None:
    sh = at_server
    people = tmp_path / "people.csv"
    people.write_text(f"login,name,role,password\nana,Ana,user,{PASSWORD}\nhana,Hana,helpdesk,\n")
    exempt = tmp_path / "exempt.csv"
    exempt.write_text("login,reason\nana,pilot\n")
    tried: set[str] = set()

    def does(*arguments: str, input: str = "", code: int = 0) -> None:
        tried.add(" ".join(arguments[:2]))
        answer = sh(*arguments, input=input)
        assert answer.code == code, (arguments, answer.err)

    does("tenant", "create", "beta")
    does("tenant", "list")
    does("user", "create", "bob", "--name", "Bob")
    does("user", "import", str(people))
    does("user", "list", "--all", "--format", "csv")
    does("user", "show", "ana")
    does("user", "export")
    seed = sh.bind("ana")
    tried |= {"factor enroll", "factor confirm"}
    does("factor", "list", "ana")
    does("verify", "ana", input=code(seed, 1))
    does("verify", "ana", input="000000\n", code=1)
    does("user", "unlock", "ana")
    does("policy", "show")
    does("policy", "preview", "required")
    does("policy", "set", "optional")
    does("whitelist", "add", "bob", "--reason", "on leave")
    does("whitelist", "import", str(exempt))
    does("whitelist", "list")
    does("whitelist", "remove", "ana")
    does("unbind", "ana", "--dry-run")
    does("undo", sh.json("unbind", "ana", "--reason", "lost phone")["event"])
    factor = sh.json("factor", "list", "ana")["items"][0]["id"]
    does("factor", "remove", factor, "--yes")
    does("user", "require-mfa", "ana")
    does("user", "role", "bob", "auditor", "--yes")
    does("user", "disable", "bob", "--yes")
    does("user", "enable", "bob")
    does("user", "reset-password", "bob")
    does("audit", "list")
    does("audit", "verify")
    does("audit", "export")
    does("user", "show", "nobody", code=4)
    does("user", "create", "ana", code=5)
    does("user", "create", "", code=2)
    does("sign-out")
    does("user", "list", code=3)
    known = {name for name in COMMANDS if name in ("tenant", "user", "policy", "whitelist", "factor", "audit")}
    assert {call.split()[0] for call in tried} >= known


def test_the_owner_of_the_store_needs_no_session_on_a_socket_that_trusts_them(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"unix:{tmp_path / 'run' / 'api.sock'}"
    with serving(shell.home, address, "--trust-owner"):
        monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "elsewhere"))
        assert shell("user", "create", "ana", "--backend", address).code == 0
        entry = shell.json("audit", "list", "--backend", address)["items"][0]
        assert (entry["action"], entry["actor"].partition(":")[0]) == ("user.created", "local")


def test_sessions_are_saved_per_context_and_sent_to_no_other_server(at_server: Shell, server: str) -> None:
    sh, kept = at_server, at_server.home / "sessions"
    assert [path.name for path in kept.iterdir()] == ["main"]
    assert (kept / "main").stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_mode & 0o777 == 0o700
    token = json.loads((kept / "main").read_text())["token"]
    assert all(token not in path.read_text() for path in sh.home.glob("*.toml"))
    elsewhere = sh("user", "list", "--backend", server, "--tenant", "acme")
    assert (elsewhere.code, f"secconsole --backend {server} sign-in" in elsewhere.err) == (3, True)
    assert sh("sign-in", "root", "--backend", server, "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    assert sh("user", "list", "--backend", server, "--tenant", "acme").code == 0
    assert len(list(kept.iterdir())) == 2
    assert sh("context", "add", "second", server, "--tenant", "acme").code == 0
    refused = sh("user", "list", "--context", "second", "--format", "json")
    assert (refused.code, refused.out) == (3, "")
    assert "Sign in first: secconsole --context second sign-in\n" in refused.err
    assert sh("context", "add", "main", "http://127.0.0.1:9", "--tenant", "acme", "--replace").code == 0
    assert "the connection was refused" in sh("user", "list").err
    assert sh("context", "remove", "main").code == 0
    assert not (kept / "main").exists()


def test_a_session_is_not_sent_to_another_server(
    at_server: Shell, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh = at_server
    session = sh.home / "sessions" / "main"
    kept = json.loads(session.read_text())
    session.write_text(json.dumps({**kept, "backend": "https://mfa.acme.example"}))
    session.chmod(0o600)
    assert sh("user", "list").code == 3
    answer = sh("sign-out")
    assert (answer.code, "only removed here" in answer.err) == (0, True)
    assert not session.exists()


def test_a_command_at_a_server_loads_no_store_and_no_server(at_server: Shell) -> None:
    modules = loaded(carried_out(["user", "list", "--format", "json"]), at_server.home)
    unwanted = {"sqlalchemy", "alembic", "starlette", "uvicorn", "textual", "argon2", "asyncpg"}
    assert modules & unwanted == set()
    assert "httpx" in modules


def test_a_server_that_has_gone_is_reported_in_time(nowhere: Shell) -> None:
    began = time.monotonic()
    answer = nowhere("user", "list", "--tenant", "acme", "--backend", "http://127.0.0.1:9")
    assert (answer.code, answer.out) == (6, "")
    assert answer.err == "127.0.0.1:9 cannot be reached: the connection was refused. Nothing was changed.\n"
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("command", [("init",), ("serve", "--check"), ("demo", "--no-open"), ("store", "migrate")])
@pytest.mark.parametrize("place", [("--backend", "https://mfa.example"), ("--context", "local")])
def test_commands_about_this_machine_refuse_a_server(
    shell: Shell, command: tuple[str, ...], place: tuple[str, str]
) -> None:
    for arguments in ((*command, *place), (*place, *command)):
        answer = shell(*arguments)
        assert (answer.code, "this machine" in answer.err) == (2, True)
