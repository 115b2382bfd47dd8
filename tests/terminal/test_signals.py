"""Hang-up and termination end the console cleanly, and Ctrl+Z and the environment never open a shell."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import cpu_seconds

pytestmark = pytest.mark.terminal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a38_signal_restores_the_terminal_and_unmounts(sample: Start, tmp_path: Path, number: int) -> None:
    mark = tmp_path / "mark"
    t = sample("sample_places", env={"SAMPLE_MARK": str(mark)})
    assert t.wait_text("ready", 10)
    t.signal(number)
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 128 + number
    assert t.left_on() == []
    assert mark.read_text() == "unmounted"


def test_a38_hangup_exits_even_if_the_parent_ignores_the_signal(term: Start, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    start = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, '-m', 'tests.terminal.launch', 'sample_places'])"
    )
    t = term("-c", start, env={"SAMPLE_MARK": str(mark)})
    assert t.wait_text("ready", 10)
    t.hangup()
    assert t.wait_exit(5) is not None
    assert mark.read_text() == "unmounted"


def test_a38_a_dead_terminal_without_a_signal_does_not_spin(term: Start, tmp_path: Path) -> None:
    """Start the console as a grandchild in a new session, so that no terminal sends it SIGHUP."""
    mark, pid = tmp_path / "mark", tmp_path / "pid"
    start = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        f"    open({str(pid)!r}, 'w').write(str(os.getpid()))\n"
        "    os.execv(sys.executable, [sys.executable, '-m', 'tests.terminal.launch', 'sample_places'])\n"
        "os.wait()\n"
    )
    t = term("-c", start, env={"SAMPLE_MARK": str(mark)})
    assert t.wait_text("ready", 10)
    child = int(pid.read_text())
    t.hangup()
    assert t.wait_until(lambda _: mark.exists(), 5)
    assert cpu_seconds(child) < 5


def test_a40_ctrl_z_and_stop_signals_do_not_suspend(sample: Start) -> None:
    t = sample("sample_places")
    assert t.wait_text("ready", 10)
    t.press("ctrl+z")
    t.signal(signal.SIGTSTP)
    t.send("x")
    assert t.wait_text("Already unbound", 5)
    assert t.alive()


def test_a40_forcecommand_environment_is_scrubbed(sample: Start, tmp_path: Path) -> None:
    evil = tmp_path / "evil_driver.py"
    evil.write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\nclass Driver: pass\n")
    log = tmp_path / "textual.log"
    t = sample(
        "sample_places",
        env={
            "TEXTUAL_DRIVER": "evil_driver:Driver",
            "PYTHONPATH": str(tmp_path),
            "PYTHONINSPECT": "1",
            "TEXTUAL_LOG": str(log),
            "TEXTUAL_SCREENSHOT": "0",
            "TEXTUAL_SCREENSHOT_LOCATION": str(tmp_path),
            "TEXTUAL_PRESS": "c",
            "TEXTUAL": "debug,devtools",
            "TEXTUAL_THEME": "nord",
            "TEXTUAL_ALLOW_SIGNALS": "1",
            "SSH_ORIGINAL_COMMAND": "sh -c id",
            "BROWSER": "sh",
            "COLUMNS": "10",
            "LINES": "5",
        },
    )
    assert t.wait_text("ready", 10), t.text()
    assert not (tmp_path / "owned").exists()
    assert not log.exists()
    assert not list(tmp_path.glob("*.svg"))
    t.send("\x11")
    assert t.wait_exit(5) is not None, t.text()
    assert t.proc.returncode == 0
    assert ">>>" not in "\n".join(t.scrollback())
