"""What a place keeps across restarts: its search and its order."""

from __future__ import annotations

import csv
import io
import json

import pytest

from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.screens.choose_columns import ColumnsDialog
from secconsole.tui.screens.list_export import ListExportDialog
from secconsole.tui.screens.named_filters import NameDialog
from secconsole.tui.widgets.column_list import ColumnList
from secconsole.tui.widgets.filter_bar import FilterBar
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users import opened, shown_logins


async def test_the_last_search_and_order_of_users_are_there_after_a_restart(
    console: OpenConsole, organisation: Organisation
) -> None:
    path = organisation.home / "views.json"
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press("f", "u", "S")
        await settled(pilot)
        assert shown_logins(app) == ["nina", "newton"]
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        assert place.bar.text == "status:unbound"
        await until(pilot, lambda: shown_logins(app) == ["nina", "newton"] and "Login ▼" in screen_text(app))
    app = await console("tomas", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        assert place.bar.text == ""  # of another user


async def test_a_kept_view_that_this_version_does_not_know_is_shown_as_far_as_it_is_known(
    console: OpenConsole, organisation: Organisation
) -> None:
    path = organisation.home / "views.json"
    view = {"search": "role:help\x1b[2J", "sort": "shoe-size", "descending": True, "columns": ["shoes", "role", "role"]}
    path.write_text(json.dumps({"views": {"local acme/hana": {"users": view}}}))
    path.chmod(0o600)
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        assert place.bar.text == "role:help[2J"
        assert place.table._sort == ("login", False)
        assert place.table.shown_columns == ("role",)


async def test_the_chosen_columns_are_there_after_a_restart(console: OpenConsole, organisation: Organisation) -> None:
    path = organisation.home / "views.json"
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        assert "Phone" not in screen_text(app)
        await pilot.press("C", *["down"] * 8, *"KKKKKKK", "down", "space")  # phone second, no name
        assert "[ ] Name" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is place)
        assert place.table.shown_columns[:3] == ("login", "phone", "status")
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        assert place.table.shown_columns[:3] == ("login", "phone", "status")
        await pilot.press("C", "r", "enter")
        await until(pilot, lambda: app.screen is place)
        assert place.view.columns == ()
        assert place.table.shown_columns[:3] == ("login", "name", "status")


async def test_columns_are_chosen_in_each_list_by_the_same_key(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="whitelist", views_path=organisation.home / "views.json")
    async with app.run_test(size=(80, 24)) as pilot:
        for number, first in (("3", "login"), ("5", "at")):
            await pilot.press(number)
            await settled(pilot)
            place = app.screen
            await pilot.press("C", "J", "1", "space", "escape")
            await until(pilot, lambda place=place: app.screen is place)
            assert place.table.shown_columns[0] == first  # type: ignore[attr-defined]
            await pilot.press("C", "J")
            await until(pilot, lambda: isinstance(app.screen, ColumnsDialog))
            assert await pilot.click(ColumnList, offset=(4, 0))  # the one now above it
            await pilot.press("enter")
            await until(pilot, lambda place=place: app.screen is place)
            assert place.table.shown_columns[0] == first  # type: ignore[attr-defined]
            assert len(place.view.columns) > 2  # type: ignore[attr-defined]


async def test_a_named_filter_is_a_key_also_after_a_restart(console: OpenConsole, organisation: Organisation) -> None:
    path = organisation.home / "views.json"
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("f", "u")
        await settled(pilot)
        await pilot.press("F", "1")
        await until(pilot, lambda: isinstance(app.screen, NameDialog))
        await pilot.press(*"late", "enter")
        await until(pilot, lambda: app.screen is place)
        await pilot.press("escape")
        await settled(pilot)
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("F", "1")
        await settled(pilot)
        assert place.bar.text == "status:unbound"
        await pilot.press("F", "2")
        await settled(pilot)
        assert "Forget a filter" in screen_text(app)
        await pilot.press("1")
        await until(pilot, lambda: app.screen is place)
        assert place.view.filters == ()


@pytest.mark.parametrize(("place", "search"), [("audit", "tomas"), ("whitelist", "desk")])
async def test_other_places_keep_their_search_and_named_filters_too(
    console: OpenConsole, organisation: Organisation, place: str, search: str
) -> None:
    path = organisation.home / "views.json"
    for login, reason in (("bob", "shared desk"), ("nina", "on leave")):
        await organisation.perform(AddToWhitelist(tenant=TENANT, users=(login,), reason=reason))
    app = await console("hana", place=place, views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        here = app.screen
        await pilot.press("/", *search, "enter", "F", "1")
        await until(pilot, lambda: isinstance(app.screen, NameDialog))
        await pilot.press(*"mine", "enter")
        await until(pilot, lambda: app.screen is here)
    app = await console("hana", place=place, views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        bar = app.screen.query_one(FilterBar)
        assert bar.text == search
        assert "on leave" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: place == "audit" or "on leave" in screen_text(app))
        assert bar.text == ""
        await pilot.press("F", "1")
        await until(pilot, lambda: bar.text == search)
        await settled(pilot)
        assert "on leave" not in screen_text(app)


async def test_the_users_found_are_exported_as_they_are_shown(console: OpenConsole, organisation: Organisation) -> None:
    phone = "+420601123456"
    await organisation.perform(CreateUser(tenant=TENANT, login="zoe", name="=1+1", phone=phone))
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        place.set_search("status:unbound")
        await settled(pilot)
        await pilot.press("S")

        async def exported(name: str, *keys: str) -> None:
            await pilot.press("E")
            await until(pilot, lambda: isinstance(app.screen, ListExportDialog))
            await pilot.press(*keys, "tab", "ctrl+u", *name, "enter")
            await until(pilot, lambda: app.screen is place)
            await settled(pilot)

        await exported("a.csv")
        await exported("a.json", "right")
    written = (organisation.home / "a.csv").read_bytes().decode()
    assert (organisation.home / "a.csv").stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(written)))
    assert [row["login"] for row in rows] == ["zoe", "nina", "newton"]
    assert (rows[0]["name"], rows[0]["phone"]) == ("'=1+1", "••• 456")
    assert phone not in written
    items = json.loads((organisation.home / "a.json").read_text())["items"]
    assert [item["login"] for item in items] == ["zoe", "nina", "newton"]
    assert (items[0]["name"], items[0]["phone"], items[0]["status"]) == ("=1+1", "••• 456", "unbound")
