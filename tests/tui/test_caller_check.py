"""Checking a caller in the console."""

from __future__ import annotations

import pytest

from secconsole.tui.screens.users.caller_check import ConfirmCheckDialog, StartCheckDialog
from secconsole.tui.screens.users.unbind import UnbindDialog
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users_actions import at


async def test_an_app_bound_in_the_last_day_is_named_as_such(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.bind("newton")
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at(app, pilot, "newton")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, StartCheckDialog))
        assert "their authenticator app: bound" in " ".join(screen_text(app).split())
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmCheckDialog))
        assert "That app was bound in the last 24 hours" in screen_text(app)
        await pilot.press(*organisation.code("newton"), "enter")
        words = "authenticator app, set in the last 24 hours"
        await until(pilot, lambda: words in str([note.message for note in app._notifications]))


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_the_code_of_their_app_is_typed_and_the_dialog_of_unbinding_shows_it(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=size, notifications=True) as pilot:
        place = await at(app, pilot, "bob")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, StartCheckDialog))
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmCheckDialog))
        await pilot.press(*"000000", "enter")
        await until(pilot, lambda: "not valid now" in screen_text(app))
        await pilot.press("ctrl+u", *organisation.code("bob"), "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert "checked by" in " ".join(screen_text(app).split())
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        if size[0] == 80:
            assert "Caller         checked by their authenticator app" in screen_text(app)
        await pilot.press("escape")
