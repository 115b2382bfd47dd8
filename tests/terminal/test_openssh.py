"""The console as the forced command of a real OpenSSH server: sign in, unbind, and a line that drops."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import create_demo
from secconsole.backends.embedded import open_embedded
from secconsole.domain.model import BindingStatus
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.portions import verify_in_parts
from secconsole.operations.sessions import ListSessions
from secconsole.operations.users import ShowUser
from secconsole.tui.demo.codes import code_of
from tests.organisation import OWNER
from tests.postgres import wait_until
from tests.terminal.terminal_driver import Term

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason="openssh-server is not installed"),
]
TENANT = "acme"
SEPARATION = Path("/run/sshd")  # a service's start script creates it
SETTINGS = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
ClientAliveInterval 1
ClientAliveCountMax 1
AllowTcpForwarding no
ForceCommand {command}
"""


@dataclass(frozen=True)
class Bastion:
    """A server whose users get the console of a demo, and nothing else."""

    folder: Path
    home: Path
    port: int

    @property
    def command(self) -> list[str]:
        options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "IdentitiesOnly": "yes"}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-q", "-tt", "-i", str(self.folder / "user"), "-p", str(self.port), *words]

    def left_running(self) -> list[int]:
        """Return the programs that work on this home."""
        mark = f"SECCONSOLE_HOME={self.home}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:
                continue  # gone, or another user's
        return found


@pytest.fixture
def bastion(tmp_path: Path) -> Iterator[Bastion]:
    assert SSHD is not None
    if os.geteuid() == 0:
        SEPARATION.mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        asyncio.run(create_demo(home, users=30, seed=7))
    command = f"env SECCONSOLE_HOME={shlex.quote(str(home))} LC_ALL=C.UTF-8 {sys.executable} -I -m secconsole"
    (tmp_path / "settings").write_text(SETTINGS.format(port=port, folder=tmp_path, command=command))
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", tmp_path / "settings"], stderr=log)
    made = Bastion(tmp_path, home, port)
    try:
        wait_until(lambda: _answers(port), f"sshd listens: {(tmp_path / 'log').read_text()}")
        yield made
    finally:
        server.terminate()
        server.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def line(bastion: Bastion) -> Iterator[Term]:
    """A terminal at the other end, signed in as hana."""
    command = [*bastion.command, f"{getpass.getuser()}@127.0.0.1", "sh"]
    with Term(command, cols=80, rows=24, env={"SECCONSOLE_HOME": None}) as t:
        _sign_in(t, bastion)
        yield t


def _sign_in(t: Term, bastion: Bastion) -> None:
    accounts = json.loads((bastion.home / "demo.json").read_text())["accounts"]
    hana = next(account for account in accounts if account["login"] == "hana")
    assert t.wait_text("Login.*leave", 30), t.text()
    code = code_of(Secret(hana["totp_uri"]), datetime.now(UTC))[0]
    t.send(f"hana\t{hana['password']}\r{code}\r")
    assert t.wait_text("helpdesk hana.*2 Users.*users", 30), t.text()


def unbinding(t: Term, login: str) -> None:
    """Fill the dialog that unbinds a user, up to the button."""
    t.send(f"2/\x15{login}")
    assert t.wait_text(rf"1 of \d+ users.*{login}", 20), t.text()
    t.send("\ru")
    assert t.wait_text("Unbind 1 user", 20), t.text()
    t.send("lost phone\tT-17\t\x1b[C")
    assert t.wait_text(r"T-17.*\[ Unbind", 20), t.text()


def state(home: Path, login: str) -> tuple[BindingStatus, int, int]:
    """Return a user's status, the unbindings of them in the audit, which is whole, and the open sessions of hana."""

    async def read() -> tuple[BindingStatus, int, int]:
        backend = await open_embedded(OWNER, "command", database=home / "console.db")
        try:
            user = (await backend.perform(ShowUser(tenant=TENANT, user=login))).user
            entries = await backend.perform(ListAudit(tenant=TENANT, action="unbind", user=user.id))
            sessions = await backend.perform(ListSessions(tenant=TENANT, user="hana"))
            async for check in verify_in_parts(backend.perform, TENANT):
                assert check.whole
            return user.status, len(entries.items), len(sessions.items)
        finally:
            await backend.close()

    return asyncio.run(read())


@pytest.mark.parametrize("moment", ["while typing", "with the key that unbinds"])
def test_a_line_that_drops_leaves_nothing_half_done_and_nothing_running(
    bastion: Bastion, line: Term, moment: str
) -> None:
    t = line
    unbinding(t, "uma")
    t.send("\r")
    assert t.wait_text("uma is unbound", 20), t.text()
    assert state(bastion.home, "uma") == (BindingStatus.UNBOUND, 1, 1)

    unbinding(t, "marek.novak")
    assert bastion.left_running()
    if moment == "while typing":
        t.signal(signal.SIGSTOP)  # the line is silent, and only the server can notice
    else:
        t.send("\r")
        t.signal(signal.SIGKILL)
    wait_until(lambda: not bastion.left_running(), "the console has ended")
    status, entries, sessions = state(bastion.home, "marek.novak")
    assert sessions == 0
    assert (status, entries) in ((BindingStatus.BOUND, 0), (BindingStatus.UNBOUND, 1))
    assert moment != "while typing" or status is BindingStatus.BOUND
