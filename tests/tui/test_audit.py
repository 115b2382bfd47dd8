"""The Audit place: newest first, live, searched, verified and exported."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.domain.model import PolicyMode
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.events import EventGroup
from secconsole.operations.policy import SetPolicy
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.audit import audit as audit_place
from secconsole.tui.screens.audit import export
from secconsole.tui.screens.audit.audit import Audit
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
    return [line for line in screen_text(app).splitlines() if "Jan " in line and "local:jane" in line]


def toasts(app: SecConsole) -> str:
    return "\n".join(note.message for note in app._notifications)


async def all_entries(organisation: Organisation) -> list[AuditEntry]:
    page = await organisation.perform(ListAudit(tenant="acme", limit=500))
    return list(page.items)


async def test_entries_are_newest_first_with_details_of_the_selected_one(
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
        assert f"local:jane  to  bob (id {entry.target_id})" in text
        assert "why lost phone  ticket T-17" in text
        assert f"= {entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" in text
        assert "done by command" in text


async def test_the_list_follows_new_entries_on_the_first_line(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await create(organisation, 0, 2)
        await shows(app, pilot, "u001", seconds=1.5)
        await until(pilot, lambda: place(app).table.cursor_index == 0)
        assert "u001" in rows(app)[0]
        assert "to follow" not in screen_text(app)


async def test_the_cursor_stays_below_the_first_line(console: OpenConsole, organisation: Organisation) -> None:
    await create(organisation, 0, 30)
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "u029")
        await pilot.press("down", "down", "down", "down")
        await settled(pilot)
        before = screen_text(app).splitlines()
        at = next(y for y, line in enumerate(before) if line.startswith("▌"))
        await create(organisation, 30, 3)
        await shows(app, pilot, "3 new · n to follow", seconds=1.5)
        after = screen_text(app).splitlines()
        assert after[at] == before[at]
        assert after[at + 1] == before[at + 1]
        await pilot.press("n")
        await shows(app, pilot, "u032")
        await until(pilot, lambda: "to follow" not in screen_text(app))


async def test_a_cursor_far_down_stays_and_no_entry_is_skipped(
    console: OpenConsole, organisation: Organisation
) -> None:
    await create(organisation, 0, 300)
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "u299")
        place(app).table.move_to(200)
        await until(pilot, lambda: place(app).table.cursor_key is not None)
        key = place(app).table.cursor_key
        await create(organisation, 300, 2)
        await shows(app, pilot, "2 new · n to follow", seconds=1.5)
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
        await pilot.press("f", *["right"] * (1 + [*EventGroup].index(EventGroup.WHITELIST)), *["tab"] * 9, "enter")
        await shows(app, pilot, "whitelist · 1 found")
        assert "whitelist.added" in screen_text(app)
        await pilot.press("f", *["right"] * 1, "tab", *["right"] * 3, *["tab"] * 8, "enter")
        await shows(app, pilot, "policy · refused · 1 found")
        assert "✗ refused" in screen_text(app)


async def test_verify_reports_an_intact_chain(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("v")
        await shows(app, pilot, "The chain is intact: all")
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
        assert f"The first entry that does not fit: {victim.id} (number " in screen_text(app)
        assert "this entry was changed" in screen_text(app)


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
        await until(pilot, lambda: "written to" in toasts(app))
        (path,) = organisation.home.glob("audit-acme-*.csv")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with path.open(newline="", encoding="utf-8") as file:
            records = list(csv.DictReader(file))
        assert [record["id"] for record in records] == [entry.id for entry in wanted]
        assert "'" + evil in {record["reason"] for record in records}
        app.clear_notifications()
        await pilot.press("o", "right", "enter", "enter", "enter")
        await until(pilot, lambda: "written to" in toasts(app))
        (path,) = organisation.home.glob("audit-acme-*.json")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        document = json.loads(path.read_text())
        assert [item["id"] for item in document["items"]] == [entry.id for entry in wanted]
        assert document["next"] is None
        assert all(item["at"].endswith("Z") for item in document["items"])


async def test_export_never_overwrites_and_explains_an_invalid_path(
    console: OpenConsole, organisation: Organisation
) -> None:
    (organisation.home / "taken.csv").write_text("mine")
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("o", "tab", "tab", "ctrl+u")
        await type_in(pilot, "taken.csv")
        await pilot.press("enter")
        await shows(app, pilot, "That file already exists.")
        await pilot.press("ctrl+u")
        await type_in(pilot, "/nowhere/x.csv")
        await pilot.press("enter")
        await shows(app, pilot, "There is no folder /nowhere.")
        assert (organisation.home / "taken.csv").read_text() == "mine"


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_filter_by_actor_user_ticket_and_time(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    await organisation.perform(Unbind(tenant="acme", users=("bob",), reason="lost phone", ticket="T-17"))
    app = await console("aida", place="audit")
    async with app.run_test(size=size) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("f", "tab", "tab")
        await type_in(pilot, "local:jane")
        await pilot.press("tab")
        await type_in(pilot, "nobody")
        await pilot.press("tab")
        await type_in(pilot, "T-17")
        await pilot.press(*["tab"] * 5, "enter")
        await shows(app, pilot, "There is no such user.")
        await pilot.press("ctrl+u")
        await type_in(pilot, "bob")
        await pilot.press(*["tab"] * 6, "enter")
        await until(pilot, lambda: app.screen is place(app) and place(app)._source.total == 1)
        assert place(app)._narrowed.words == "by local:jane · user bob · ticket T-17"
        assert place(app).query_shown.ticket == "T-17"


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_an_entry_opens_in_full_with_words_for_its_codes(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    end = datetime.fromtimestamp(organisation.clock.now, UTC) + timedelta(days=30)
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="x", until=end))
    app = await console("aida", place="audit")
    async with app.run_test(size=size) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("slash")
        await type_in(pilot, "whitelist")
        await pilot.press("enter")
        await until(pilot, lambda: not place(app).table.unread and place(app)._source.total == 1)
        await settled(pilot)  # the cursor is on the row that was found
        await pilot.press("enter")
        await shows(app, pilot, "Audit entry")
        await settled(pilot)
        text = screen_text(app)
        assert "nina" in text
        assert "whitelist.added" in text  # a low window shows the top
        assert str(int(end.timestamp() * 1000)) not in text
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place(app))


async def test_an_export_is_stopped_and_its_file_removed(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = export.write

    async def write(wanted: export.Export, perform: Any, progress: Any) -> int:
        async def never(operation: Any) -> Any:
            await asyncio.Event().wait()  # a store that does not answer

        return await written(wanted, never, progress)

    monkeypatch.setattr(audit_place, "write", write)
    app = await console("aida", place="audit")
    async with app.run_test(size=SIZE) as pilot:
        await shows(app, pilot, "sign-in")
        await pilot.press("o", "right", "right", "enter", "enter", "enter")
        await until(pilot, lambda: bool(list(organisation.home.glob("audit-acme-*.jsonl"))))
        await settled(pilot)
        await pilot.press("o")
        await shows(app, pilot, "Stop the export")
        await pilot.press("right", "enter")
        await until(pilot, lambda: "The export was stopped" in toasts(app))
        await until(pilot, lambda: not list(organisation.home.glob("audit-acme-*.jsonl")))
        app.clear_notifications()
        await pilot.press("o")
        await shows(app, pilot, "Export the audit")
