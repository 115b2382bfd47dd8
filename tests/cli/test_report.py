"""Crash reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.config.report import last_words, write_report


def fail(seed: str) -> None:
    try:
        raise KeyError(f"no {seed}")
    except KeyError as error:
        raise RuntimeError(f"{seed} is bad") from error


@pytest.fixture
def error() -> BaseException:
    try:
        fail("JBSWY3DPEHPK3PXP")
    except RuntimeError as raised:
        return raised
    raise AssertionError


def test_a35_a_report_has_locations_and_no_values(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "h"))
    path = write_report(error, now=0)
    assert path is not None
    text = path.read_text()
    assert "JBSWY3DPEHPK3PXP" not in text
    assert "\nKeyError\n" in text
    assert "cli/test_report.py:" in text
    assert "which caused:\nRuntimeError" in text
    assert " in fail\n" in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in last_words(error, path)


def test_two_reports_of_one_second_are_two_files(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path))
    assert write_report(error, now=0) != write_report(error, now=0)


def test_an_unwritable_report_is_mentioned(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "file"))
    assert write_report(error) is None
    assert "A report could not be written" in last_words(error, None)
