"""The Audit place: newest first, live, found, verified and exported."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
from datetime import UTC

import pytest
from textual.pilot import Pilot

from secconsole.domain.model import PolicyMode
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.policy import SetPolicy
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui import user_words
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.audit.audit import Audit
from secconsole.tui.screens.audit.words import GROUPS
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until

SIZE = (80, 24)


async def create(organisation: Organisation, first: int, count: int) -> None:
    for number in range(first, first + count):
        organisation.clock.forward(1)
        await organisation.perform(CreateUser(tenant="acme", login=f"u{number:03}"))


async def shows(app: SecConsole, pilot: Pilot[int], words: str, seconds: float = 5.0) -> None:
    await until(pilot, lambda: words in screen_text(app), seconds)
    await settled(pilot)


async def type_in(pilot: Pilot[int], text: str) -> None:
    await pilot.press(*("space" if char == " " else char for char in text))


def place(app: SecConsole) -> Audit:
    return next(screen for screen in app.screen_stack if isinstance(screen, Audit))


def rows(app: SecConsole) -> list[str]:
    return [line for line in screen_text(app).splitlines() if "Jan " in line and "local:root" in line]


def said(app: SecConsole) -> str:
    return "\n".join(note.message for note in app._notifications)


async def all_entries(organisation: Organisation) -> list[AuditEntry]:
    page = await organisation.perform(ListAudit(tenant="acme", limit=500))
    return list(page.items)


async def test_newest_first_with_all_of_the_entry_under_the_cursor(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(Unbind(tenant="acme", users=("bob",), reason="lost phone", ticket="T-17"))
    entry = (await all_entries(organisation))[0]
    await create(organisation, 0, 1)
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "user.created")
        shown = rows(app)
        assert shown.index(next(r for r in shown if "u000" in r)) < shown.index(next(r for r in shown if "bob" in r))
        assert "entries" in screen_text(app)
        await pilot.press("slash")
        await type_in(pilot, "unbind")
        await pilot.press("enter")
        await shows(app, pilot, f"entry {entry.id}")
        text = screen_text(app)
        assert f"local:root  to  bob (id {entry.target_id})" in text
        assert "why lost phone  ticket T-17" in text
        assert f"= {entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" in text
        assert "done by command" in text


async def test_on_the_first_line_the_list_follows(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await create(organisation, 0, 2)
        await shows(app, pilot, "u001", seconds=1.5)
        await until(pilot, lambda: place(app).table.cursor_index == 0)
        assert "u001" in rows(app)[0]
        assert "new above" not in screen_text(app)


async def test_below_it_the_reader_stays_where_they_are(console: OpenConsole, organisation: Organisation) -> None:
    await create(organisation, 0, 30)
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "u029")
        await pilot.press("down", "down", "down", "down")
        await settled(pilot)
        before = screen_text(app).splitlines()
        at = next(y for y, line in enumerate(before) if line.startswith("▌"))
        await create(organisation, 30, 3)
        await shows(app, pilot, "3 new above", seconds=1.5)
        after = screen_text(app).splitlines()
        assert after[at] == before[at]
        assert after[at + 1] == before[at + 1]
        await pilot.press("n")
        await shows(app, pilot, "u032")
        await until(pilot, lambda: "new above" not in screen_text(app))


async def test_reader_deep_down_stays_and_nothing_is_skipped(console: OpenConsole, organisation: Organisation) -> None:
    await create(organisation, 0, 300)
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "u299")
        place(app).table.move_to(200)
        await until(pilot, lambda: place(app).table.cursor_key is not None)
        key = place(app).table.cursor_key
        await create(organisation, 300, 2)
        await shows(app, pilot, "2 new above", seconds=1.5)
        await until(pilot, lambda: place(app).table.cursor_index == 202)
        assert place(app).table.cursor_key == key
        wanted = [entry.id for entry in await all_entries(organisation)]
        source = place(app)._source
        found = [row.key for first in range(0, 384, 128) for row in await source.load(first, 128)]
        assert found == wanted


async def test_filter_by_group_and_outcome(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="x"))
    hana = await organisation.signed_in("hana")
    with pytest.raises(Exception, match="helpdesk"):
        await hana.perform(SetPolicy(tenant="acme", mode=PolicyMode.OFF))
    await hana.close()
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("f", *["right"] * (1 + list(GROUPS).index("whitelist")), "tab", "tab", "tab", "enter")
        await shows(app, pilot, "whitelist · 1 found")
        assert "whitelist.added" in screen_text(app)
        await pilot.press("f", *["right"] * 1, "tab", "right", "right", "tab", "tab", "enter")
        await shows(app, pilot, "policy · refused · 1 found")
        assert "✗ refused" in screen_text(app)


async def test_every_action_that_is_written_is_in_a_group_and_has_words() -> None:
    import re
    from pathlib import Path

    import secconsole.service

    source = "".join(path.read_text() for path in Path(secconsole.service.__file__).parent.glob("*.py"))
    written = set(re.findall(r'\.audit\(\s*"([a-z.-]+)"', source))
    assert written - {action for group in GROUPS.values() for action in group} == set()
    assert written - set(user_words.EVENTS) == set()


async def test_verify_says_in_words_that_the_chain_is_whole(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("v")
        await shows(app, pilot, "The chain is whole: all")
        await pilot.press("enter")
        await settled(pilot)
        assert app.screen is place(app)


async def test_verify_names_the_first_broken_entry(console: OpenConsole, organisation: Organisation) -> None:
    await create(organisation, 0, 3)
    victim = (await all_entries(organisation))[1]
    app = await console("aida", place="audit")
    with sqlite3.connect(organisation.home / "console.db") as raw:
        raw.execute("UPDATE audit SET actor = 'nobody' WHERE id = ?", (victim.id,))
    raw.close()
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("v")
        await shows(app, pilot, "The chain is broken.")
        assert f"The first entry that does not fit: {victim.id}." in screen_text(app)
        assert "this entry was changed or put in" in screen_text(app)


async def test_export_writes_private_files_with_harmless_cells(
    console: OpenConsole, organisation: Organisation
) -> None:
    evil = '=HYPERLINK("http://x","y")'
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason=evil))
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        wanted = await all_entries(organisation)
        await pilot.press("o", "enter", "enter", "enter")
        await until(pilot, lambda: "written to" in said(app))
        (path,) = organisation.home.glob("audit-acme-*.csv")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with path.open(newline="", encoding="utf-8") as file:
            records = list(csv.DictReader(file))
        assert [record["id"] for record in records] == [entry.id for entry in wanted]
        assert "'" + evil in {record["reason"] for record in records}
        app.clear_notifications()
        await pilot.press("o", "right", "enter", "enter", "enter")
        await until(pilot, lambda: "written to" in said(app))
        (path,) = organisation.home.glob("audit-acme-*.json")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        document = json.loads(path.read_text())
        assert [item["id"] for item in document["items"]] == [entry.id for entry in wanted]
        assert document["next"] is None
        assert all(item["at"].endswith("Z") for item in document["items"])


async def test_export_never_overwrites_and_says_what_is_wrong_with_a_path(
    console: OpenConsole, organisation: Organisation
) -> None:
    (organisation.home / "taken.csv").write_text("mine")
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("o", "tab", "tab", "ctrl+u")
        await type_in(pilot, "taken.csv")
        await pilot.press("enter")
        await shows(app, pilot, "There is such a file already.")
        await pilot.press("ctrl+u")
        await type_in(pilot, "/nowhere/x.csv")
        await pilot.press("enter")
        await shows(app, pilot, "There is no folder /nowhere.")
        assert (organisation.home / "taken.csv").read_text() == "mine"
