"""The Whitelist place: its entries, and every way to change them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from textual import events
from textual.pilot import Pilot

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.config.dates import parse_until
from secconsole.domain.errors import Invalid, NotSignedIn
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SignIn, WhoAmI
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist, Exemption, ListWhitelist, RemoveFromWhitelist
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.end_sessions import end_field
from secconsole.tui.screens.list_export import ListExportDialog
from secconsole.tui.screens.whitelist.dialogs import EditDialog
from secconsole.tui.screens.whitelist.paste import logins_in
from secconsole.tui.screens.whitelist.text import typed
from secconsole.tui.screens.whitelist.whitelist import Whitelist
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until

SIZE = (80, 24)


HINT = "Type to find; enter, space marks one; tab goes on."


async def put(organisation: Organisation, *logins: str, reason: str = "on leave", days: int | None = 3) -> None:
    until = organisation.clock.at() + timedelta(days=days, hours=1) if days else None
    await organisation.perform(AddToWhitelist(tenant="acme", users=logins, reason=reason, until=until))


async def entries(organisation: Organisation) -> dict[str, Exemption]:
    page = await organisation.perform(ListWhitelist(tenant="acme"))
    return {entry.login: entry for entry in page.items}


async def shows(app: SecConsole, pilot: Pilot[int], words: str) -> None:
    await until(pilot, lambda: words in screen_text(app))
    await settled(pilot)


def toasts(app: SecConsole) -> str:
    return "\n".join(note.message for note in app._notifications)


async def type_in(pilot: Pilot[int], text: str) -> None:
    await pilot.press(*("space" if char == " " else char for char in text))


async def test_entries_show_state_end_and_reason(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina")
    await put(organisation, "bob", reason="shared desk", days=None)
    app = await console("root", place="whitelist")
    async with app.run_test(size=(120, 30)) as pilot:
        await shows(app, pilot, "2 entries")
        text = screen_text(app)
        bob, nina = (next(line for line in text.splitlines() if login in line) for login in ("bob", "nina"))
        assert "● exempt but bound" in bob
        assert "no end date" in bob
        assert "○ unbound" in nina
        assert "3 days left" in nina
        assert "on leave" in nina
        assert "id 01" in text, "the entry under the cursor in full"


async def test_add_searches_while_typing_and_adds_several_at_once(
    console: OpenConsole, organisation: Organisation
) -> None:
    await put(organisation, "bob")
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("a")
        await type_in(pilot, "uma")
        await pilot.press("enter", "enter")
        await shows(app, pilot, "1 marked: uma")
        await pilot.press("shift+tab", "ctrl+u")
        await type_in(pilot, "nina")
        await pilot.press("enter", "space", "tab")
        await shows(app, pilot, "2 marked: uma, nina")
        await type_in(pilot, "at sea")
        await pilot.press("tab")
        await type_in(pilot, "2027-01-31")
        await pilot.press("enter")
        await shows(app, pilot, "3 entries")
        found = await entries(organisation)
        assert set(found) == {"bob", "uma", "nina"}
        assert found["uma"].reason == "at sea"
        assert found["uma"].until == datetime(2027, 2, 1).astimezone()
        assert found["bob"].reason == "on leave"


async def test_typing_over_results_starts_the_next_search(console: OpenConsole, organisation: Organisation) -> None:
    """One after the other is found and marked, where n, j and k, keys for moving elsewhere, are letters of names."""
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "0 entries")
        await pilot.press("a")
        await type_in(pilot, "nina")
        await pilot.press("enter", "space")
        await shows(app, pilot, "1 marked: nina")
        await type_in(pilot, "king")
        await shows(app, pilot, "/ king")
        await pilot.press("ctrl+u")
        await type_in(pilot, "uma")
        await pilot.press("enter", "space")
        await shows(app, pilot, "2 marked: nina, uma")
        await pilot.press("tab")
        await type_in(pilot, "at sea")
        await pilot.press("tab", *"30d", "enter")
        await shows(app, pilot, "30d is not a date. Use 2027-01-31, 2027-01-31T18:00 or")
        await pilot.press("ctrl+u", *"+30d", "tab", "tab", "tab", "ctrl+u", *"bob")
        await shows(app, pilot, "/ bob")
        await pilot.press("enter", "space")
        await shows(app, pilot, "3 marked")
        await pilot.press("tab", "enter", "enter")
        await shows(app, pilot, "3 entries")
        assert set(await entries(organisation)) == {"nina", "uma", "bob"}


async def test_add_does_not_mark_existing_entries(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "bob")
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("a")
        await type_in(pilot, "bob")
        await pilot.press("enter", "space")
        await until(pilot, lambda: "Already on the whitelist" in toasts(app))
        assert HINT in screen_text(app)


async def test_paste_keeps_the_list_and_lets_all_that_is_refused_be_corrected(
    console: OpenConsole, organisation: Organisation
) -> None:
    await put(organisation, "bob")
    app = await console("root", place="whitelist")
    async with app.run_test(size=(80, 50)) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("p")
        await settled(pilot)
        wrong = [f"nobody{number}" for number in range(9)]
        app.post_message(events.Paste("nina\r\nnewton, bob\n" + "\n".join(wrong) + "; [b]x[/b]\x1b[2J\n" + "z" * 300))
        await shows(app, pilot, "14 logins")
        await pilot.press("escape")
        await shows(app, pilot, "Escape again drops what you typed.")
        await pilot.press("tab")
        await type_in(pilot, "new phones")
        await pilot.press("tab", *"+7d", "enter")
        await shows(app, pilot, "Nothing has been done yet")
        text = screen_text(app)
        lines = text.splitlines()
        assert "nina, newton" in lines[next(at for at, line in enumerate(lines) if "2  will be added" in line) + 1]
        assert "Until   7 days left" in text
        assert "1  are already on it" in text
        assert "11  cannot be added" in text
        assert all(login in text for login in wrong)
        assert text.count("There is no such user.") == 10
        assert "[b]x[/b]\\x1b[2J" in text
        assert "That is too long for a login." in text
        assert set(await entries(organisation)) == {"bob"}
        await pilot.press("ctrl+u", *"UMA", "escape")
        await shows(app, pilot, "Escape again drops what you typed.")
        await pilot.press("down", "ctrl+u", "shift+tab", "shift+tab", "left", "enter")
        await shows(app, pilot, "3  will be added")
        assert "9  cannot be added" in screen_text(app)
        await pilot.press("escape")
        await shows(app, pilot, "13 logins")
        assert "new phones" in screen_text(app)
        assert "+7d" in screen_text(app)
        await pilot.press("tab", "tab", "enter")
        await shows(app, pilot, "3  will be added")
        await pilot.press("shift+tab", "enter")
        await shows(app, pilot, "4 entries")
        assert "3 users are on the whitelist now.\n9 logins left out." in toasts(app)
        assert {entry.reason for login, entry in (await entries(organisation)).items() if login != "bob"} == {
            "new phones"
        }


async def test_pasted_addresses_name_the_users_who_have_them(console: OpenConsole, organisation: Organisation) -> None:
    for login, box in {"first": "shared", "second": "shared", "m": "Mail"}.items():
        await organisation.perform(CreateUser(tenant="acme", login=login, email=f"{box}@acme.example"))
    app = await console("root", place="whitelist")
    async with app.run_test(size=(100, 40)) as pilot:
        await shows(app, pilot, "0 entries")
        await pilot.press("p")
        await settled(pilot)
        app.post_message(events.Paste("mail@ACME.example\nshared@acme.example\nail@acme.example"))
        await pilot.press("tab", "x", "tab", *"+7d", "enter")
        await shows(app, pilot, "1  of these by address: m")
        text = screen_text(app)
        assert "2 users have that address. Use their logins." in text
        assert "There is no such user." in text


def test_pasted_logins_are_split_and_deduplicated() -> None:
    assert logins_in("ana\n bob ,ana;;\tčeněk\n\n") == ("ana", "bob", "čeněk")


async def test_edit_changes_reason_and_end(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina")
    app = await console("tomas", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("e", "ctrl+u")
        await type_in(pilot, "back in May")
        await pilot.press("tab", "ctrl+u", *"+0d", "tab", "tab", "enter")
        await until(pilot, lambda: "is changed" in toasts(app))
        entry = (await entries(organisation))["nina"]
        here = organisation.clock.at().astimezone()
        assert entry.reason == "back in May"
        assert entry.until is not None
        assert entry.until.astimezone().date() == here.date() + timedelta(days=1)
        assert entry.by == "tomas"


async def test_a47_a_concurrent_edit_shows_the_earlier_change(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina")
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("e", "ctrl+u")
        await type_in(pilot, "mine")
        tomas = await organisation.signed_in("tomas")
        await tomas.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="theirs"))
        await tomas.close()
        await pilot.press("tab", "tab", "tab", "enter")
        await shows(app, pilot, "tomas changed this entry meanwhile. It says now:")
        assert "Reason  theirs" in screen_text(app)
        assert (await entries(organisation))["nina"].reason == "theirs", "nothing is lost"
        await pilot.press("enter")
        await until(pilot, lambda: "is changed" in toasts(app))
        assert (await entries(organisation))["nina"].reason == "mine"


async def test_a47_editing_a_removed_entry_says_so(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina")
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("e", "x")
        await settled(pilot)
        await organisation.perform(RemoveFromWhitelist(tenant="acme", users=("nina",)))
        await pilot.press("tab", "tab", "tab", "enter")
        await shows(app, pilot, "nina was removed from the whitelist in the meantime")
        assert await entries(organisation) == {}


async def test_a18_the_users_named_in_the_dialog_are_removed(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina", "newton")
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "2 entries")
        await pilot.press("d")
        await shows(app, pilot, "Remove 1 user from the whitelist")
        (id,) = [e.user for e in (await entries(organisation)).values() if e.login == "newton"]
        assert f"newton   Newton Abbot   id {id}" in screen_text(app)
        await put(organisation, "bob")  # sorts before, so that another row is where newton's was
        place = next(screen for screen in app.screen_stack if isinstance(screen, Whitelist))
        place.table.refresh_rows()
        await pilot.press("enter")
        await settled(pilot)
        assert len(await entries(organisation)) == 3, "Cancel had the focus"
        await pilot.press("home", "end", "up", "d")
        await shows(app, pilot, f"id {id}")
        await organisation.perform(RemoveFromWhitelist(tenant="acme", users=("bob",)))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "newton is off the whitelist" in toasts(app))
        assert set(await entries(organisation)) == {"nina"}


async def test_several_marked_entries_are_removed_at_once(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina", "newton", "bob")
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "3 entries")
        await pilot.press("space", "space")
        await shows(app, pilot, "2 marked")
        await pilot.press("d")
        await shows(app, pilot, "Remove 2 users from the whitelist")
        await pilot.press("right", "enter")
        await shows(app, pilot, "1 entry")
        assert set(await entries(organisation)) == {"nina"}
        assert "marked" not in screen_text(app)


async def _is_open(backend: EmbeddedBackend) -> bool:
    try:
        await backend.perform(WhoAmI())
    except NotSignedIn:
        return False
    return True


@pytest.mark.parametrize(("keys", "stays"), [((), False), (("up", "space", "down"), True)])
async def test_b7_ending_password_sessions_is_offered(
    console: OpenConsole, organisation: Organisation, keys: tuple[str, ...], stays: bool
) -> None:
    await put(organisation, "nina")
    nina = await organisation.signed_in("nina")
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("d")
        await shows(app, pilot, "[x] their password-only sessions")
        await pilot.press(*keys, "right", "enter")
        await until(pilot, lambda: "nina is off the whitelist" in toasts(app))
    assert await _is_open(nina) is stays
    await nina.close()


async def test_z2_removing_the_last_unbound_platform_administrator_warns(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OFF))
    await organisation.perform(Unbind(tenant="acme", users=("root",), reason="lost"))
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.REQUIRED))
    assert set(await entries(organisation)) == {"root"}
    app = await console("root", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("d", "right", "enter")
        await shows(app, pilot, "This can lock everyone out")
        assert "root is the last platform administrator" in screen_text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert set(await entries(organisation)) == {"root"}, "Cancel had the focus"
        await pilot.press("d", "right", "enter")
        await shows(app, pilot, "This can lock everyone out")
        await pilot.press("right", "enter")
        await until(pilot, lambda: "root is off the whitelist" in toasts(app))
        assert await entries(organisation) == {}


async def test_a34_an_entry_expires_and_is_audited(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina", days=1)
    app = await console("aida", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 day left")
        backend = await organisation.open()
        ask = SignIn(tenant="acme", login="nina", password=Secret(organisation.password("nina")))
        assert (await backend.perform(ask)).status is SignInStatus.COMPLETE
        organisation.clock.forward(86_400 + 3_600 - 300)
        await organisation.perform(CreateUser(tenant="acme", login="zed"))
        assert set(await entries(organisation)) == {"nina"}
        organisation.clock.forward(301)
        assert (await backend.perform(ask)).status is SignInStatus.ENROLL
        await backend.close()
        assert await entries(organisation) == {}


async def test_another_console_sees_a_new_entry_and_keeps_its_cursor(
    console: OpenConsole, organisation: Organisation
) -> None:
    await put(organisation, "nina", "newton")
    app = await console("aida", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "2 entries")
        await pilot.press("down")
        await shows(app, pilot, "nina  Nina Berg")
        await put(organisation, "bob")
        await until(pilot, lambda: "3 entries" in screen_text(app))
        place = app.screen
        assert isinstance(place, Whitelist)
        assert place.entry is not None
        assert place.entry.login == "nina"


@pytest.mark.parametrize(("login", "options"), [("hana", {}), ("aida", {}), ("root", {"read_only": True})])
async def test_missing_permission_to_change_is_explained(
    console: OpenConsole, organisation: Organisation, login: str, options: dict[str, bool]
) -> None:
    await put(organisation, "nina")
    app = await console(login, place="whitelist", **options)
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "1 entry")
        for key in ("a", "p", "e", "d", "enter"):
            app.clear_notifications()
            await pilot.press(key)
            await settled(pilot)
            assert "read-only" in toasts(app) or f"Your role, {login and app.identity.role}, may not" in toasts(app)
            assert isinstance(app.screen, Whitelist)


async def test_search_filters_and_escape_clears_it(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "nina", "newton")
    await put(organisation, "bob", reason="clean room")
    app = await console("aida", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "3 entries")
        await pilot.press("slash")
        await type_in(pilot, "clean")
        await shows(app, pilot, "1 found")
        assert "bob" in screen_text(app)
        await pilot.press("escape", "escape")
        await shows(app, pilot, "3 entries")
        await pilot.press("slash", "slash", *"clean", "enter")
        await shows(app, pilot, "/ clean")
        await pilot.press("escape")
        await shows(app, pilot, "3 entries")


async def test_entries_beyond_the_first_page_are_reachable(console: OpenConsole, organisation: Organisation) -> None:
    for number in range(300):
        await organisation.perform(CreateUser(tenant="acme", login=f"u{number:03}"))
    await put(organisation, *(f"u{number:03}" for number in range(300)))
    app = await console("aida", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "u000" in screen_text(app))
        for _ in range(3):
            await pilot.press("end")
            await settled(pilot)
            await pilot.pause(0.05)
        await shows(app, pilot, "u299")
        assert "300 entries" in screen_text(app)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Prague", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_ends_include_the_typed_day(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        now = datetime(2027, 1, 15, 8, tzinfo=UTC)
        today = now.astimezone(ZoneInfo(zone)).date()
        assert parse_until("2027-01-31", now) == datetime(2027, 2, 1, tzinfo=ZoneInfo(zone))
        in_30 = today + timedelta(days=31)
        assert parse_until("+30d", now) == datetime(in_30.year, in_30.month, in_30.day, tzinfo=ZoneInfo(zone))
        assert parse_until(" ", now) is None
        for text in ("2027-01-31", "2027-01-31T18:00:00", ""):
            assert typed(parse_until(text, now)) == text
        for wrong in ("soon", "31.1.2027", "2027-02-30", "+99999d", "+-3d"):
            with pytest.raises(Invalid):
                parse_until(wrong, now)
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_hints_and_checkboxes_are_whole_in_the_smallest_window(
    console: OpenConsole, organisation: Organisation
) -> None:
    await put(organisation, "nina", days=None)
    app = await console("root", place="whitelist")
    async with app.run_test(size=(60, 16)) as pilot:
        await shows(app, pilot, "1 entry")
        await pilot.press("a")
        await shows(app, pilot, HINT)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, Whitelist))
        await settled(pilot)
        await pilot.press("d")
        await shows(app, pilot, "[x] their password-only sessions")


@pytest.mark.parametrize(("sessions", "tokens"), [(0, 0), (1, 0), (0, 1), (1234, 0), (99, 99)])
def test_the_offer_to_end_sessions_fits_into_sixty_columns(sessions: int, tokens: int) -> None:
    field = end_field(sessions, tokens)
    frame, gutter, box = 6, 4, len(" [x] ")
    assert frame + gutter + len(field.label) + box + len(field.text) <= 60


async def test_the_entries_found_are_exported_with_harmless_cells(
    console: OpenConsole, organisation: Organisation
) -> None:
    await put(organisation, "nina", "bob", reason="=1+1 desk")
    await put(organisation, "uma", reason="on leave", days=None)
    app = await console("tomas", place="whitelist")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "3 entries")
        place = app.screen
        await pilot.press("/", *"desk", "enter")
        await shows(app, pilot, "2 found")
        for name, keys in (("w.csv", ()), ("w.json", ("right",))):
            await pilot.press("E")
            await until(pilot, lambda: isinstance(app.screen, ListExportDialog))
            await pilot.press(*keys, "tab", "ctrl+u", *name, "enter")
            await until(pilot, lambda: app.screen is place)
            await settled(pilot)
    path = organisation.home / "w.csv"
    assert path.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode())))
    assert [(row["login"], row["reason"]) for row in rows] == [("bob", "'=1+1 desk"), ("nina", "'=1+1 desk")]
    items = json.loads((organisation.home / "w.json").read_text())["items"]
    assert [(item["login"], item["reason"], item["by"]) for item in items] == [
        (login, "=1+1 desk", rows[0]["by"]) for login in ("bob", "nina")
    ]


async def test_edit_says_that_marks_do_not_count(console: OpenConsole, organisation: Organisation) -> None:
    await put(organisation, "bob", "nina")
    app = await console("tomas", place="whitelist")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await shows(app, pilot, "2 entries")
        await pilot.press("space", "home", "e")
        await until(pilot, lambda: isinstance(app.screen, EditDialog))
        assert "Edit is for bob only: marks do not count." in toasts(app)
