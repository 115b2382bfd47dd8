"""The Users place: finding people, marking them, and their details."""

from __future__ import annotations

from typing import Any

import pytest
from textual._callback import invoke
from textual.pilot import Pilot

from secconsole.domain.ident import short_id
from secconsole.domain.model import FactorKind
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.users import CreateUser, UserSort
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.store.search import user_search
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.audit.audit import Audit
from secconsole.tui.screens.users.filtering import PICKS, with_token
from secconsole.tui.screens.users.users import Users
from secconsole.tui.screens.whitelist.whitelist import Whitelist
from secconsole.tui.widgets.filter_bar import FilterBar
from secconsole.tui.widgets.table import WindowedTable
from secconsole.tui.widgets.user_detail import UserPane, UserStrip
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until


def users_of(app: SecConsole) -> Users:
    return next(screen for screen in reversed(app.screen_stack) if isinstance(screen, Users))


async def opened(app: SecConsole, pilot: Pilot[Any]) -> Users:
    """The place, with its rows and the details of the first user there."""
    await until(pilot, lambda: isinstance(app.screen, Users) and app.screen.is_mounted)
    place = users_of(app)
    await until(pilot, lambda: place.table.cursor_key is not None and place.detail is not None)
    await pilot.pause()
    return place


async def on(pilot: Pilot[Any], place: Users, login: str) -> None:
    """Put the cursor on a user, and wait for all details."""
    table = place.table
    for index in range(table.count):
        table.move_to(index)
        await pilot.pause()
        if place.person is not None and place.person.login == login:
            break
    await until(pilot, lambda: place.detail is not None and place.detail.user.login == login)
    await pilot.pause()


def shown_logins(app: SecConsole) -> list[str]:
    """The logins in the table, from the screen itself."""
    rows = screen_text(app).split("\n")[5:]
    return [row[3:].split()[0] for row in rows[: row_count(app)]]


def pane_text(app: SecConsole) -> str:
    """Return the text of the pane at the right, its lines joined."""
    return " ".join(" ".join(line.partition("│")[2] for line in screen_text(app).split("\n")).split())


def row_count(app: SecConsole) -> int:
    return min(users_of(app).table.count, users_of(app).table.view.page)


async def test_all_users_are_listed_with_status_and_counts(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        text = screen_text(app)
        assert shown_logins(app) == ["aida", "bob", "hana", "newton", "nina", "root", "tomas", "uma"]
        assert "8 users" in text
        assert "● bound" in text
        assert "○ unbound" in text
        assert "Login ▲" in text


async def test_search_filters_while_typing_and_escape_clears_it(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("slash", "n", "o", "v")
        await until(pilot, lambda: "1 of 8 users" in screen_text(app) and shown_logins(app) == ["bob"])
        await pilot.press("escape")
        await until(pilot, lambda: "8 users" in screen_text(app) and place.table.count == 8)
        assert place.bar.text == ""
        await pilot.press("escape")
        await settled(pilot)
        assert app.focused is place.table


async def test_every_key_in_the_search_line_is_text(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("slash", *"1234567q", "question_mark", "colon", "space", "u", "x", "slash")
        await settled(pilot)
        assert app.screen is place
        assert place.bar.text == "1234567q?: ux/"
        await pilot.press("left", "left", "backspace", "home", "delete", "ctrl+w", "end", "ctrl+w")
        await settled(pilot)
        assert place.bar.text == "234567q?: "


async def test_the_search_line_accepts_filters_and_explains_problems(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        place.set_search("status:unbound")
        await until(pilot, lambda: "2 of 8 users" in screen_text(app))
        await until(pilot, lambda: shown_logins(app) == ["newton", "nina"])
        place.set_search("role:help")
        await until(pilot, lambda: shown_logins(app) == ["hana"])
        place.set_search("status:lost")
        await until(pilot, lambda: "not one of bound" in screen_text(app))
        place.set_search("zzz")
        await until(pilot, lambda: "No users match zzz. Escape shows all users." in screen_text(app))


async def test_keys_typed_ahead_apply_to_the_search_result(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("slash", *"is:locked", "ctrl+u", *"status:unb", "enter", "down", "space")
        await settled(pilot)
        assert [place._source.person(key).login for key in place.table.marks] == ["nina"]  # type: ignore[union-attr]


async def test_a_quick_filter_is_one_key_and_appears_in_the_search_line(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("f", "u")
        await settled(pilot)
        assert place.bar.text == "status:unbound"
        assert shown_logins(app) == ["newton", "nina"]
        await pilot.press("f", "down", "enter")
        await settled(pilot)
        assert place.bar.text == "status:pending"
        await pilot.press("f", "a")
        await settled(pilot)
        assert place.bar.text == ""
        assert place.table.count == 8


@pytest.mark.parametrize("pick", PICKS, ids=lambda pick: pick.title)
def test_a_quick_filter_keeps_the_words_and_replaces_the_other_filters(pick: Any) -> None:
    assert with_token("novak status:bound is:locked a:b", pick.token) == f"novak a:b {pick.token}".strip()


async def test_sorting_by_key_and_by_the_header(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("S")
        await settled(pilot)
        assert "Login ▼" in screen_text(app)
        assert shown_logins(app)[0] == "uma"
        await pilot.press("s")
        await settled(pilot)
        assert "Name ▲" in screen_text(app)
        assert shown_logins(app)[:2] == ["root", "aida"]  # root has no name
        await pilot.press("s")
        await settled(pilot)
        assert place._query.sort is UserSort.STATUS
        assert "Status ▲" in screen_text(app)
        assert shown_logins(app)[-2:] == ["newton", "nina"]
        while place._sorted_by != "seen":  # over the columns in sight
            before = place._sorted_by
            await pilot.press("s")
            await settled(pilot)
            assert place._sorted_by in place.table.shown_columns
            assert place._sorted_by != before
        assert place._query.sort is UserSort.LAST_SIGN_IN
        assert place._query.descending
        assert shown_logins(app)[0] == "hana"
        await pilot.click(place.table, offset=(4, 0))
        await until(pilot, lambda: "Login ▲" in screen_text(app))


async def test_an_order_for_fewer_users_is_passed_over_with_its_reason(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_search, "MOST_COUNTED", 2)
    app = await console("hana", place="users")
    async with app.run_test(size=(120, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        while place._sorted_by != "status":
            await pilot.press("s")
            await settled(pilot)
        await pilot.press("s")
        await until(pilot, lambda: place._sorted_by == "factors")
        await settled(pilot)
        assert "Up to 2 users can be sorted by flags." in " ".join(note.message for note in app._notifications)
        assert place.table._sort == ("factors", False)
        assert len(shown_logins(app)) == 8


async def test_marks_survive_filters_and_live_changes(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("space", "space")
        await settled(pilot)
        marked = place.table.marks
        assert len(marked) == 2
        assert "2 marked" in screen_text(app)
        place.set_search("nina")
        await until(pilot, lambda: shown_logins(app) == ["nina"] and "2 marked · 1 of 8 users" in screen_text(app))
        assert place.table.marks == marked
        await organisation.perform(CreateUser(tenant="acme", login="aaron"))
        place.set_search("")
        await until(pilot, lambda: place.table.count == 9)
        assert place.table.marks == marked
        await pilot.press("escape")
        await settled(pilot)
        assert not place.table.marks
        assert "marked" not in screen_text(app)


async def test_a_range_and_all_results_can_be_marked(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await pilot.press("space", "down", "down", "v")
        await until(pilot, lambda: len(place.table.marks) == 4)
        await pilot.press("A")
        await settled(pilot)
        assert not place.table.marks
        place.set_search("status:bound")
        await until(pilot, lambda: place.table.count == 6)
        await pilot.press("a")
        await settled(pilot)
        assert len(place.table.marks) == 6


async def test_a_live_change_keeps_cursor_and_line(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "nina")
        line = next(at for at, text in enumerate(screen_text(app).split("\n")) if "nina" in text)
        for login in ("aaron", "abel"):
            await organisation.perform(CreateUser(tenant="acme", login=login))
        await place.on_live_change()
        await until(pilot, lambda: place.table.count == 10)
        await until(pilot, lambda: place.table.cursor_index == 6)
        assert place.person is not None
        assert place.person.login == "nina"
        assert "aaron" in screen_text(app) or screen_text(app).split("\n")[line].startswith("▌")


async def test_the_strip_identifies_the_user_and_the_pane_has_details(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        assert not place.query_one(UserPane).display
        assert place.person is not None
        assert f"bob  Bob Novak  id {short_id(place.person.id)}  bob@acme.example" in screen_text(app)
        assert "● bound: authenticator app" in screen_text(app)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: place.query_one(UserPane).display)
        await until(pilot, lambda: "Whitelist  no" in screen_text(app))
        text = screen_text(app)
        assert not place.query_one(UserStrip).display
        assert place.person is not None
        assert f"id {place.person.id}" in text
        assert "bound a factor" in text
        assert "Recent" in text


async def test_the_pane_explains_look_alikes_and_whitelist(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(CreateUser(tenant="acme", login="bоb", name="Bob Nоvak"))  # Cyrillic о
    await organisation.perform(AddToWhitelist(tenant="acme", users=("bob",), reason="clean room"))
    app = await console("tomas", place="users")
    async with app.run_test(size=(120, 40)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bоb")
        assert "⚠ Bob Nоvak" in screen_text(app)
        text = pane_text(app)
        assert "letter is Cyrillic о" in text
        assert "Looks like bob" in text
        await on(pilot, place, "bob")
        text = pane_text(app)
        assert "Looks like bоb" in text
        assert "with no end date: clean room" in text


async def test_help_on_a_user_says_what_to_tell_the_caller(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "nina")
        await pilot.press("h")
        await settled(pilot)
        text = screen_text(app)
        assert "About nina" in text
        assert "What to tell the caller" in text
        assert "authenticator app" in text
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is place


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_every_filter_is_visible_without_scrolling(console: OpenConsole, size: tuple[int, int]) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        await pilot.press("f")
        await until(pilot, lambda: "─ Show ─" in screen_text(app))
        await settled(pilot)
        text = screen_text(app)
        assert [pick.title for pick in PICKS if pick.title not in text] == []
        assert not app.screen.show_vertical_scrollbar


async def test_help_on_a_user_offers_no_unverified_number(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(EnrollFactor(tenant=TENANT, user="bob", kind=FactorKind.SMS, address="+447700900113"))
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        await pilot.press("h")
        await until(pilot, lambda: "What to tell the caller" in screen_text(app))
        text = screen_text(app)
        assert "a code sent to" not in text
        assert "••• 113 is not verified: if it is offered, its first code does that." in text


@pytest.mark.parametrize(
    ("login", "who", "key", "reason"),
    [
        ("aida", "bob", "u", "Your role, auditor, may not do this"),
        ("hana", "bob", "w", "Your role, helpdesk, may not do this"),
        ("tomas", "tomas", "e", "Your own factors are in My account: press 7, then e."),
        ("hana", "root", "u", "A helpdesk may not act on a platform-admin"),
        ("hana", "hana", "u", "Not for your own account"),
        ("hana", "nina", "u", "nina has no factor bound"),
        ("hana", "bob", "x", "bob is bound: nothing to undo"),
        ("hana", "bob", "l", "bob is not locked"),
        ("tomas", "bob", "D", "bob is not disabled"),
        ("tomas", "tomas", "d", "Not for your own account"),
        ("tomas", "tomas", "o", "Not for your own account"),
    ],
)
async def test_an_unavailable_key_says_why(console: OpenConsole, login: str, who: str, key: str, reason: str) -> None:
    app = await console(login, place="users")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, who)
        await pilot.press(key)
        await settled(pilot)
        assert app.screen is place
        assert [n.message for n in app._notifications if reason in n.message], list(app._notifications)


async def test_read_only_changes_nothing(console: OpenConsole) -> None:
    app = await console("root", place="users", read_only=True)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        place = await opened(app, pilot)
        for key in ("u", "w", "l", "e", "r", "d", "D", "m", "o", "n"):
            app.clear_notifications()
            await pilot.press(key)
            await settled(pilot)
            assert app.screen is place
            assert any("read-only" in n.message for n in app._notifications), key


async def test_no_two_actions_of_the_place_share_a_key() -> None:
    keys = [key for action in Users.ACTIONS for key in action.key_names]
    assert len(keys) == len(set(keys))
    assert all(action.run or hasattr(Users, action.method) for action in Users.ACTIONS)


@pytest.mark.parametrize("place", ["users", "whitelist", "audit"])
async def test_late_replies_to_a_closed_place_are_ignored(console: OpenConsole, place: str) -> None:
    """Timers go off and rows arrive while its parts are gone already and it is not."""
    app = await console("aida", place=place)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Users | Whitelist | Audit) and app.screen.is_mounted)
        shown = app.screen
        assert isinstance(shown, Users | Whitelist | Audit)
        await until(pilot, lambda: shown.table.cursor_index == 0)
        assert shown.is_here
        removed = shown.remove()
        assert not shown.is_here
        for part in (*shown.query("#entry"), *shown.query(WindowedTable), *shown.query(FilterBar)):
            await part.remove()
        shown.on_windowed_table_cursor_moved()
        shown.on_windowed_table_rows_loaded()
        timer = shown._resting
        if timer is not None:  # whatever it was to do, it does now
            await invoke(timer._callback)
        await removed
        app.exit()


async def test_users_are_found_without_accents_and_by_any_name_prefix(
    organisation: Organisation, console: OpenConsole
) -> None:
    for login, name, email in (("hk1", "Ida Dvořáková", "ida@beta.example"), ("u9", "Ming Wu", "")):
        await organisation.perform(CreateUser(tenant=TENANT, login=login, name=name, email=email))
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        for typed, login in (("dvorakova", "hk1"), ("DVOŘÁK i", "hk1"), ("wu", "u9"), ("ida@beta", "hk1")):
            await pilot.press("slash", "ctrl+u", *("space" if char == " " else char for char in typed))
            await until(pilot, lambda login=login: shown_logins(app) == [login])
