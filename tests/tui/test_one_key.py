"""Operations and availability checks of one key, and which change notices reload the screen."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.backends import watcher
from secconsole.backends.base import Notice
from secconsole.domain.roles import Role
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ChangeRole
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.settings.settings import Settings
from secconsole.tui.screens.users.users import Users
from secconsole.tui.screens.whitelist.whitelist import Whitelist
from secconsole.tui.session import live_updates
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users import on, opened


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "SECONDS", 0.01)
    monkeypatch.setattr(live_updates, "OWN", 0.25)


class Counted:
    """Operations that a console performs, availability checks that a place makes, and notices of changes."""

    def __init__(self, app: SecConsole, monkeypatch: pytest.MonkeyPatch, kind: type[Place] = Users) -> None:
        self.operations: list[str] = []
        self.checks: list[str] = []
        self.notices: list[Notice] = []
        own: Any = app.backend._own  # type: ignore[attr-defined]
        perform, why_not, notice_of = app.backend.perform, kind.why_not, own.notice_of

        async def counted(operation: Any) -> Any:
            self.operations.append(type(operation).__name__)
            return await perform(operation)

        def checked(place: Any, action: Any) -> str:
            self.checks.append(action.id)
            return why_not(place, action)

        async def noticed(marks: frozenset[str]) -> Notice:
            notice: Notice = await notice_of(marks)
            self.notices.append(notice)
            return notice

        monkeypatch.setattr(app.backend, "perform", counted)
        monkeypatch.setattr(kind, "why_not", checked)
        monkeypatch.setattr(own, "notice_of", noticed)

    async def own_notice(self, pilot: Pilot[Any], app: SecConsole) -> None:
        """Wait for the notice of the console's own write, and for what that may lead to."""
        await until(pilot, lambda: Notice.OWN in self.notices and app.live._own is None)
        await settled(pilot)


async def confirm_unbind(pilot: Pilot[Any], place: Users, who: str) -> None:
    """Open the dialog for a user and go to its last button."""
    await on(pilot, place, who)
    await pilot.press("u")
    await settled(pilot)
    await pilot.press(*"lost phone", "tab", *"T-17", "tab", "right")
    await settled(pilot)


async def test_enter_on_unbind_performs_three_operations_and_checks_each_key_once(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await confirm_unbind(pilot, place, "bob")
        counted = Counted(app, monkeypatch)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is place and "ShowUser" in counted.operations)
        await counted.own_notice(pilot, app)
        assert counted.operations == ["Unbind", "ListUsers", "ShowUser"]
        assert max(Counter(counted.checks).values()) == 1


async def test_a_whitelist_entry_is_removed_with_one_reload(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await organisation.perform(AddToWhitelist(tenant="acme", users=("newton",), reason="no phone"))
    app = await console("tomas", place="whitelist")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Whitelist) and "newton" in screen_text(app))
        await settled(pilot)
        await pilot.press("d")
        await until(pilot, lambda: not isinstance(app.screen, Whitelist))
        await settled(pilot)
        await pilot.press("right")
        counted = Counted(app, monkeypatch, Whitelist)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Whitelist) and "newton" not in screen_text(app))
        await counted.own_notice(pilot, app)
        reload = ["ListWhitelist"] * 2  # where the cursor's entry is now, and the rows in sight
        assert counted.operations == ["RemoveFromWhitelist", *reload]
        assert max(Counter(counted.checks).values()) <= 2  # with an entry under the cursor, and without


async def test_a_write_that_no_screen_follows_reloads_the_place_once(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await console("tomas", place="settings")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Settings) and "set by local:jane" in screen_text(app))
        await settled(pilot)
        counted = Counted(app, monkeypatch, Settings)
        await app.perform(CreateUser(tenant="acme", login="adam"))
        await until(pilot, lambda: "PreviewPolicy" in counted.operations)
        await counted.own_notice(pilot, app)
        assert Counter(counted.operations)["PreviewPolicy"] == 1


async def test_a_concurrent_change_of_another_console_is_shown_at_once(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_updates, "OWN", 1e6)
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await confirm_unbind(pilot, place, "bob")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is place)
        await organisation.perform(CreateUser(tenant="acme", login="adam"))
        await until(pilot, lambda: "adam" in screen_text(app))


async def test_availability_follows_cursor_details_and_role(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        unbind = next(action for action in place.actions if action.id == "users.unbind")
        await on(pilot, place, "newton")
        assert "has no factor bound" in place.reason(unbind)
        await on(pilot, place, "bob")
        assert place.reason(unbind) == ""
        await organisation.perform(Unbind(tenant="acme", users=("bob",), reason="lost phone"))
        await until(pilot, lambda: "Press x to undo" in place.reason(unbind))
        await on(pilot, place, "uma")
        assert place.reason(unbind) == ""
        await organisation.perform(ChangeRole(tenant="acme", user="uma", role=Role.PLATFORM_ADMIN))
        await until(pilot, lambda: "may not act on" in place.reason(unbind))
