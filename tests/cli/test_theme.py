"""`theme`."""

from __future__ import annotations

import shutil
from pathlib import Path

from secconsole.cli.commands.theme import BUILT_IN
from tests.cli.conftest import Shell


def test_built_in_and_custom_themes_are_listed(nowhere: Shell) -> None:
    own = nowhere.home / "themes"
    own.mkdir(parents=True)
    dark = BUILT_IN / "secconsole-dark.toml"
    own.joinpath("mine.toml").write_text(dark.read_text().replace('"secconsole-dark"', '"mine"'))
    shutil.copy(dark, own / "same.toml")
    own.joinpath("broken.toml").write_text("name = [")
    themes = {(t["name"], t["own"]): t for t in nowhere.json("theme", "list")["items"]}
    assert themes["secconsole-light", False]["dark"] is False
    assert themes["mine", True]["problem"] == ""
    assert "same name" in themes["secconsole-dark", True]["problem"]
    assert "TOML" in themes["broken", True]["problem"]
    assert "mine" in nowhere("theme", "list").out


def test_a_theme_is_checked(nowhere: Shell, tmp_path: Path) -> None:
    good = BUILT_IN / "secconsole-dark.toml"
    answer = nowhere("theme", "check", str(good))
    assert (answer.code, answer.out.splitlines()[-1]) == (0, f"{good}: theme secconsole-dark can be used.")
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "bad"\n[colors]\nprimary = "no colour"\n')
    answer = nowhere("theme", "check", str(bad), "--format", "json")
    assert (answer.code, answer.json["usable"]) == (1, False)
    assert len(answer.json["problems"]) >= 2
    assert nowhere("theme", "check", str(tmp_path / "none.toml")).code == 1
