"""A crash shows one line and writes a report, both without any data."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.config.report import last_words, write_report
from secconsole.tui.runtime import crash
from tests.terminal.conftest import Start

CANARY = "CANARYSEED"


@pytest.mark.terminal
def test_a35_crash_shows_no_secret(sample: Start, tmp_path: Path) -> None:
    t = sample("sample_places")
    assert t.wait_text("ready", 10)
    t.send("c")
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == crash.EXIT_CODE
    assert t.left_on() == []
    assert CANARY.encode() not in t.raw
    answer = [line for line in t.scrollback() if line.strip()]
    assert "ValueError" in answer[0]
    assert "Traceback" not in "\n".join(answer)
    (path,) = (tmp_path / "home" / "log").glob("crash-*.txt")
    assert path.name in "".join(answer).replace("\n", "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    report = path.read_text()
    assert CANARY not in report
    assert "action_crash" in report
    assert "ValueError" in report


@pytest.mark.terminal
def test_a35_failed_worker_shows_no_secret(sample: Start, tmp_path: Path) -> None:
    t = sample("sample_places")
    assert t.wait_text("ready", 10)
    t.send("w")
    assert t.wait_text("LookupError", 5)
    assert CANARY.encode() not in t.raw
    for path in (tmp_path / "home" / "log").glob("crash-*.txt"):
        assert CANARY not in path.read_text()


def test_a35_report_leaves_out_texts_notes_and_locals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path))

    def inner() -> None:
        seed = CANARY
        try:
            raise KeyError(seed)
        except KeyError as error:
            error.add_note(seed)
            raise ExceptionGroup(seed, [OSError(28, seed), RuntimeError(seed)]) from error

    with pytest.raises(ExceptionGroup) as caught:
        inner()
    path = write_report(caught.value, now=0)
    assert path is not None
    text = path.read_text()
    assert CANARY not in text
    assert CANARY not in last_words(caught.value, path)
    assert "OSError [ENOSPC]" in text
    assert "KeyError" in text
    assert "in test_a35_report_leaves_out_texts_notes_and_locals" in text
    assert "1970-01-01 00:00:00 UTC" in text
    assert write_report(caught.value, now=0) != path


def test_report_says_so_when_it_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "file"))
    assert write_report(ValueError("x")) is None
    assert "A report could not" in last_words(ValueError("x"), None)
