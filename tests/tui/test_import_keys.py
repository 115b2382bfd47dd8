"""Importing keys in the console: a file is checked, its effect shown, and then written."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.tui.screens.users.import_keys import CheckedKeysDialog, KeysDialog
from tests.tui.conftest import OpenConsole, screen_text, settled, until

BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
LINES = (
    f"otpauth://totp/Acme:uma?secret={BASE32}\notpauth://totp/Acme:nobody?secret={BASE32}\n"
    "otpauth://totp/Acme:bad?secret=1\n"
)


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_a_file_is_checked_and_then_imported(console: OpenConsole, tmp_path: Path, size: tuple[int, int]) -> None:
    file = tmp_path / "k.txt"
    file.write_text(LINES)
    app = await console("tomas", place="users")
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, KeysDialog))
        await pilot.press(*str(file), "enter", "enter", "enter", "tab", "tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, CheckedKeysDialog))
        text = screen_text(app)
        assert "1  will be bound" in text
        assert BASE32 not in text
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "1 key bound" in screen_text(app))


async def test_a_file_of_another_kind_is_refused_at_its_field(console: OpenConsole, tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.write_text("a private text")
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, KeysDialog))
        await pilot.press(*str(file), "enter", "enter", "enter", "tab", "tab", "enter")
        await until(pilot, lambda: "not recognised" in screen_text(app))
        assert "private" not in screen_text(app)
