"""Importing people in the console: a paste or a file is checked, then written."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from secconsole.config.people_file import MOST, open_people
from secconsole.domain.errors import Invalid
from secconsole.tui.screens.users.import_people import CheckedDialog, ImportDialog
from tests.tui.conftest import OpenConsole, screen_text, settled, until

SIZE = (80, 24)
LINES = "login,name\nzoe,Zoe Berg\nbad login,Nobody\nyan,Yan Li\n"


async def test_a_paste_is_checked_and_then_imported(console: OpenConsole) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, ImportDialog))
        app.post_message(events.Paste(LINES))
        await until(pilot, lambda: "yan,Yan Li" in screen_text(app))
        await pilot.press("tab", "tab", "tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, CheckedDialog))
        text = screen_text(app)
        assert "2  will be created" in text
        assert "line 3  bad login" in text
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "2 users created, 1 rejected" in screen_text(app))
        await pilot.press("slash", *"zoe")
        await until(pilot, lambda: "Zoe Berg" in screen_text(app))


async def test_cancelling_after_the_check_writes_nothing(console: OpenConsole, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(LINES)
    app = await console("tomas", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("P", "tab", *str(file), "enter")
        await until(pilot, lambda: isinstance(app.screen, CheckedDialog))
        await pilot.press("enter")
        await until(pilot, lambda: "Nothing was imported" in screen_text(app))
        await pilot.press("slash", *"zoe")
        await until(pilot, lambda: "No users match" in screen_text(app))


def test_only_a_regular_file_of_people_is_opened(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("secret")
    (tmp_path / "folder.csv").mkdir()
    with (tmp_path / "big.csv").open("wb") as file:
        file.truncate(MOST + 1)
    for name, why in (
        ("master.key", "ends in .csv"),
        ("folder.csv", "not a file"),
        ("big.csv", "at most"),
        ("no.csv", "No such"),
    ):
        with pytest.raises(Invalid, match=why):
            open_people(str(tmp_path / name))
