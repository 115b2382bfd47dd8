"""The frame: header, places, hints, help, palette."""

from __future__ import annotations

from tests.tui.conftest import OpenConsole, screen_text, settled, until


async def test_console_signed_in_shows_who_and_where(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Hana" in screen_text(app))
        assert "acme" in screen_text(app).splitlines()[0]
        assert "helpdesk hana" in screen_text(app).splitlines()[0]
        await pilot.press("6")
        await settled(pilot)
        assert [n.message for n in app._notifications] == ["Incident is not part of this version yet."]
        print(screen_text(app))


async def test_help_and_palette(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Hana" in screen_text(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "Help: My account" in screen_text(app))
        await pilot.press("escape", "colon")
        await until(pilot, lambda: "Commands" in screen_text(app))
        print(screen_text(app))
