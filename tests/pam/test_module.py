"""The module in a real program: signing in, and refusing whatever goes wrong."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.backends.demo.accounts import demo_accounts
from secconsole.tui.demo.codes import code_of
from tests.pam.module import Machine, Running, agent, build

ACCEPTED = "successfully authenticated"
AWAY = "Authentication service cannot retrieve authentication info"
FUZZED = 60


@pytest.fixture
def replies(filled: Path) -> str:
    """What uma types: her password and the code that her phone shows."""
    return replies_of("uma", filled)


def replies_of(login: str, home: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        account = next(account for account in demo_accounts() if account.login == login)
    code = code_of(account.totp_uri, datetime.now(UTC))[0] if account.totp_uri else ""
    return f"{account.password.reveal()}\n{code}\n"


def test_password_and_code_are_accepted(machine: Machine, answered: Running, replies: str) -> None:
    tried = machine.try_user("uma", replies)
    assert tried.returncode == 0, (tried.stdout, answered.said())
    assert ACCEPTED in tried.stdout
    assert "uma from this machine over secconsole-test: accepted" in answered.said()
    again = machine.try_user("uma", replies)  # the code has been used
    assert again.returncode != 0
    assert "Each code works once" in again.stderr
    assert ACCEPTED not in again.stdout


@pytest.mark.parametrize("typed", ["", "wrong\nwrong\nwrong\n", "uma shows the demo\n"])
def test_wrong_and_missing_replies_are_refused(machine: Machine, answered: Running, typed: str) -> None:
    tried = machine.try_user("uma", typed)
    assert tried.returncode != 0
    assert ACCEPTED not in tried.stdout


def test_without_an_agent_every_sign_in_is_refused_and_the_log_says_so(machine: Machine, replies: str) -> None:
    tried = machine.try_user("uma", replies)
    assert AWAY in tried.stdout + tried.stderr
    # the wrapper writes there what the system log would hear
    assert "refusing every sign-in: no agent at" in tried.stderr


@pytest.mark.parametrize("option", ["tiemout=5", "timeout=0", "timeout=9x", "timeout=601", "socket=relative", "nullok"])
def test_an_option_that_is_not_understood_refuses_every_sign_in(
    machine: Machine, answered: Running, replies: str, option: str
) -> None:
    machine.configure(option)
    tried = machine.try_user("uma", replies)
    assert AWAY in tried.stdout + tried.stderr
    assert "option not understood" in tried.stderr


def test_a_socket_with_too_long_a_path_refuses_every_sign_in(machine: Machine, replies: str) -> None:
    machine.configure(f"socket=/{'x' * 120}")
    assert AWAY in (tried := machine.try_user("uma", replies)).stdout + tried.stderr


def test_an_agent_that_ends_in_the_middle_refuses(machine: Machine) -> None:
    with _answering(machine, b"S0009Password: "):
        tried = machine.try_user("uma", "x\ny\n")
    assert AWAY in tried.stdout + tried.stderr
    assert "broke off" in tried.stderr


def test_an_agent_that_says_nothing_is_given_up(machine: Machine) -> None:
    machine.configure("timeout=1")
    with _answering(machine, b"", keep_open=True):
        tried = machine.try_user("uma", "x\n")
    assert AWAY in tried.stdout + tried.stderr


def test_another_user_of_the_machine_may_not_ask(machine: Machine, demo: Path, replies: str) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    with agent(machine, demo):
        machine.socket.chmod(0o666)
        for folder in (machine.folder, *machine.folder.parents[:3], machine.module.parent):
            folder.chmod(folder.stat().st_mode | 0o011 | 0o044)
        words = ("setpriv", "--reuid", "nobody", "--clear-groups")
        tried = machine.try_user("uma", replies, under=words)
    assert tried.returncode != 0
    assert ACCEPTED not in tried.stdout


def test_a_break_glass_group_needs_no_agent(machine: Machine) -> None:
    """The group is in the configuration of PAM, so that nothing of ours has to run."""
    machine.configure(before="auth sufficient pam_succeed_if.so quiet user = emergency\n")
    assert ACCEPTED in machine.try_user("emergency", "").stdout
    assert ACCEPTED not in machine.try_user("uma", "").stdout


@pytest.fixture(scope="session")
def checked(tmp_path_factory: pytest.TempPathFactory, module: Path) -> tuple[Path, str]:
    """The module with checks of its memory accesses, and the library that these need."""
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout
    library = found.strip()
    if not Path(library).is_absolute():
        pytest.skip("not installed: libasan")
    return build(tmp_path_factory.mktemp("checked"), flags="-fsanitize=address,undefined"), library


def test_no_bytes_of_an_agent_are_accepted_or_break_the_module(machine: Machine, checked: tuple[Path, str]) -> None:
    made = Machine(machine.folder, checked[0])
    made.configure("timeout=2")
    chance = random.Random(7)
    for number in range(FUZZED):
        frames = _almost_frames(chance)
        with _answering(made, frames):
            tried = made.try_user("uma", "x\n" * 9, preloaded=(checked[1],))
        assert "AddressSanitizer" not in tried.stderr, (number, frames, tried.stderr)
        assert "runtime error" not in tried.stderr, (number, frames, tried.stderr)
        assert ACCEPTED not in tried.stdout, (number, frames)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_a_sign_in_leaves_nothing_behind_in_memory(machine: Machine, answered: Running, replies: str) -> None:
    words = ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite")
    tried = machine.try_user("uma", replies, under=words)
    assert tried.returncode == 0, tried.stderr


def _almost_frames(chance: random.Random) -> bytes:
    """Return frames of every kind but the accepting one, with wrong lengths, zeros and pieces cut off."""
    made = b""
    for _ in range(chance.randint(1, 6)):
        text = bytes(chance.choice(b"%sn\x00\xff abc\n\x1b") for _ in range(chance.choice((0, 1, 30, 600))))
        length = chance.choice((len(text), len(text), len(text), len(text) + 1, 9999, 0))
        head = chance.choice(b"IEPSPSNUXZ\x00").to_bytes(1) + f"{length:04d}".encode()
        made += chance.choice((head, head, head, head[:3] + b"-1", head.replace(b"0", b" "))) + text
    return made[: chance.choice((len(made), len(made) // 2))].replace(b"Y", b"N")


@contextmanager
def _answering(machine: Machine, content: bytes, *, keep_open: bool = False) -> Iterator[None]:
    """Answer one conversation with these bytes, whatever is said."""
    with socket.socket(socket.AF_UNIX) as listening:
        machine.socket.unlink(missing_ok=True)
        listening.bind(str(machine.socket))
        listening.listen()
        done = threading.Event()

        def answer() -> None:
            opened, _ = listening.accept()
            with opened:
                opened.sendall(content)
                if keep_open:
                    done.wait(30)
                else:
                    opened.shutdown(socket.SHUT_WR)
                    with suppress(ConnectionResetError):  # the module has closed before it read everything
                        while opened.recv(1024):
                            pass

        running = threading.Thread(target=answer)
        running.start()
        try:
            yield
        finally:
            done.set()
            running.join(30)
