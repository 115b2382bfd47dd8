"""Acts on many users: marks or a search, a typed number, a job in the background, and the list that steers it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.domain.jobs import JobKind, JobState
from secconsole.domain.model import Flag, PolicyMode
from secconsole.operations.jobs import AdvanceJob, Job, ListJobs, StartJob
from secconsole.operations.policy import SetPolicy
from secconsole.operations.users import CreateUser
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.jobs.jobs import JobsScreen
from secconsole.tui.screens.jobs.password_list import ListDialog
from secconsole.tui.screens.jobs.start import KindDialog, StartDialog
from secconsole.tui.screens.users.users import Users
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_unbind import show, toasts
from tests.tui.test_users import opened


async def crowd(organisation: Organisation, number: int) -> None:
    for each in range(number):
        await organisation.perform(CreateUser(tenant="acme", login=f"z{each:02}"))


async def jobs(organisation: Organisation) -> tuple[Job, ...]:
    return (await organisation.perform(ListJobs(tenant="acme"))).items


async def search(app: SecConsole, pilot: Pilot[Any], words: str, number: int) -> Users:
    place = await opened(app, pilot)
    place.set_search(words)
    await until(pilot, lambda: place.table.count == number)
    return place


async def test_marked_users_are_disabled_by_a_job_after_the_number_is_typed(
    console: OpenConsole, organisation: Organisation
) -> None:
    await crowd(organisation, 22)
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await search(app, pilot, "z", 22)
        await pilot.press("a", "d")
        await until(pilot, lambda: isinstance(app.screen, StartDialog))
        assert "22 would be disabled" in screen_text(app)
        await pilot.press("up", "up", *"left", "tab", *"21", "tab", "right", "enter")
        await settled(pilot)
        assert "That is not 22" in screen_text(app)
        await pilot.press("ctrl+u", *"22", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await until(pilot, lambda: "finished" in screen_text(app))
        assert "22 users: 22 disabled." in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        assert not place.table.marks
    assert Flag.DISABLED in (await show(organisation, "z21")).user.flags


async def test_all_that_a_search_finds_are_acted_on_without_marks(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    await crowd(organisation, 3)
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await search(app, pilot, "z", 3)
        await pilot.press("B")
        await until(pilot, lambda: isinstance(app.screen, KindDialog))
        assert "3 users that match z" in screen_text(app)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, StartDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await until(pilot, lambda: "finished" in screen_text(app))
    (job,) = await jobs(organisation)
    assert (job.kind, job.selection, job.done) == (JobKind.REQUIRE_MFA, "z", 3)


async def test_a_job_that_another_console_left_is_resumed_and_its_result_exported(
    console: OpenConsole, organisation: Organisation, tmp_path: Path
) -> None:
    await crowd(organisation, 4)
    start = StartJob(tenant="acme", kind=JobKind.DISABLE, users=("z00", "z01", "z02", "nobody"))
    job = await organisation.perform(start)
    await organisation.perform(AdvanceJob(tenant="acme", job=job.id, most=1))
    organisation.clock.forward(60)
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(app, pilot)
        await pilot.press("J")
        await until(pilot, lambda: "interrupted" in screen_text(app))
        await pilot.press("r")
        await until(pilot, lambda: "finished" in screen_text(app))
        for format in ("csv", "json"):
            file = tmp_path / f"out.{format}"
            await pilot.press("e")
            await settled(pilot)
            await pilot.press(*(("right",) if format == "json" else ()), "tab", "ctrl+u", *str(file), "tab", "right")
            await pilot.press("enter")
            await until(pilot, file.exists)
            await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "There is no such user." in screen_text(app))
    with (tmp_path / "out.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["login"], row["state"]) for row in rows] == [
        ("z00", "done"),
        ("z01", "done"),
        ("z02", "done"),
        ("nobody", "failed"),
    ]
    assert json.loads((tmp_path / "out.json").read_text())["job"]["done"] == 3
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600


async def test_a_job_is_paused_resumed_and_cancelled(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(organisation, 3)
    job = await organisation.perform(StartJob(tenant="acme", kind=JobKind.DISABLE, filter="z"))
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(app, pilot)
        await pilot.press("J")
        await until(pilot, lambda: "0/3" in screen_text(app))
        await pilot.press("p")
        await until(pilot, lambda: "paused" in screen_text(app))
        await pilot.press("p")
        await until(pilot, lambda: "nothing to pause" in toasts(app))
        await pilot.press("c")
        await settled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: "cancelled" in screen_text(app))
    (after,) = await jobs(organisation)
    assert (after.id, after.state, after.skipped) == (job.id, JobState.CANCELLED, 3)


async def test_keys_for_one_user_say_that_marks_do_not_count(console: OpenConsole, organisation: Organisation) -> None:
    await crowd(organisation, 3)
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await search(app, pilot, "z", 3)
        await pilot.press("a", "o")
        await until(pilot, lambda: "Role is for z00 only: marks do not count." in toasts(app))


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_the_dialogs_fit_small_and_large_windows(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    await crowd(organisation, 22)
    await organisation.perform(StartJob(tenant="acme", kind=JobKind.UNLOCK, filter="z"))
    app = await console("root", place="users")
    async with app.run_test(size=size, notifications=True) as pilot:
        await search(app, pilot, "z", 22)
        await pilot.press("a", "d")
        await until(pilot, lambda: isinstance(app.screen, StartDialog))
        for part in ("Reason", "Type 22", "Cancel", "Start"):
            assert part in screen_text(app)
        await pilot.press("escape", "J")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        for part in ("Unlock", "0/22", "Pause", "Resume"):
            assert part in screen_text(app)


async def test_a_reset_with_a_list_goes_on_with_another_list(
    console: OpenConsole, organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    start = StartJob(tenant="acme", kind=JobKind.RESET_PASSWORD, users=("uma",), listed=True)
    await organisation.perform(start)
    organisation.clock.forward(60)
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(app, pilot)
        await pilot.press("J")
        await until(pilot, lambda: "interrupted" in screen_text(app))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ListDialog))
        await settled(pilot)
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: "finished" in screen_text(app))
    (path,) = tmp_path.glob("passwords-acme*.txt")
    lines = path.read_text().splitlines()
    assert [line.split()[0] for line in lines[5:6]] == ["uma"]
    assert "1 reset, 0 left" in lines[-1]
