"""The program in a terminal with a real server that is killed, stopped, restarted, or shows a wrong certificate."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from secconsole.backends.base import NoAnswer
from secconsole.backends.http import HttpBackend
from secconsole.operations.caller import Nobody
from tests.backends.conftest import Authority, scripted
from tests.extent import further
from tests.prepared import Forked, prepared
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term
from tests.terminal.test_console_walk import account, filled  # noqa: F401 - a fixture

pytestmark = pytest.mark.terminal
Console = Callable[..., Term]
SIZES = [(80, 24, []), further(200, 60, ["--theme", "secconsole-light"])]


@dataclass
class Server:
    """`secconsole serve` as a separate process, always on the same port."""

    home: Path
    port: int
    process: Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = ("secconsole", "serve", "--demo", "--listen", f"127.0.0.1:{self.port}")
        with open(os.devnull, "r+") as nothing:
            streams = [nothing.fileno()] * 3
            self.process = prepared().start(words, streams, {**os.environ, "SECCONSOLE_HOME": str(self.home)})
        asyncio.run(self._up())

    async def _up(self) -> None:
        backend = HttpBackend(self.url, Nobody())
        end = time.monotonic() + 20
        while True:
            try:
                await backend.reach()
                break
            except NoAnswer:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
        await backend.close()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def server(filled: Path, tmp_path: Path) -> Iterator[Server]:  # noqa: F811
    shutil.copytree(filled, tmp_path / "store")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Server(tmp_path / "store", port)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def console(term: Start, server: Server) -> Console:
    """Start the program over the server, signed in as hana of the helpdesk or another user."""

    def start(*words: str, login: str = "hana", **options: object) -> Term:
        t = term("-m", "secconsole", "--backend", server.url, "--tenant", "acme", *words, **options)
        assert t.wait_text("Password", 10), t.text()
        password, code = account(server.home, login)
        t.send(f"{login}\t{password}\r{code}\r")
        assert t.wait_text("live", 15), t.text()
        assert t.wait_text("users", 10), t.text()
        t.wait_quiet(0.3)
        return t

    return start


@pytest.mark.parametrize("cols, rows, words", SIZES)
def test_a_dialog_keeps_its_input_through_a_server_restart(
    console: Console, server: Server, cols: int, rows: int, words: list[str]
) -> None:
    t = console(*words, cols=cols, rows=rows)
    t.send("/status:bound\r")
    assert t.wait_text("● bound", 5), t.text()
    t.wait_quiet(0.3)
    t.send("\x1b[B\x1b[Bu")
    assert t.wait_text("Unbind 1 user", 10), t.text()
    t.send("lost phone")
    server.kill()
    assert t.wait_text(r"server not reached · data from \d\d:\d\d:\d\d, \d+ s old", 5), t.text()
    t.send("\t\t\x1b[C\r")
    assert t.wait_text("Cannot do this now: the server does not answer", 5), t.text()
    assert t.wait_words("lost phone"), t.text()
    server.start()
    assert t.wait_text("server not reached", 5, gone=True) is not None, t.text()
    t.send("\r")
    assert t.wait_text("is unbound. x undoes it", 10), t.text()


def test_a_stopped_server_is_waited_for_abandoned_and_reconnected(console: Console, server: Server) -> None:
    t = console()
    server.signal(signal.SIGSTOP)
    t.send("u")
    assert t.wait_text("waiting for the server, 1 s · esc leaves it", 5), t.text()
    t.send("\x1b")
    assert t.wait_text("esc leaves it", 5, gone=True) is not None, t.text()
    t.send("u")
    assert t.wait_text("server not reached · data from", 20), t.text()
    t.send("\x1b\x1b")
    t.wait_quiet(0.2, 2)
    assert t.key("down").changed
    t.send("?")
    assert t.wait_text("Users", 5), t.text()
    t.send("\x1b")
    server.signal(signal.SIGCONT)
    assert t.wait_text("live", 5), t.text()
    t.send("3")
    assert t.wait_text("on leave|entr", 5), t.text()
    server.signal(signal.SIGSTOP)
    t.key("ctrl+q")
    assert (t.wait_exit(5) or 9) < 3
    server.signal(signal.SIGCONT)


def test_an_idle_console_sends_nothing_and_uses_almost_no_cpu(console: Console, server: Server) -> None:
    t = console()
    t.wait_quiet(1.0, 10)
    assert server.process is not None
    before, spent, served = t.mark(), cpu_seconds(t.pid), cpu_seconds(server.process.pid)
    t.wait_until(lambda _: False, 3.0)
    assert t.mark() == before
    assert cpu_seconds(t.pid) - spent < 0.15
    assert cpu_seconds(server.process.pid) - served < 0.3


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_console_over_a_server_never_imports_the_store(term: Start, server: Server, tmp_path: Path) -> None:
    answer = tmp_path / "modules"
    program = (
        "import atexit, pathlib, sys\n"
        f"answer = pathlib.Path({str(answer)!r})\n"
        "atexit.register(lambda: answer.write_text(' '.join({n.partition('.')[0] for n in sys.modules})))\n"
        f"sys.argv = ['secconsole', '--backend', {server.url!r}, '--tenant', 'acme']\n"
        "from secconsole.__main__ import main\n"
        "main()\n"
    )
    t = term("-c", program)
    assert t.wait_text("Password", 10), t.text()
    password, code = account(server.home, "petra")
    t.send(f"petra\t{password}\r{code}\r")
    assert t.wait_text("live", 15), t.text()
    for place in "234571":
        t.send(place)
        t.wait_quiet(0.3)
    t.key("ctrl+q")
    assert t.wait_exit(5) is not None
    loaded = set(answer.read_text().split())
    unwanted = {
        "sqlalchemy",
        "alembic",
        "starlette",
        "uvicorn",
        "argon2",
        "cryptography",
        "sqlite3",
    }
    assert loaded & unwanted == set()
    assert "httpx" in loaded


def test_two_consoles_see_each_others_changes(console: Console, server: Server) -> None:
    one = console()
    two = console(login="petra")
    two.send("2")
    assert two.wait_text("Signed in", 5), two.text()
    one.send("/status:bound\r")
    two.send("/status:bound\r")
    assert one.wait_text("bound", 5)
    assert two.wait_text("bound", 5)
    one.wait_quiet(0.5)
    two.wait_quiet(0.5)
    one.send("u")
    assert one.wait_text("Unbind 1 user", 10), one.text()
    login = one.text().split("Unbind 1 user")[1].split("\n")[2].split()[1]
    one.send("lost phone\t\t\x1b[C\r")
    assert one.wait_text("is unbound", 10), one.text()
    assert two.wait_until(lambda t: login not in t.text(), 5), two.text()


@pytest.mark.parametrize("days, words", [((-9, -2), "has expired"), ((-1, 9), "is from an authority that")])
def test_an_invalid_certificate_is_explained_and_cannot_be_bypassed(
    term: Start, tmp_path: Path, days: tuple[int, int], words: str
) -> None:
    (tmp_path / "ca").mkdir()
    authority = Authority(tmp_path / "ca")
    trusted = ["--ca-file", str(authority.file)] if "expired" in words else []

    async def walk() -> None:
        async with scripted([], authority.server(days=days)) as (port, asked):
            await asyncio.to_thread(refused, port)
        assert asked.lines == []

    def refused(port: int) -> None:
        t = term("-m", "secconsole", "--backend", f"https://localhost:{port}", *trusted, "--tenant", "acme")
        assert t.wait_text(words, 10), t.text()
        t.send("ana\tsome password\r\r\x1b\ry")
        assert t.wait_text("Not signed in yet", 5), t.text()
        assert t.wait_words(words), t.text()
        assert b"some password" not in t.raw

    assert isinstance(authority.server(), ssl.SSLContext)
    asyncio.run(walk())
