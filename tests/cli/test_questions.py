"""Questions at a terminal: hidden passwords, confirmations for many users, repeated proofs."""

from __future__ import annotations

import base64
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import secconsole
from secconsole.domain.secret import Secret
from tests.cli.conftest import PASSWORD, Shell, code
from tests.delivery.post import digits_in, other
from tests.delivery.servers import Servers
from tests.postgres import wait_until
from tests.prepared import Forked, prepared

pytestmark = pytest.mark.terminal
ROOT = Path(secconsole.__file__).parent.parent


class Terminal:
    """A program in a terminal."""

    def __init__(self, process: Forked, master: int) -> None:
        self.process = process
        self.text = ""
        self._master = master
        self._seen = 0

    def expect(self, wanted: str) -> None:
        """Wait until the program writes something, after what was waited for before."""
        end = time.monotonic() + 20
        while wanted not in self.text[self._seen :]:
            assert self._read(end), f"{wanted!r} did not come: {self.text!r}"
        self._seen = self.text.index(wanted, self._seen) + len(wanted)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def ends_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        return time.monotonic() < end

    def code(self) -> int:
        """Wait for the end."""
        end = time.monotonic() + 20
        while self._read(end):
            pass
        return self.process.wait(10)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:  # the program has closed its side
            return False
        self.text += data.decode()
        return bool(data)


@contextmanager
def at_terminal(*arguments: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = prepared().start(("secconsole", *arguments), [slave] * 3, cwd=str(ROOT))
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_init_asks_for_missing_values(nowhere: Shell) -> None:
    with at_terminal("init") as terminal:
        terminal.expect("Tenant (the organisation's short name):")
        terminal.type("acme\n")
        terminal.expect("Administrator's login:")
        terminal.type("root\n")
        terminal.expect("New password:")
        terminal.type(f"{PASSWORD}\n")
        terminal.expect("Repeat the password:")
        terminal.type(f"{PASSWORD}\n")
        assert terminal.code() == 0
        assert PASSWORD not in terminal.text
    assert nowhere.json("user", "list")["items"][0]["login"] == "root"


def test_init_shows_the_rules_and_asks_again_after_a_mismatch(nowhere: Shell) -> None:
    with at_terminal("init", "--tenant", "acme", "--admin", "root") as terminal:
        terminal.expect("At least 15 characters")
        terminal.expect("New password:")
        terminal.type("short\n")
        terminal.expect("The password is too short")
        terminal.expect("New password:")
        terminal.type(f"{PASSWORD}\n")
        terminal.expect("Repeat the password:")
        terminal.type(f"{PASSWORD}r\n")
        terminal.expect("The two passwords differ")
        terminal.expect("New password:")
        assert not (nowhere.home / "console.db").exists()
        terminal.type(f"{PASSWORD}\n")
        terminal.expect("Repeat the password:")
        terminal.type(f"{PASSWORD}\n")
        assert terminal.code() == 0
        assert PASSWORD not in terminal.text
    assert (nowhere.home / "console.db").exists()


def test_ctrl_d_in_place_of_a_password_creates_nothing(nowhere: Shell) -> None:
    with at_terminal("init", "--tenant", "acme", "--admin", "root") as terminal:
        terminal.expect("New password:")
        terminal.type("\x04")
        assert terminal.code() == 2
        assert "No answer was given" in terminal.text
    assert not nowhere.home.exists()


def test_lines_pasted_behind_init_are_not_left_to_the_shell(shell: Shell) -> None:
    """The store exists, so init ends before it asks: the pasted password would be the shell's next command."""
    master, slave = pty.openpty()
    os.write(master, f"{PASSWORD}\n{PASSWORD}\n".encode())
    assert select.select([slave], [], [], 5)[0]
    words = [sys.executable, "-m", "secconsole", "init", "--tenant", "acme", "--admin", "root"]
    try:  # not in a session of its own, with whose end the terminal would be closed
        assert subprocess.run(words, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, timeout=20).returncode == 5
        assert not select.select([slave], [], [], 0)[0]
    finally:
        os.close(slave)
        os.close(master)


@pytest.mark.parametrize("key", ["\x03", None])
def test_a38_ctrl_c_ends_a_question(shell: Shell, key: str | None) -> None:
    with at_terminal("sign-in", "root", "--tenant", "acme") as terminal:
        terminal.expect("Password:")
        for _ in range(3):  # a signal between the interpreter's last check and its read waits for the next one
            if key:
                terminal.type(key)
            else:
                terminal.process.send_signal(signal.SIGINT)
            if terminal.ends_within(5):
                break
        assert terminal.code() == 130
        assert "Traceback" not in terminal.text


def test_sign_in_asks_for_password_and_code(shell: Shell) -> None:
    seed = shell.bind("root")
    shell("policy", "set", "required", "--no-whitelist-admins")
    with at_terminal("sign-in", "root", "--tenant", "acme") as terminal:
        terminal.expect("Password:")
        terminal.type(f"{PASSWORD}\n")
        terminal.expect("Code:")
        terminal.type(code(seed, 1))
        assert terminal.code() == 0
        assert PASSWORD not in terminal.text
    assert shell.json("tenant", "list")["items"][0]["name"] == "acme"


def test_a_factor_is_bound_during_sign_in(shell: Shell) -> None:
    shell("policy", "set", "required", "--no-whitelist-admins")
    with at_terminal("sign-in", "root", "--tenant", "acme") as terminal:
        terminal.expect("Password:")
        terminal.type(f"{PASSWORD}\n")
        terminal.expect("Code:")
        found = re.search(r"^([A-Z2-7]{32})\r$", terminal.text, re.MULTILINE)
        assert found
        made = subprocess.run(["python3", "-c", OATH, found[1]], capture_output=True, text=True, check=True, cwd=ROOT)
        terminal.type(made.stdout)
        assert terminal.code() == 0
    assert shell.status("root") == "bound"


OATH = """\
import base64, hashlib, hmac, sys, time
digest = hmac.digest(base64.b32decode(sys.argv[1]), (int(time.time()) // 30).to_bytes(8, "big"), "sha1")
start = digest[-1] & 15
print(f"{(int.from_bytes(digest[start:start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}")
"""


def test_a12_dangerous_commands_ask_for_the_password_again(shell: Shell) -> None:
    shell("sign-in", "root", "--tenant", "acme", input=f"{PASSWORD}\n")
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("UPDATE sessions SET proved = proved - 600000")
    answer = shell("policy", "set", "optional")
    assert (answer.code, answer.err.endswith("secconsole sign-in\n")) == (3, True)
    with at_terminal("policy", "set", "optional") as terminal:
        terminal.expect("This operation requires the password of root again.")
        terminal.expect("Password:")
        terminal.type("wrong horse\n")
        assert terminal.code() == 3
    with at_terminal("policy", "set", "optional") as terminal:
        terminal.expect("Password:")
        terminal.type(f"{PASSWORD}\n")
        assert terminal.code() == 0
    assert shell.json("policy", "show")["policy"] == "optional"


def test_a_few_are_confirmed_with_yes_and_many_by_their_number(shell: Shell) -> None:
    shell.create("ana", "bob")
    shell.bind("ana")
    with at_terminal("unbind", "ana", "bob", "--reason", "x") as terminal:
        terminal.expect("2 users: 1 bound, 1 unbound already.")
        terminal.expect("Unbind 2 users? [y/N]")
        terminal.type("\n")
        assert terminal.code() == 2
    assert shell.status("ana") == "bound"
    logins = [f"u{number:02}" for number in range(20)]
    shell("user", "import", "-", input="login\n" + "\n".join(logins) + "\n")
    with at_terminal("unbind", "ana", *logins, "--reason", "x") as terminal:
        terminal.expect("Type the number of users to unbind them:")
        terminal.type("y\n")
        assert terminal.code() == 2
    with at_terminal("unbind", "ana", *logins, "--reason", "x") as terminal:
        terminal.expect("Type the number of users to unbind them:")
        terminal.type("21\n")
        assert terminal.code() == 7
    assert shell.status("ana") == "unbound"


def test_one_user_needs_no_confirmation(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    with at_terminal("unbind", "ana", "--reason", "lost phone") as terminal:
        assert terminal.code() == 0


def test_removing_a_factor_asks_for_confirmation(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    (factor,) = shell.json("factor", "list", "ana")["items"]
    with at_terminal("factor", "remove", factor["id"]) as terminal:
        terminal.expect("This cannot be undone. [y/N]")
        terminal.type("n\n")
        assert terminal.code() == 1
    assert shell.status("ana") == "bound"


def test_a_long_import_shows_progress_on_a_terminal(shell: Shell, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("login\n" + "".join(f"u{number:04}\n" for number in range(2500)))
    with at_terminal("user", "import", str(people)) as terminal:
        terminal.expect("Imported lines: 2,000")
        terminal.expect("Created    2,500")
        assert terminal.code() == 0


def test_a_table_fits_the_terminal(shell: Shell) -> None:
    shell("user", "create", "ana", "--name", "Ana " * 40)
    with at_terminal("user", "list") as terminal:
        assert terminal.code() == 0
    assert max(len(line) for line in terminal.text.splitlines()) <= 80
    assert "…" in terminal.text


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


def test_an_address_is_bound_at_the_sign_in_that_demands_a_factor(shell: Shell, servers: Servers) -> None:
    host = ("--host", "127.0.0.1", "--port", str(servers.mailbox.port))
    assert shell("delivery", "set-smtp", *host, "--sender", "mfa@acme.example").code == 0
    assert shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example").code == 0
    assert shell("delivery", "test", "--confirm", digits_in(servers.mailbox.text()).reveal()).code == 0
    assert shell("policy", "set", "required", "--kinds", "totp,email", "--no-whitelist-admins").code == 0
    with at_terminal("sign-in", "root", "--tenant", "acme") as terminal:
        terminal.expect("Password:")
        terminal.type(f"{PASSWORD}\n")
        terminal.expect("2  email")
        terminal.expect("Which kind, 1 to 2:")
        terminal.type("2\n")
        terminal.expect("E-mail address (empty for the one on record):")
        terminal.type("root at acme\n")
        terminal.expect("That is not an e-mail address")
        terminal.expect("E-mail address (empty for the one on record):")
        terminal.type("root@acme.example\n")
        terminal.expect("r•••@acme.example. Enter the digits after ")
        terminal.expect("Code:")
        wait_until(lambda: len(servers.mailbox.mails) == 2, "the mail with the code", seconds=20)
        sent = digits_in(servers.mailbox.text())
        terminal.type(f"{other(sent).reveal()}\n")
        terminal.expect("That code is wrong")
        terminal.expect("Code:")
        terminal.type(f"{sent.reveal()}\n")
        assert terminal.code() == 0, terminal.text
    assert shell.status("root") == "bound"


def test_a_wrong_code_keeps_the_key(shell: Shell) -> None:
    assert shell("policy", "set", "required", "--no-whitelist-admins").code == 0
    with at_terminal("sign-in", "root", "--tenant", "acme") as terminal:
        terminal.expect("Password:")
        terminal.type(f"{PASSWORD}\n")
        terminal.expect("enter the code that it shows.")
        terminal.expect("Code:")
        (key,) = re.findall(r"\b[A-Z2-7]{32}\b", terminal.text)
        terminal.type("1\n")
        terminal.expect("Code:")
        assert len(re.findall(r"\b[A-Z2-7]{32}\b", terminal.text)) == 1
        terminal.type(code(Secret(base64.b32decode(key))))
        assert terminal.code() == 0, terminal.text
    assert shell.status("root") == "bound"
