"""Every command with its standard streams closed or full: one line, the right exit code, never a traceback (A46).

Exit 1 means a negative answer, which scripts read as a refused code, so nothing else may end with it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from secconsole.cli.app import cli
from secconsole.cli.diagnostics import ExitCode
from tests.cli.conftest import Shell
from tests.cli.forking import Ended, Forking

WORDS = {
    "login": "ana",
    "logins": "ana",
    "file": "-",
    "event": "01HX",
    "name": "lab",
    "email": "ana@acme.example",
    "reason": "a test",
    "host": "127.0.0.1",
    "sender": "mfa@acme.example",
    "account_sid": "AC" + "0" * 32,
}
MORE = {
    ("demo",): ("--users", "10", "--no-open"),
    ("serve",): ("--check",),
    ("pam-agent",): ("--check", "--listen", "unix:agent.sock"),
    ("policy", "set"): ("optional",),
    ("store", "migrate"): ("--store", "sqlite:///nothing"),
    ("session", "end"): ("--others", "--user", "ana"),
}
STREAMS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {  # closed, and full
    "input and output closed": ((0, 1), ()),
    "output full, errors closed": ((2,), (1,)),
}


Words = tuple[str, ...]


def commands(command: click.Command = cli, path: Words = ()) -> Iterator[tuple[Words, click.Command]]:
    """The commands that do something, each with its path."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(click.Context(cli)):
        found = command.get_command(click.Context(cli), name)
        assert found is not None
        yield from commands(found, (*path, name))


def line_of(path: tuple[str, ...], command: click.Command) -> tuple[str, ...]:
    """A command line with all that it needs."""
    words: list[str] = []
    for parameter in command.params:
        if parameter.required:
            given = parameter.type.choices[0] if isinstance(parameter.type, click.Choice) else None
            assert parameter.name is not None
            value = str(given or WORDS.get(parameter.name, "x"))
            words += [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]
    return (*path, *words, *MORE.get(path, ()))


@pytest.fixture(scope="module")
def forked(made_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    folder = tmp_path_factory.mktemp("streams")
    shutil.copytree(made_store, folder / "home")
    program = Forking(folder / "home", folder, {"SECCONSOLE_TENANT": "acme"})
    try:
        assert program("user", "create", "ana").code == 0
        yield program
    finally:
        program.close()


def fault(ended: Ended) -> str:
    for word in ("Traceback", "internal error", "Exception ignored", "Warning:"):
        if word in ended.err:
            return f"{word}: {ended.err[-800:]}"
    return "" if ended.code in set(ExitCode) else f"exit {ended.code}"


@pytest.mark.parametrize("streams", STREAMS)
def test_no_command_fails_because_of_closed_streams(forked: Forking, streams: str) -> None:
    found: dict[str, str] = {}
    closed, full = STREAMS[streams]
    for path, command in commands():
        line = line_of(path, command)
        ended = forked(*line, closed=closed, full=full)
        wrong = fault(ended)
        if not wrong and ended.code == ExitCode.NO and (usual := forked(*line)).code != ExitCode.NO:
            wrong = f"exit 1, and {usual.code} with its streams open"
        if wrong:
            found[" ".join(line)] = wrong
    assert not found
    assert forked("audit", "verify").code == 0  # what was written to a closed stream went nowhere else


@pytest.mark.parametrize("line", [("--help",), ("--version",), ("user", "--help"), ("user", "list", "-h")])
def test_unwritable_help_exits_as_unavailable(forked: Forking, line: tuple[str, ...]) -> None:
    assert forked(*line, closed=[1]).code == forked(*line, full=[1]).code == 6
    assert forked(*line, full=[1]).err.count("\n") == 1


def test_a_missing_code_is_wrong_usage(forked: Forking) -> None:
    for closed in ((0,), (1,), (0, 1), (0, 1, 2)):
        ended = forked("verify", "ana", closed=closed)
        assert ended.code == 2, closed
        assert ended.err in ("There is no code on standard input.\n", "")


def test_verify_keeps_its_exit_code_if_its_output_is_lost(forked: Forking) -> None:
    for closed, full in (((1,), ()), ((), (1,))):
        ended = forked("verify", "ana", input="123456\n", closed=closed, full=full)
        assert (ended.code, ended.err.count("\n")) == (1, 1)


def test_a_lost_list_exits_as_unavailable_with_a_reason(forked: Forking) -> None:
    closed, full = forked("user", "list", closed=[1]), forked("user", "list", full=[1])
    assert (closed.code, full.code) == (6, 6)
    assert "Standard output is closed" in closed.err
    assert "/dev/null" in closed.err
    assert "No space left" in full.err


def test_a_lost_reply_reports_that_the_change_was_saved(forked: Forking) -> None:
    ended = forked("user", "enable", "ana", full=[1])
    assert ended.code == 6
    assert "Changes made before are kept" in ended.err


def test_the_console_without_a_terminal_is_wrong_usage(forked: Forking) -> None:
    for closed in ((0,), (2,), (0, 1, 2)):
        assert forked(closed=closed).code == 2


@pytest.mark.parametrize(
    ("line", "code"), [("verify ana <&-", 2), ("verify ana >&-", 2), ("user list >&-", 6), ("--help | true", 141)]
)
def test_a_real_program_under_a_real_shell(shell: Shell, line: str, code: int) -> None:
    shell.create("ana")
    command = f"set -o pipefail; {sys.executable} -m secconsole {line}"
    done = subprocess.run(["bash", "-c", command], input="", capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr.count("\n") <= 1
    assert "Traceback" not in done.stderr


def test_partial_output_is_never_reported_as_complete(shell: Shell, tmp_path: Path) -> None:
    """Python's unbuffered output drops what the system did not take at once, without a word."""
    command = f"ulimit -f 1; trap '' XFSZ; {sys.executable} -u -m secconsole theme list --format json > {tmp_path}/out"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (tmp_path / "out").stat().st_size == 1024  # all that it may have
    assert done.returncode == 6, done.stderr
