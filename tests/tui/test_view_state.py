"""What a place keeps across restarts: its search and its order."""

from __future__ import annotations

import json

from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
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
    view = {"search": "role:help\x1b[2J", "sort": "shoe-size", "descending": True}
    path.write_text(json.dumps({"views": {"local acme/hana": {"users": view}}}))
    path.chmod(0o600)
    app = await console("hana", place="users", views_path=path)
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        assert place.bar.text == "role:help[2J"
        assert place.table._sort == ("login", False)
