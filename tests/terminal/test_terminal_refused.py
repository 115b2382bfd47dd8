"""Without a usable terminal, one line says so and names the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from secconsole.tui.runtime.terminal import Refusal, Terminal, probe, scrub
from tests.terminal.conftest import ROOT, Start


class Tty:
    def __init__(self, yes: bool = True) -> None:
        self.yes = yes

    def isatty(self) -> bool:
        return self.yes


@pytest.mark.terminal
@pytest.mark.parametrize("name", ["dumb", ""])
def test_dumb_terminal_is_refused(sample: Start, name: str) -> None:
    t = sample("sample_places", term=name)
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 2
    assert t.wait_text("secconsole user list", 2)
    assert b"\x1b" not in t.raw


def test_pipe_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.terminal.launch", "sample_places"]
    env = {**os.environ, "TERM": "xterm-256color", "SECCONSOLE_HOME": str(tmp_path)}
    done = subprocess.run(command, input="", capture_output=True, text=True, cwd=ROOT, env=env, timeout=30)
    assert done.returncode == 2
    assert "secconsole user list" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("environ", "erases"),
    [
        ({}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "tmux-256color"}, False),
        ({"TERM": "screen"}, False),
        ({"TERM": "vt100"}, False),
        ({"TMUX": "/tmp/tmux-1/default,1,0"}, False),
        ({"STY": "1.pts-0.host"}, False),
    ],
)
def test_only_terminals_that_erase_in_colour_are_sent_erasures_for_blanks(
    environ: dict[str, str], erases: bool
) -> None:
    found = probe({"TERM": "xterm-256color", **environ}, Tty(), Tty())
    assert isinstance(found, Terminal)
    assert found.erases is erases


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ({"COLORTERM": "truecolor"}, "truecolor"),
        ({}, "256"),
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "linux"}, "16"),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, "none"),
        ({"NO_COLOR": ""}, "256"),
    ],
)
def test_colour_depth(environ: dict[str, str], depth: str) -> None:
    found = probe({"TERM": "xterm-256color", **environ}, Tty(), Tty())
    assert isinstance(found, Terminal)
    assert found.depth == depth


def test_probe_detects_ssh_multiplexers_and_locale() -> None:
    found = probe(
        {"TERM": "tmux-256color", "TMUX": "/tmp/x", "SSH_CONNECTION": "1 2 3 4", "LANG": "en_GB.UTF-8"}, Tty(), Tty()
    )
    assert isinstance(found, Terminal)
    assert (found.tmux, found.screen, found.ssh, found.utf8) == (True, False, True, True)
    assert isinstance(probe({"TERM": "xterm"}, Tty(False), Tty()), Refusal)
    assert isinstance(probe({"TERM": "xterm"}, Tty(), Tty(False)), Refusal)


def test_a40_scrub_removes_controlling_variables() -> None:
    environ = {
        "TEXTUAL": "x",
        "TEXTUAL_LOG": "x",
        "PYTHONSTARTUP": "x",
        "SSH_ORIGINAL_COMMAND": "x",
        "BROWSER": "sh",
        "TERM": "xterm",
        "PATH": "/bin",
        "SECCONSOLE_HOME": "/h",
        "LANG": "C",
    }
    scrub(environ)
    assert sorted(environ) == ["LANG", "PATH", "SECCONSOLE_HOME", "TERM"]


def test_the_console_draws_the_answer_of_a_search_without_waiting_for_a_slow_frame() -> None:
    """Textual reads the number once, when it is imported."""
    code = (
        "from secconsole.tui.runtime.terminal import enter; enter(lambda terminal: 0);"
        "from textual.screen import UPDATE_PERIOD; print(UPDATE_PERIOD)"
    )
    env = {**os.environ, "TEXTUAL_FPS": "5"}
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env
    )
    assert float(done.stdout) == pytest.approx(1 / 120)


def test_in_gnu_screen_direct_colours_of_the_terminal_around_do_not_count() -> None:
    environ = {"STY": "123.pts-0.host", "TERM": "screen.xterm-256color", "COLORTERM": "truecolor"}
    scrub(environ)
    found = probe(environ, Tty(), Tty())
    assert isinstance(found, Terminal)
    assert (found.screen, found.depth, "COLORTERM" in environ) == (True, "256", False)


@pytest.mark.terminal
@pytest.mark.skipif(shutil.which("screen") is None, reason="GNU screen is not installed")
def test_in_gnu_screen_the_first_escape_acts_and_colours_are_256(term: Start, tmp_path: Path) -> None:
    sessions = tmp_path / "screen"
    sessions.mkdir(mode=0o700)
    words = ["screen", "-c", "/dev/null", "-U", sys.executable, "-m", "tests.terminal.launch", "sample_places"]
    code = f"import os; os.execvp('screen', {words!r})"
    t = term("-c", code, env={"SCREENDIR": str(sessions)})
    assert t.wait_text("the place", 10) is not None, t.text()
    t.press("d")
    assert t.wait_text("Unbind 1 user", 5) is not None, t.text()
    t.press("escape")
    assert t.wait_text("said cancelled", 5) is not None, t.text()
    assert b"\x1b[38;5;" in t.raw
    assert b"\x1b[?1000h" not in t.raw
