"""Asking for approval when unbinding, and answering in Overview."""

from __future__ import annotations

import pytest

from secconsole.domain.helpdesk import UnbindNeeds
from secconsole.operations.policy import SetPolicy, ShowPolicy
from secconsole.operations.users import ShowUser
from secconsole.tui.screens.approvals import ApprovalDialog
from secconsole.tui.screens.settings.helpdesk import HelpdeskDialog
from secconsole.tui.screens.users.unbind import UnbindDialog
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users_actions import at


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_one_asks_another_approves_and_the_first_unbinds(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, unbind_needs=UnbindNeeds.APPROVAL))
    app = await console("hana", place="users")
    async with app.run_test(size=size, notifications=True) as pilot:
        place = await at(app, pilot, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await pilot.press(*"lost", "tab", "tab", "right", "enter")
        await until(pilot, lambda: app.screen is place)
    other = await console("tomas")
    async with other.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "approval waits for you" in screen_text(other))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(other.screen, ApprovalDialog))
        assert "hana asks to unbind this user" in screen_text(other)
        await pilot.press("right", "right", "enter")
        await until(pilot, lambda: not isinstance(other.screen, ApprovalDialog))
        await settled(pilot)
    again = await console("hana", place="users")
    async with again.run_test(size=size, notifications=True) as pilot:
        place = await at(again, pilot, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(again.screen, UnbindDialog))
        await pilot.press("right", "enter")  # the reason that was asked with is there
        await until(pilot, lambda: again.screen is place)
        await settled(pilot)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).user.status == "unbound"


async def test_the_settings_show_and_change_what_unbinding_needs(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="settings")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, HelpdeskDialog))
        assert "Unbinding needs nothing more." in screen_text(app)
        await pilot.press("right", "tab", "right", "right", "tab", *"20", "tab", "tab", *"5", "tab", *"9")
        await pilot.press(*["tab"] * 3, "right", "enter")  # past the minutes of a step-up, the contact and Cancel
        await until(pilot, lambda: not isinstance(app.screen, HelpdeskDialog))
        await settled(pilot)
    policy = await organisation.perform(ShowPolicy(tenant=TENANT))
    assert (policy.unbind_needs, policy.unbind_admins_need) == (UnbindNeeds.CHECK, UnbindNeeds.APPROVAL)
    assert (policy.bypass_minutes, policy.resets_warn, policy.resets_most) == (20, 5, 9)
