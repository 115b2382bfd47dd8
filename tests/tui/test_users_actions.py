"""Administrators' actions on one user in the Users place, each by its key."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.domain.errors import NotSignedIn
from secconsole.domain.model import Flag, PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SignIn, SignInAnswer, WhoAmI
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import Unbind
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.actions import find
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.users.actions import UNREAD
from secconsole.tui.screens.users.dialogs import NewUserDialog
from secconsole.tui.screens.users.one_time_password import OneTimePasswordDialog
from secconsole.tui.screens.users.users import Users
from secconsole.tui.screens.users.whitelist import EndExemptionDialog, ExemptDialog
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_unbind import show, toasts
from tests.tui.test_users import on, opened


async def at(app: SecConsole, pilot: Pilot[Any], who: str) -> Users:
    place = await opened(app, pilot)
    await on(pilot, place, who)
    return place


async def test_whitelisting_asks_for_reason_and_end(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await at(app, pilot, "nina")
        await pilot.press("w")
        await settled(pilot)
        assert isinstance(app.screen, ExemptDialog)
        await pilot.press(*"clean room", "tab", *"soon", "tab", "tab", "enter")
        await settled(pilot)
        assert "is not a date" in screen_text(app)
        await pilot.press("ctrl+u", *"2027-03-31", "tab", "tab", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        entry = (await show(organisation, "nina")).whitelist
        assert entry is not None
        assert entry.reason == "clean room"
        assert entry.until is not None
        assert entry.until.astimezone().date().isoformat() == "2027-04-01"  # through the last of March
        await on(pilot, place, "nina")
        await pilot.press("w")
        await settled(pilot)
        assert isinstance(app.screen, EndExemptionDialog)
        assert "clean room" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert (await show(organisation, "nina")).whitelist is None
        assert "nina is off the whitelist" in toasts(app)


@pytest.mark.parametrize(("keys", "stays"), [((), False), (("up", "up", "space", "down", "down"), True)])
async def test_b7_leaving_the_whitelist_offers_to_end_password_sessions(
    console: OpenConsole, organisation: Organisation, keys: tuple[str, ...], stays: bool
) -> None:
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="clean room"))
    nina = await organisation.signed_in("nina")
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at(app, pilot, "nina")
        await pilot.press("w")
        await until(pilot, lambda: "[x] 1 password-only session" in screen_text(app))
        await pilot.press(*keys, "enter")
        await until(pilot, lambda: "nina is off the whitelist" in toasts(app))
    assert (await show(organisation, "nina")).sessions == stays
    await nina.close()


async def test_the_last_administrator_leaves_the_whitelist_only_after_a_warning(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(AddToWhitelist(tenant="acme", users=("root",), reason="break glass"))
    await organisation.perform(Unbind(tenant="acme", users=("root",), reason="test"))
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    app = await console("root", place="users")  # with the password alone: on the whitelist, nothing bound
    async with app.run_test(size=(80, 24)) as pilot:
        place = await at(app, pilot, "root")
        await pilot.press("w", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "last platform administrator" in screen_text(app)
        await pilot.press("enter")  # Cancel has the focus
        await until(pilot, lambda: app.screen is place)
        assert (await show(organisation, "root")).whitelist is not None
        await pilot.press("w", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert (await show(organisation, "root")).whitelist is None


async def test_unlocking_says_so(console: OpenConsole, organisation: Organisation) -> None:
    wrong = SignIn(tenant="acme", login="bob", password=Secret("not this one"))
    for _ in range(12):
        answer = await organisation.perform(wrong)
        assert isinstance(answer, SignInAnswer)
    assert (await show(organisation, "bob")).failures
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at(app, pilot, "bob")
        await pilot.press("l")
        await settled(pilot)
        assert "bob is unlocked" in toasts(app)
        detail = await show(organisation, "bob")
        assert (detail.failures, detail.locked) == (0, False)


async def test_disabling_and_enabling(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        uma = await organisation.signed_in("uma")
        await uma.perform(CreateToken(name="ci"))
        place = await at(app, pilot, "uma")
        await pilot.press("d")
        await until(pilot, lambda: "1 open session and 1 token end." in screen_text(app))
        await pilot.press("enter")  # Cancel has the focus
        await settled(pilot)
        assert Flag.DISABLED not in (await show(organisation, "uma")).user.flags
        await pilot.press("d", "right", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert Flag.DISABLED in (await show(organisation, "uma")).user.flags
        with pytest.raises(NotSignedIn):
            await uma.perform(WhoAmI())
        await uma.close()
        await until(pilot, lambda: place.person is not None and Flag.DISABLED in place.person.flags)
        await pilot.press("D", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert Flag.DISABLED not in (await show(organisation, "uma")).user.flags


async def test_requiring_a_factor_of_one_user_and_giving_a_role(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await at(app, pilot, "uma")
        await pilot.press("m", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert (await show(organisation, "uma")).mfa_required
        await pilot.press("m", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert not (await show(organisation, "uma")).mfa_required
        await pilot.press("o", "left", "tab", "right", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert (await show(organisation, "uma")).user.role is Role.AUDITOR


async def test_a_one_time_password_is_shown_once_and_hidden_without_focus(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await at(app, pilot, "uma")
        await pilot.press("r", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, OneTimePasswordDialog))
        await settled(pilot)
        dialog = app.screen
        assert isinstance(dialog, OneTimePasswordDialog)
        assert dialog._password is not None
        password = dialog._password.reveal()
        assert password in screen_text(app)
        app.app_focus = False
        await until(pilot, lambda: password not in screen_text(app))
        app.app_focus = True
        await pilot.pause()
        assert password not in screen_text(app)
        await pilot.press("enter")  # Hide
        await until(pilot, lambda: password in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        assert dialog._password is None
        answer = await organisation.perform(SignIn(tenant="acme", login="uma", password=Secret(password)))
        assert answer.challenge is not None


async def test_a_new_user_is_created_with_a_one_time_password(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("n", *"bob", *("tab",) * 7, "enter")
        await settled(pilot)
        assert isinstance(app.screen, NewUserDialog)  # there is one of that login
        await pilot.press(*("tab",), *"by", "tab", *"Bobby", *("tab",) * 6, "enter")
        await until(pilot, lambda: isinstance(app.screen, OneTimePasswordDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        await until(pilot, lambda: place.person is not None and place.person.login == "bobby")  # to be enrolled next
        made = await show(organisation, "bobby")
        assert made.user.name == "Bobby"
        assert Flag.MUST_RESET in made.user.flags


async def test_a_key_on_a_row_not_loaded_yet_says_so(console: OpenConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await at(app, pilot, "uma")
        monkeypatch.setattr(Users, "person", property(lambda place: None))
        for action in Users.ACTIONS:
            if action.acts_on == "one":
                app.clear_notifications()
                place.action_act(action.id)
                await settled(pilot)
                assert app.screen is place
                assert UNREAD in toasts(app), action.id


async def test_a_key_does_not_act_on_another_user_than_it_was_pressed_on(console: OpenConsole) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await at(app, pilot, "uma")
        rename, uma = find(place.actions, "users.rename"), place.subject()
        await on(pilot, place, "nina")
        await place._act(rename, uma, app.hold_keys())
        await settled(pilot)
        assert app.screen is place
        assert "has just changed under the cursor" in toasts(app)
