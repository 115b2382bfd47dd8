"""Correcting a user from the list."""

from __future__ import annotations

from secconsole.operations.users import ShowUser
from secconsole.tui.screens.users.actions import RenameDialog
from tests.tui.conftest import OpenConsole, Organisation, settled, until
from tests.tui.test_users_actions import at


async def test_a_name_is_corrected_in_a_prefilled_dialog(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await at(app, pilot, "uma")
        before = (await organisation.perform(ShowUser(tenant="acme", user="uma"))).user
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog))
        await pilot.press("tab", "ctrl+u", *"Uma", "space", *"Ayer", "tab", "tab", "tab", "right", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
    after = (await organisation.perform(ShowUser(tenant="acme", user="uma"))).user
    assert (after.login, after.name, after.email) == ("uma", "Uma Ayer", before.email)


async def test_a_taken_login_is_reported_at_its_field_and_the_input_stays(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await at(app, pilot, "uma")
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog))
        await pilot.press("ctrl+u", *"tomas", "tab", "tab", "tab", "tab", "right", "enter")
        dialog = app.screen
        assert isinstance(dialog, RenameDialog)
        await until(pilot, lambda: dialog.form._errors == {"login": "A user with that login already exists."})
        assert app.screen is dialog
    assert (await organisation.perform(ShowUser(tenant="acme", user="uma"))).user.login == "uma"


async def test_saving_without_a_change_does_nothing(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    before = await organisation.perform(ShowUser(tenant="acme", user="uma"))
    async with app.run_test(size=(80, 24)) as pilot:
        place = await at(app, pilot, "uma")
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog))
        await pilot.press("tab", "tab", "tab", "tab", "right", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert list(app._notifications) == []
    assert await organisation.perform(ShowUser(tenant="acme", user="uma")) == before
