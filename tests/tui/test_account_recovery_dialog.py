"""The dialog that shows recovery codes: leaving it, saving them, and hiding them."""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.recovery import recovery_code
from secconsole.domain.secret import Secret
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime import clipboard
from secconsole.tui.runtime.private_file import open_new, write_secret
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.screens.secret_once import SaveDialog, free_path
from tests.tui.conftest import OpenConsole, screen_text, settled, until

CREATED = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
CODES = [recovery_code(bytes([at]) * 16) for at in range(10)]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "person"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


async def shown(app: SecConsole, pilot: Pilot[Any], **options: Any) -> tuple[RecoveryCodesDialog, list[bool | None]]:
    """The dialog in sight, and what it was left with."""
    await until(pilot, lambda: app.signed_in and app.places.here is not None)
    await settled(pilot)
    dialog = RecoveryCodesDialog(CODES, login="uma", tenant="acme", created=CREATED, **options)
    left: list[bool | None] = []
    await app.push_screen(dialog, left.append)
    await settled(pilot)
    return dialog, left


def sees_all(app: SecConsole) -> bool:
    text = screen_text(app)
    return all(code.reveal() in text for code in CODES)


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (60, 16)])
async def test_ten_codes_and_how_to_keep_them_are_readable(console: OpenConsole, size: tuple[int, int]) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=size) as pilot:
        await shown(app, pilot)
        if size[0] >= 80:
            assert sees_all(app)
            assert re.search(rf"1  {CODES[0].reveal()} +6  {CODES[5].reveal()}", screen_text(app))
            for words in ("uma in acme", "Shown once", "I have saved them", "Save to a file", "Done"):
                assert words in screen_text(app)
        else:  # one below the other, and the rest by scrolling
            assert CODES[0].reveal() in screen_text(app)
            await pilot.press("pagedown")
            await until(pilot, lambda: "Done" in screen_text(app))


async def test_the_dialog_closes_only_when_ticked(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog, left = await shown(app, pilot)
        for keys in (("escape",), ("enter",), ("tab", "tab", "tab", "tab", "enter")):
            await pilot.press(*keys)
            await settled(pilot)
            assert app.screen is dialog
            assert "then tick this with space" in screen_text(app)
            assert sees_all(app)
        await pilot.press("space", "escape")
        await until(pilot, lambda: left == [True])
        assert dialog._codes == ()


async def test_saving_a_private_file_ticks_the_box(console: OpenConsole, own_home: Path) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        _, left = await shown(app, pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, SaveDialog))
        await settled(pilot)
        assert "~/secconsole-recovery-codes-uma.txt" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "[x] I have saved them" in screen_text(app))
        await pilot.press("h")
        path = own_home / "secconsole-recovery-codes-uma.txt"
        await until(pilot, lambda: "Hidden." in screen_text(app))
        assert f"Written to ~/{path.name}. Only you can read it." in screen_text(app)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [line.split()[1] for line in path.read_text().splitlines() if re.match(" *[0-9]+  ", line)] == [
            code.reveal() for code in CODES
        ]
        await pilot.press("enter")  # Done has the focus now
        await until(pilot, lambda: left == [True])


async def test_an_existing_file_is_kept_and_another_name_can_be_entered(console: OpenConsole, own_home: Path) -> None:
    taken = own_home / "mine.txt"
    taken.write_text("mine")
    app = await console("uma", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog, _ = await shown(app, pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, SaveDialog))
        await settled(pilot)
        for typed, answer in (
            ("mine.txt", "file already exists"),
            (".bashrc", "ends in .txt"),
            ("no/x.txt", "no folder"),
        ):
            await pilot.press("ctrl+u", *[{".": "full_stop", "/": "slash"}.get(c, c) for c in typed], "enter")
            await settled(pilot)
            assert answer in screen_text(app)
            assert not dialog.form.values["saved"]
        await pilot.press("escape")
        await until(pilot, lambda: "Escape again drops what you typed" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is dialog)
        assert taken.read_text() == "mine"
        assert sorted(path.name for path in own_home.iterdir()) == ["mine.txt"]


async def test_copying_ticks_the_box_without_claiming_success(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        sent: list[str] = []
        dialog, left = await shown(app, pilot)
        assert app._driver is not None
        app._driver.write = sent.append  # type: ignore[assignment, method-assign]
        await pilot.press("tab", "tab", "enter")
        await until(pilot, lambda: "if it takes that. Paste it" in screen_text(app))
        text = "".join(f"{code.reveal()}\n" for code in CODES)
        assert clipboard.sequence(text, app.terminal) in sent
        assert app.clipboard == ""  # nothing of it is kept
        await pilot.press("enter")
        await until(pilot, lambda: left == [True])
        assert dialog._codes == ()


async def test_codes_hide_when_the_terminal_loses_focus(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(app, pilot)
        app.app_focus = False
        await until(pilot, lambda: "Hidden." in screen_text(app))
        assert not any(code.reveal()[:11] in screen_text(app) for code in CODES)
        app.app_focus = True
        await settled(pilot)
        assert "Hidden." in screen_text(app)
        await pilot.press("h")
        await until(pilot, lambda: sees_all(app))


async def test_codes_hide_after_a_timeout(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog, _ = await shown(app, pilot, hide_after=0.05)
        await until(pilot, lambda: "Hidden." in screen_text(app))
        assert not any(code.reveal()[:11] in screen_text(app) for code in CODES)
        dialog._hide_after = 100.0
        await pilot.press("h")
        await until(pilot, lambda: sees_all(app))


async def test_remaining_codes_can_be_closed_at_any_time(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        _, left = await shown(app, pilot, again=True)
        assert "10 codes left" in screen_text(app)
        assert "I have saved them" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: left == [True])


def test_a_secret_file_is_private_under_any_umask(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    try:
        path = write_secret(str(tmp_path / "a.txt"), ".txt", Secret("x\n"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "x\n"
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(Invalid, match="file already exists"):
        write_secret(str(link), ".txt", Secret("x"))
    assert not (tmp_path / "elsewhere.txt").exists()
    with pytest.raises(Invalid, match="full path"):
        open_new("~nobody-of-that-name/x.txt", ".txt", tmp_path)


def test_a_disk_that_keeps_no_permissions_gets_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fchmod", lambda handle, mode: (_ for _ in ()).throw(OSError(1, "not permitted")))
    real = os.open
    monkeypatch.setattr("os.open", lambda path, flags, mode=0o777: real(path, flags, 0o644))
    with pytest.raises(Invalid, match="Others could read it"):
        write_secret(str(tmp_path / "a.txt"), ".txt", Secret("x"))
    assert list(tmp_path.glob("*.txt")) == []


def test_a_failing_disk_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Invalid, match="No space left"):
        write_secret(str(tmp_path / "a.txt"), ".txt", Secret("x"))
    assert list(tmp_path.glob("*.txt")) == []


def test_a_second_file_gets_another_name(own_home: Path) -> None:
    first = free_path("codes-../uma", ".txt", "20270115-080000")
    assert first == own_home / "codes-..-uma.txt"
    first.touch()
    assert free_path("codes-../uma", ".txt", "20270115-080000").name == "codes-..-uma-20270115-080000.txt"


def test_without_a_home_the_folder_of_the_store_is_suggested(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "store"))
    monkeypatch.setattr(Path, "home", unknown)
    assert free_path("codes", ".txt", "20270115-080000") == tmp_path / "store" / "codes.txt"
