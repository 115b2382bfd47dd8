"""Bypass codes in the console: issued in Users, and typed at sign-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secconsole.operations.bypass import IssueBypass
from secconsole.operations.users import ShowUser
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.users.bypass import BypassCodeDialog, BypassDialog
from secconsole.tui.screens.users.unbind import UnbindDialog
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.keyboard import words
from tests.tui.test_sign_in import inside, note
from tests.tui.test_users_actions import at


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_a_code_is_issued_shown_once_and_revoked(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=size, notifications=True) as pilot:
        place = await at(app, pilot, "bob")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BypassDialog))
        assert "Bypass code: bob" in screen_text(app)
        await pilot.press(*"phone", "tab", "tab", *"45", "tab", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, BypassCodeDialog))
        dialog = app.screen
        assert isinstance(dialog, BypassCodeDialog)
        assert dialog._code is not None
        code = dialog._code.reveal()
        assert code in screen_text(app)
        await pilot.press("h")
        assert code not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        shown = await organisation.perform(ShowUser(tenant=TENANT, user="bob"))
        assert shown.bypass is not None
        assert (shown.bypass.by, shown.bypass.reason) == ("hana", "phone")
        await settled(pilot)
        await until(pilot, lambda: place.detail is not None and place.detail.bypass is not None)
        if size[0] == 80:
            await until(pilot, lambda: "bypass code until" in screen_text(app))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BypassDialog))
        assert "bypass code until" in screen_text(app)
        await pilot.press(*["tab"] * 4, "right", "enter")  # past the fields and Cancel
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).bypass is None


async def test_a_key_that_cannot_issue_one_says_why(console: OpenConsole) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at(app, pilot, "root")
        await pilot.press("b")
        await until(pilot, lambda: "lower rank, and root is a platform-admin." in words(app))


async def test_unbinding_issues_one_in_the_same_step(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await at(app, pilot, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await pilot.press(*"lost", "tab", "tab", "right", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, BypassCodeDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert "bob is unbound" in screen_text(app)
    detail = await organisation.perform(ShowUser(tenant=TENANT, user="bob"))
    assert (detail.user.status, detail.bypass is not None) == ("unbound", True)


async def test_it_is_asked_for_by_name_at_sign_in(
    signing_in: Callable[..., SecConsole], organisation: Organisation
) -> None:
    issued = await organisation.perform(IssueBypass(tenant=TENANT, user="bob", reason="phone at home"))
    app = signing_in()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"bob", "tab", *organisation.password("bob").replace(" ", "~").split("~")[0])
        for word in organisation.password("bob").split(" ")[1:]:
            await pilot.press("space", *word)
        await pilot.press("enter")
        await until(pilot, lambda: "bypass code from the helpdesk" in note(app))
        assert "It works until" in note(app)
        await until(pilot, lambda: "Bypass code from the helpdesk" in screen_text(app))
        await pilot.press(*issued.code.reveal().lower(), "enter")
        await until(pilot, lambda: inside(app))
        assert app.identity.login == "bob"
