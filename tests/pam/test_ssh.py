"""A real OpenSSH server that asks secconsole: sign-ins, a first phone, public keys, and hostile names."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.domain.factors.otpauth import seed_from_text
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from tests.pam.module import Machine, Running
from tests.pam.test_module import replies_of
from tests.postgres import wait_until
from tests.terminal.terminal_driver import Term

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason="openssh-server is not installed"),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can let others sign in"),
]
PROGRAM = "secconsole-sshd"  # whose name is that of the PAM service
HOSTILE = ("%s%n%s%n", "../../uma", "u" * 300)  # of which the client itself lets these through
SETTINGS = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM yes
PermitRootLogin yes
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication yes
AuthenticationMethods {methods}
MaxAuthTries 3
MaxStartups 100
MaxSessions 50
LogLevel VERBOSE
"""


@dataclass(frozen=True)
class Door:
    """A running server."""

    folder: Path
    port: int

    def command(self, user: str, *words: str, key: bool = False, **more: str) -> list[str]:
        options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "LogLevel": "ERROR", **more}
        options["PreferredAuthentications"] = "publickey,keyboard-interactive" if key else "keyboard-interactive"
        named = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        identity = ["-i", str(self.folder / "user")] if key else []
        return ["ssh", "-F", "none", "-p", str(self.port), *identity, *named, "-l", user, "127.0.0.1", *words]

    def without_terminal(self, user: str) -> subprocess.Popen[bytes]:
        """Start a sign-in with one wrong password."""
        answer = self.folder / "wrong"
        answer.write_text("#!/bin/sh\necho wrong\n")
        answer.chmod(0o700)
        env = {**os.environ, "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        words = ["setsid", *self.command(user, "true", NumberOfPasswordPrompts="1")]
        silent = subprocess.DEVNULL
        return subprocess.Popen(words, env=env, stdin=silent, stdout=silent, stderr=silent)

    def term(self, user: str, *words: str, key: bool = False, rows: int = 48) -> Term:
        return Term(self.command(user, *words, key=key), cols=90, rows=rows)


@pytest.fixture
def methods() -> str:
    return "keyboard-interactive:pam"


@pytest.fixture
def door(machine: Machine, answered: Running, methods: str) -> Iterator[Door]:
    """A server whose users are those of the demo, all with one shell and home."""
    assert SSHD is not None
    Path("/run/sshd").mkdir(exist_ok=True)
    folder = machine.folder
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    program = Path(shutil.copy(SSHD, folder / PROGRAM))
    machine.configure(service=PROGRAM)
    with (folder / "pam.d" / PROGRAM).open("a") as service:
        service.write("session required pam_permit.so\n")
    root = pwd.getpwuid(0)
    people = "".join(f"{name}:x:0:0::{root.pw_dir}:/bin/sh\n" for name in ("uma", "newton"))
    (folder / "passwd").write_text(
        f"root:x:0:0::{root.pw_dir}:/bin/sh\nsshd:x:105:65534::/run/sshd:/bin/false\n{people}"
    )
    (folder / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "settings").write_text(SETTINGS.format(port=port, folder=folder, methods=methods))
    env = machine.environment("libnss_wrapper.so") | {
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", folder / "settings"], stderr=log, env=env)
    try:
        wait_until(lambda: _answers(port), f"sshd listens: {(folder / 'log').read_text()}")
        yield Door(folder, port)
    finally:
        server.terminate()
        server.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def test_password_and_code_open_a_shell(door: Door, answered: Running, filled: Path) -> None:
    password, code = replies_of("uma", filled).splitlines()
    with door.term("uma", "echo in as $USER") as term:
        assert term.wait_text("Password:", 5), term.text()
        term.type(f"{password}\r")
        assert term.wait_text("Code from your authenticator app:", 5), term.text()
        term.type(f"{code}\r")
        assert term.wait_text("in as uma", 5), (term.text(), answered.said())
    assert f"uma from 127.0.0.1 over {PROGRAM}: accepted" in answered.said()


def test_a_first_phone_is_bound_within_the_prompt(door: Door, filled: Path) -> None:
    password = _password("newton", filled)
    with door.term("newton", "echo in as $USER") as term:
        assert term.wait_text("Password:", 5), term.text()
        term.type(f"{password}\r")
        assert term.wait_text("What do you want to use", 5), term.text()
        term.type("1\r")
        assert term.wait_text("Show it as", 5), term.text()
        term.type("3\r")
        assert term.wait_text("Code that the app shows now", 5), term.text()
        key = re.search(r"Key: ([A-Z2-7 ]+)", term.text())
        assert key is not None
        seed = seed_from_text(Secret(key[1]))
        term.type(f"{code_for_step(seed, time_step(datetime.now(UTC).timestamp()))}\r")
        assert term.wait_text("in as newton", 5), term.text()


@pytest.mark.parametrize("methods", ["publickey,keyboard-interactive:pam"])
def test_a_public_key_comes_first_and_is_not_enough(door: Door, filled: Path) -> None:
    password, code = replies_of("uma", filled).splitlines()
    with door.term("uma", "echo in as $USER", key=True) as term:
        assert term.wait_text("Password:", 5), term.text()
        term.type(f"{password}\r")
        assert term.wait_text("Code from", 5), term.text()
        term.type(f"{code}\r")
        assert term.wait_text("in as uma", 5), term.text()
    without = subprocess.run(door.command("uma", "true", BatchMode="yes"), capture_output=True, timeout=30)
    assert without.returncode == 255


@pytest.mark.parametrize("user", HOSTILE)
def test_hostile_names_are_refused_and_logged_as_text(door: Door, answered: Running, user: str) -> None:
    assert door.without_terminal(user).wait(60) == 255
    said = answered.said()
    assert "refused" in said
    assert "accepted" not in said
    assert "error" not in said


def test_many_at_once_are_all_answered(door: Door, answered: Running) -> None:
    running = [door.without_terminal("uma") for _ in range(12)]
    assert {process.wait(60) for process in running} == {255}
    wait_until(lambda: answered.said().count("refused:") == len(running), "every conversation ends")


def test_an_agent_killed_in_the_middle_refuses(door: Door, answered: Running, filled: Path) -> None:
    with door.term("uma", "echo in as $USER") as term:
        assert term.wait_text("Password:", 5), term.text()
        answered.process.kill()
        term.type(f"{_password('uma', filled)}\r")
        wait_until(lambda: term.proc.poll() is not None, "the client ends")
        assert "in as" not in term.text()
    assert "broke off" in (door.folder / "log").read_text()


def _password(login: str, home: Path) -> str:
    return replies_of(login, home).splitlines()[0]
