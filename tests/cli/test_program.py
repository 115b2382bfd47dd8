"""The program: exit codes, one line of error, and the shell around it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import secconsole
from secconsole.cli.command import ConsoleOptions
from secconsole.config.start_at import StartAt
from secconsole.domain.errors import Unavailable
from tests.cli.conftest import PASSWORD, Shell

ROOT = Path(secconsole.__file__).parent.parent


def program(home: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "-m", "secconsole", *arguments],
        env={**os.environ, "SECCONSOLE_HOME": str(home)},
        cwd=ROOT,
        text=True,
        check=False,
        **{"capture_output": True, **options},
    )
    return done


def test_the_calls_of_the_contract_work_as_a_program(tmp_path: Path) -> None:
    home = tmp_path / "h"
    made = program(home, "init", "--tenant", "acme", "--admin", "root", "--password-stdin", input=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    people = tmp_path / "people.csv"
    people.write_text("login,name,email,phone,role\nana,Ana,ana@acme.example,,\n")
    assert program(home, "user", "import", str(people), "--tenant", "acme", "--format", "json").returncode == 0
    listed = program(home, "user", "list", "--tenant", "acme", "--status", "unbound", "--format", "json")
    assert '"login":"ana"' in listed.stdout
    assert listed.stderr == ""


def test_a_closed_pipe_is_not_an_error(shell: Shell) -> None:
    people = "login\n" + "".join(f"user-with-a-very-long-login-{number:05}\n" for number in range(3000))
    assert shell("user", "import", "-", input=people).code == 0
    command = f"{sys.executable} -m secconsole user list --all --format csv | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "141"
    assert done.stderr == ""


def test_a46_unwritable_output_is_reported(shell: Shell) -> None:
    with open("/dev/full", "w") as full:
        done = program(shell.home, "user", "list", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (6, "The result cannot be written: No space left on device.\n")


def test_a38_ctrl_c_ends_it_quietly(shell: Shell, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "secconsole", "user", "import", str(pipe)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process, pipe.open("w") as writer:  # opens once the program has opened its end
        writer.write("login\nana\n")
        writer.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"\n")
    assert len(shell.json("user", "list")["items"]) == 1


def test_a35_a_crash_is_one_line_and_a_report_without_secrets(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        seed = "JBSWY3DPEHPK3PXP"
        raise RuntimeError(f"cannot use {seed}")

    monkeypatch.setattr("secconsole.backends.open.open_backend", fail)
    answer = shell("user", "list")
    assert (answer.code, answer.out, answer.err.count("\n")) == (6, "", 1)
    assert answer.err.startswith("secconsole stopped on an internal error (RuntimeError). The report")
    (report,) = (shell.home / "log").iterdir()
    assert str(report) in answer.err
    assert "JBSWY3DP" not in answer.err + report.read_text()


@pytest.mark.parametrize("arguments", [["usr"], ["user", "show"], ["user", "list", "--bogus"], ["user", "lst"]])
def test_wrong_usage_is_one_line_that_names_the_help(shell: Shell, arguments: list[str]) -> None:
    answer = shell(*arguments)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert answer.err.endswith("--help\n")


def test_a_group_alone_shows_its_commands(shell: Shell) -> None:
    answer = shell("user")
    assert answer.code == 2
    assert "reset-password" in answer.err


def test_a15_hostile_arguments_are_escaped(shell: Shell) -> None:
    hostile = "\x1b]0;owned\x07[red]\u202eana"
    for arguments in (
        ["user", "show", hostile],
        [hostile],
        ["unbind", hostile, "--reason", "x"],
        ["whitelist", "add", hostile, "--reason", "x"],
        ["undo", hostile],
        ["user", "list", "--cursor", hostile],
        ["user", "list", "--tenant", hostile],
    ):
        answer = shell(*arguments)
        assert answer.code in (2, 4)
        assert "\x1b" not in answer.out + answer.err
        assert "\u202e" not in answer.out + answer.err


def test_a15_hostile_data_from_the_store_is_escaped(shell: Shell) -> None:
    hostile = "\x1b]52;c;AAAA\x07\x9b31m[@click=app.quit]\u202eAna\u200b"
    shell("user", "create", "ana", "--name", hostile)
    shell.bind("ana")
    shell("whitelist", "add", "ana", "--reason", hostile)
    for arguments in (
        ["user", "list"],
        ["user", "show", "ana"],
        ["whitelist", "list"],
        ["audit", "list"],
        ["unbind", "ana", "--dry-run"],
        ["unbind", "ana", "--reason", hostile],
    ):
        answer = shell(*arguments)
        assert answer.code == 0
        assert all(char.isprintable() or char == "\n" for char in answer.out + answer.err)
    assert "\\x1b]52;c;AAAA\\x07\\x9b31m[@click=app.quit]\\u202eAna\\u200b" in shell("user", "list").out


def test_an_argument_that_is_not_utf_8_is_refused(shell: Shell) -> None:
    assert shell("user", "create", "an\udcffa").code == 2


def test_without_a_command_the_console_opens_with_the_given_options(shell: Shell) -> None:
    options = ["--read-only", "--theme", "fjord", "--no-mouse", "--tenant", "acme", "--context", "lab"]
    assert shell(*options).code == 0
    assert shell.opened == [ConsoleOptions(None, "acme", "lab", "fjord", read_only=True, mouse=False)]
    assert shell("--read-only", "user", "list").code == 2


def test_the_console_begins_at_a_user_a_filter_or_a_place(shell: Shell) -> None:
    for option, value in (("user", "ana"), ("filter", "status:unbound"), ("place", "audit")):
        assert shell(f"--{option}", value).code == 0
        assert shell.opened[-1].start == StartAt(**{option: value})
        assert shell(f"--{option}", value, "user", "list").code == 2
    for wrong in (
        ["--place", "moon"],
        ["--filter", "status:moon"],
        ["--filter", ""],
        ["--user", ""],
        ["--user", "x" * 300],
    ):
        assert shell(*wrong).code == 2, wrong
    assert shell("--user", "ana", "--place", "audit").code == 2


def test_every_command_has_help(nowhere: Shell) -> None:
    def walk(*path: str) -> list[str]:
        answer = nowhere(*path, "--help")
        assert answer.code == 0, answer.err
        assert answer.out.startswith("Usage: secconsole")
        assert "--tenant NAME" in answer.out
        _, found, commands = answer.out.partition("\nCommands:\n")
        if not found:
            return [answer.out]
        names = [line.split()[0] for line in commands.split("\n\n")[0].splitlines() if line[2:3].strip()]
        return [text for name in names for text in walk(*path, name)]

    texts = walk()
    assert len(texts) > 35
    assert all(len(text.splitlines()) > 6 for text in texts)
    assert nowhere("--version").out == f"secconsole {secconsole.__version__}\n"


@pytest.mark.parametrize(("shell_name", "word"), [("bash", "COMP_WORDS"), ("zsh", "#compdef"), ("fish", "complete")])
def test_completion_scripts(nowhere: Shell, shell_name: str, word: str) -> None:
    answer = nowhere("completion", shell_name)
    assert answer.code == 0
    assert word in answer.out


def test_completion_offers_commands_and_values(tmp_path: Path) -> None:
    def offered(words: str) -> str:
        variables = {"_SECCONSOLE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return subprocess.run(
            [sys.executable, "-m", "secconsole"],
            env={**os.environ, **variables, "SECCONSOLE_HOME": str(tmp_path)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    assert "plain,unbind\n" in offered("secconsole un")
    assert "plain,reset-password\n" in offered("secconsole user re")
    assert "plain,required\n" in offered("secconsole policy set r")


def test_an_import_of_thousands_of_lines_is_quick(shell: Shell) -> None:
    people = "login,name,email,phone,role\n" + "".join(
        f'user.{n},"Somebody, {n}",user.{n}@acme.example,+420601{n:06},user\n' for n in range(5_000)
    )
    start = time.monotonic()
    assert shell.json("user", "import", "-", input=people)["created"] == 5_000
    assert time.monotonic() - start < 20


def test_store_errors_keep_their_messages_and_exit_codes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unavailable(*_: object, **__: object) -> None:
        raise Unavailable("The disk is full. Nothing was changed. Free some space and try again.")

    monkeypatch.setattr("secconsole.backends.embedded.EmbeddedBackend.perform", unavailable)
    answer = shell("user", "create", "ana")
    assert (answer.code, answer.err) == (6, "The disk is full. Nothing was changed. Free some space and try again.\n")
