"""Folders that are missing, unwritable or without an owner: one line with advice, exit 6 (A46)."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secconsole.config.system_errors import system_trouble
from tests.cli.conftest import Shell


def program(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder that is removed before it starts to work, if it is called gone."""
    command = 'rmdir "$PWD" 2>/dev/null; exec "$@"'
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SECCONSOLE", "XDG", "HOME"))}
    return subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "secconsole", *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(Path(__file__).parents[2])} | environment,
        input="",
        text=True,
        capture_output=True,
    )


@pytest.mark.parametrize(
    ("home", "words"),
    [("~no-such-user", "names the home of an unknown user"), ("relative", "working directory no longer exists")],
)
def test_a_home_that_cannot_be_found_is_named(tmp_path: Path, home: str, words: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = program("user", "list", cwd=gone, SECCONSOLE_HOME=home)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
    assert words in done.stderr


def test_a_missing_working_directory_matters_only_if_used(shell: Shell, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    assert program("user", "list", cwd=gone, SECCONSOLE_HOME=str(shell.home)).returncode == 0


@pytest.mark.parametrize("home", ["/dev/null", "/dev/null/below", "/proc/none"])
def test_a_store_is_not_created_in_a_read_only_place(
    nowhere: Shell, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECCONSOLE_HOME", home)
    answer = nowhere("init", "--tenant", "acme", "--admin", "root", "--password-stdin", input="correct horse battery")
    assert (answer.code, answer.err.count("\n")) == (6, 1), answer.err
    assert home.split("/")[1] in answer.err
    assert "internal error" not in answer.err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO, errno.EMFILE])
def test_a_system_error_names_the_path_and_what_to_do(number: int) -> None:
    words = system_trouble(OSError(number, os.strerror(number), "/srv/home/console.db"))
    assert words.startswith(f"/srv/home/console.db: {os.strerror(number)}. ")
    assert words.endswith(".")
    assert "\n" not in words


def test_an_internal_error_is_not_reported_as_a_system_error() -> None:
    assert system_trouble(ValueError("x")) == system_trouble(OSError(errno.EINVAL, "x")) == ""
