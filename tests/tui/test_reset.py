"""Reset of a caller: one dialog that checks who calls, shows what ends, and does all of it."""

from __future__ import annotations

import pytest

from secconsole.domain.helpdesk import ApprovalKind
from secconsole.operations.approvals import ListApprovals
from secconsole.operations.audit import ListAudit
from secconsole.operations.policy import SetPolicy
from secconsole.operations.users import ShowUser
from secconsole.tui.screens.users.bypass import BypassCodeDialog
from secconsole.tui.screens.users.caller_check import ConfirmCheckDialog, StartCheckDialog
from secconsole.tui.screens.users.one_time_password import OneTimePasswordDialog
from secconsole.tui.screens.users.reset import ResetCallerDialog
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users_actions import at

SIZES = [(80, 24), (60, 16)]


@pytest.mark.parametrize("size", SIZES)
async def test_one_dialog_checks_the_caller_and_resets(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=size, notifications=True) as pilot:
        place = await at(app, pilot, "bob")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, ResetCallerDialog))
        await pilot.press(*"lost", "tab", *"T-1", "tab", "tab", "space", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, StartCheckDialog))
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmCheckDialog))
        await pilot.press(*organisation.code("bob"), "enter")
        await until(pilot, lambda: isinstance(app.screen, ResetCallerDialog))
        await settled(pilot)
        if size[0] == 80:
            assert "Caller         checked by their authenticator app" in screen_text(app)
        assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).user.status == "bound"
        await pilot.press("tab", "tab", "tab", "space", "tab", "right", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, BypassCodeDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        await until(pilot, lambda: "bob is reset." in screen_text(app))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).user.status == "unbound"
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="user.reset"))).items
    assert (entry.reason, entry.ticket, entry.details["caller"]) == ("lost", "T-1", "totp")


async def test_administrators_can_have_a_password_shown(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await at(app, pilot, "bob")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, ResetCallerDialog))
        await pilot.press(*"lost", "tab", "tab", "right", "tab", "tab", "right", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, OneTimePasswordDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="user.reset"))).items
    assert entry.details["password"] == "show"


@pytest.mark.parametrize("size", SIZES)
async def test_with_nothing_on_record_a_second_person_is_asked_there_and_then(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=size, notifications=True) as pilot:
        place = await at(app, pilot, "nina")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, StartCheckDialog))
        assert "Ask a second person" in screen_text(app) or size == (60, 16)
        await pilot.press(*"lost", "tab", *"T-1", "tab", "right", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
    (asked,) = (await organisation.perform(ListApprovals(tenant=TENANT))).items
    assert (asked.login, asked.kind, asked.reason, asked.ticket) == ("nina", ApprovalKind.RESET, "lost", "T-1")


async def test_the_dialog_warns_of_the_limit(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, resets_warn=1, resets_most=1))
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for login, wanted in (("bob", "Reset"), ("uma", "possible in")):
            place = await at(app, pilot, login)
            await pilot.press("R")
            await until(pilot, lambda: isinstance(app.screen, ResetCallerDialog))
            assert wanted in screen_text(app)
            await pilot.press(*"lost", "tab", "tab", "tab", "tab", "right", "right", "enter")
            await settled(pilot)
            if login == "bob":
                await until(pilot, lambda place=place: app.screen is place)  # type: ignore[misc]
        assert isinstance(app.screen, ResetCallerDialog), "it was refused and keeps what was typed"
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="uma"))).user.status == "bound"
