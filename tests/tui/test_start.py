"""Beginning where the options say, with chosen keys; and all commands and keys by name."""

from __future__ import annotations

import pytest

from secconsole.config.keymap import KeyChoice
from secconsole.config.start_at import StartAt
from secconsole.operations.users import CreateUser
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.audit.audit import Audit
from secconsole.tui.screens.help import HelpScreen
from secconsole.tui.screens.palette import commands_for
from secconsole.tui.screens.users.users import Users
from secconsole.tui.screens.whitelist.add import AddDialog
from secconsole.tui.screens.whitelist.whitelist import Whitelist
from secconsole.tui.session.keymap import checked_keymap
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until

SIZE = (100, 30)


async def test_user_filter_and_place_go_straight_there(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(CreateUser(tenant="acme", login="aaa.uma"))
    app = await console("root", start=StartAt(user="UMA"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Users) and app.screen.person is not None)
        await until(pilot, lambda: app.screen.person is not None and app.screen.person.login == "uma")  # type: ignore[attr-defined]
        assert "/ uma" in screen_text(app)
    app = await console("root", start=StartAt(filter="status:unbound role:user"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "/ status:unbound role:user" in screen_text(app))
    app = await console("root", start=StartAt(place="audit"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Audit))


async def test_a_start_that_leads_nowhere_is_explained(console: OpenConsole) -> None:
    for login, start, words in (
        ("root", StartAt(user="[b]nobody"), "There is no user [b]nobody."),
        ("hana", StartAt(place="incident"), "Incident is for others"),
        ("uma", StartAt(filter="x"), "can see its own account only"),
    ):
        app = await console(login, start=start)
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: any(words in note.message for note in app._notifications))  # noqa: B023


async def test_chosen_keys_work_and_are_shown(console: OpenConsole) -> None:
    keys = checked_keymap(
        KeyChoice({"whitelist.add": "f5", "everywhere.palette": "f6", "table.down": "f7", "x.y": "z"})
    )
    app = await console("root", place="whitelist", keys=keys)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Whitelist))
        await settled(pilot)
        assert "f5 Add" in screen_text(app).splitlines()[-1]
        assert [note.message for note in app._notifications] == list(keys.problems)
        await pilot.press("a")
        await settled(pilot)
        assert isinstance(app.screen, Whitelist)
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, AddDialog))


async def test_help_shows_the_keys_first(console: OpenConsole) -> None:
    app = await console("root", place="whitelist")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Whitelist))
        await settled(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "Find users and add" in screen_text(app))


@pytest.mark.parametrize("login", ["root", "hana", "aida"])
async def test_the_palette_lists_every_action_once(console: OpenConsole, login: str) -> None:
    app = await console(login, place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        place = app.places.here
        assert place is not None
        listed = [(command.title, command.help) for command in commands_for(place)]
        assert len(listed) == len(set(listed))
        titles = [title for title, _ in listed]
        assert titles.count("Sign out") == 1
        assert ("Unbind" in titles) == (login != "aida")
        assert "Verify" in titles


async def test_an_action_of_another_place_is_done_there(console: OpenConsole) -> None:
    app = await console("root", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        await settled(pilot)
        await pilot.press("colon", *"find users and add", "enter")
        await until(pilot, lambda: isinstance(app.screen, AddDialog))
        await pilot.press("escape", "escape", "q")
        await until(pilot, lambda: isinstance(app.screen, Account))
