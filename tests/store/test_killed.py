"""Processes killed at every statement, by every signal: an operation is done or not begun."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from secconsole.backends.owner import store_owner
from secconsole.domain.jobs import JobKind
from secconsole.domain.model import SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.job_driver import drive_job
from secconsole.operations.jobs import ResumeJob, StartJob
from secconsole.store.helpdesk.incidents import WHY
from tests.organisation import TENANT, Organisation, seed_of
from tests.store.looking import Tables, broken_chains, database, tables
from tests.store.processes import worker
from tests.store.worker_killed import end_again_and_again

LONG = bool(os.environ.get("SECCONSOLE_LONG_TESTS"))
ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
ENTRIES = {  # what each leaves in the audit
    "unbind": 3,
    "reset": 2,
    "set-policy": 2,
    "import": 5,
    "confirm": 1,
    "freeze": 1,
    "end-sessions": 1,
}
FEWEST = {  # statements
    "unbind": 30,
    "reset": 20,
    "set-policy": 10,
    "import": 10,
    "confirm": 10,
    "freeze": 10,
    "end-sessions": 10,
}


async def prepared(organisation: Organisation) -> tuple[str, ...]:
    """Create three people with phones, the first about to confirm a new one, and return the confirmation."""
    for login in ("ana", "ben", "cid"):
        await organisation.add(login)
        await organisation.bind(login)
        await organisation.sign_in(login)
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    return started.enrollment, organisation.code("ana").reveal()


@pytest.mark.parametrize("shift", range(len(ENDINGS)) if LONG else [0])
@pytest.mark.parametrize("name", ENTRIES)
async def test_a38_killed_at_any_statement_an_operation_is_atomic(
    organisation: Organisation, name: str, shift: int
) -> None:
    """The signals take turns, and in a long run each is sent at each statement."""
    facts = await prepared(organisation)
    await organisation.backend.close()
    home = organisation.home
    before = tables(home)
    ended = 0
    with worker(end_again_and_again, home, name, facts, organisation.clock.now) as one:
        for number in itertools.count(1):
            ending = ENDINGS[(number + shift) % len(ENDINGS)]
            one.say((number, ending))
            code = one.hear()
            assert broken_chains(home) == []
            after = tables(home)
            if code == 0 or after != before:
                break
            assert code == -ending
            ended += 1
        one.say(None)
    assert code == -ending, "the last one comes after the commit, before the answer"
    assert ended >= FEWEST[name]
    assert len(after["audit"]) == len(before["audit"]) + ENTRIES[name]
    assert is_done(name, before, after)


def is_done(name: str, before: Tables, after: Tables) -> bool:
    """Return True if an operation is complete, in the state that it leaves when nothing ends it."""
    match name:
        case "unbind":
            statuses = [row for row in after["users"] if "unbound" in row]
            ended = [row for row in after["sessions"] if "unbound" in row]
            return len(statuses) == 4 and len(ended) == 3 and len(after["unbindings"]) == 1
        case "reset":
            (ana,) = [row for row in after["users"] if "ana" in row]
            (before_it,) = [row for row in before["users"] if "ana" in row]
            ended = [row for row in after["sessions"] if "unbound" in row]
            has_changed = _password_of(ana) != _password_of(before_it)
            counts = [len(after[name]) - len(before[name]) for name in ("bypass_codes", "resets", "unbindings")]
            return "unbound" in ana and has_changed and len(ended) == 1 and counts == [1, 1, 1]
        case "set-policy":
            return "required" in after["tenants"][0] and len(after["exemptions"]) == 1
        case "import":
            return len(after["users"]) == len(before["users"]) + 3 and any(
                "Ana Updated" in row for row in after["users"]
            )
        case "freeze":
            (before_it,), (tenant,) = before["tenants"], after["tenants"]
            return len(set(tenant) - set(before_it)) == 2  # since when, and by whom
        case "end-sessions":
            ended = [row for row in after["sessions"] if WHY in row]
            return len(ended) == len(after["sessions"]) == 3
        case _:
            return [row for row in after["factors"] if "pending" in row] == []


def once_each(home: Path, expected: int | None = None) -> list[object]:
    """Return the users that a job has unbound, each of them completely and once."""
    unbound = sorted(login for login, status in rows(home, "SELECT login, status FROM users") if status == "unbound")
    marked = sorted(login for (login,) in rows(home, "SELECT login FROM job_items WHERE state = 'done'"))
    noted = sorted(login for (login,) in rows(home, "SELECT target FROM audit WHERE action = 'unbind'"))
    ((counted,),) = rows(home, "SELECT done FROM jobs")
    assert [login for login in unbound if login != "root"] == marked == noted  # who has no phone
    assert counted == len(marked)
    assert expected in (None, counted)
    return marked


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(database(home))
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("shift", range(len(ENDINGS)) if LONG else [0])
async def test_a50_a_job_killed_at_any_statement_does_no_user_twice_or_half(
    organisation: Organisation, shift: int
) -> None:
    await prepared(organisation)
    owner = store_owner()
    assert owner is not None
    organisation.backend.credential = owner  # as in the other process
    start = StartJob(tenant=TENANT, kind=JobKind.UNBIND, users=("ana", "ben", "cid", "root"), reason="lost")
    job = (await organisation.perform(start)).id
    await organisation.backend.close()
    home, step = organisation.home, 1 if LONG else 7
    ended: list[int] = []
    with worker(end_again_and_again, home, "job", (job,), organisation.clock.now) as one:
        for number in itertools.count(1, step):
            ending = ENDINGS[(number + shift) % len(ENDINGS)]
            one.say((number, ending))
            code = one.hear()
            assert broken_chains(home) == []
            ended.append(len(once_each(home)))
            if code == 0 or ended[-1]:
                break
            assert code == -ending
        one.say(None)
    assert ended[-1] == 2, "the step is either done or not begun"
    assert len(ended) >= 30 // step
    await organisation.reopen()
    assert organisation.backend.credential != owner
    await organisation.perform(ResumeJob(tenant=TENANT, job=job))
    steps = [done async for done in drive_job(organisation.perform, TENANT, job)]
    assert (steps[-1].state, steps[-1].done, steps[-1].failed) == ("finished", 3, 0)
    assert once_each(home, 3) == ["ana", "ben", "cid"]


@pytest.mark.parametrize("shift", range(len(ENDINGS)) if LONG else [0])
async def test_a50_killed_anywhere_between_the_list_and_the_reset_a_password_that_counts_is_on_the_list(
    organisation: Organisation, shift: int, tmp_path: Path
) -> None:
    logins = ("ana", "ben", "cid")
    for login in logins:
        await organisation.add(login)
    owner = store_owner()
    assert owner is not None
    organisation.backend.credential = owner
    start = StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, users=logins, listed=True)
    job = (await organisation.perform(start)).id
    await organisation.backend.close()
    home, step, paper = organisation.home, 1 if LONG else 9, tmp_path / "list"
    unchanged = rows(home, "SELECT login, password_hash FROM users")
    lines_alone = 0  # kills that left lines whose passwords never counted
    with worker(end_again_and_again, home, "listed-job", (job, str(paper)), organisation.clock.now) as one:
        for number in itertools.count(1, step):
            ending = ENDINGS[(number + shift) % len(ENDINGS)]
            one.say((number, ending))
            assert one.hear() == -ending, "the last one comes after the commit, before the end of the list"
            assert broken_chains(home) == []
            now = rows(home, "SELECT login, password_hash FROM users")
            if now != unchanged:
                break
            assert rows(home, "SELECT done, state FROM jobs") == [(0, "running")]
            lines_alone += bool(listed(Path(f"{paper}.{number}")))
        one.say(None)
    assert lines_alone, "some were killed between the list and the reset"
    final = listed(Path(f"{paper}.{number}"))
    assert sorted(final) == list(logins)
    await organisation.reopen()
    earlier = [each for path in tmp_path.glob("list.*") if (each := listed(path)) and each != final]
    for login in logins:
        for each in earlier[-2:]:
            assert (await organisation.start(login, each[login])).status is SignInStatus.REFUSED
        assert (await organisation.start(login, final[login])).status is SignInStatus.NEW_PASSWORD
    noted = rows(home, "SELECT target FROM audit WHERE action = 'user.password-reset'")
    assert sorted(login for (login,) in noted) == list(logins), "each once"


def listed(path: Path) -> dict[str, Secret[str]]:
    """Return the passwords on a list by login."""
    lines = path.read_text().split("One-time password\n")[-1].splitlines() if path.exists() else []
    entries = [line.split() for line in lines if line and not line.startswith("End of job")]
    return {words[0]: Secret(words[-1]) for words in entries}


def _password_of(user: tuple[object, ...]) -> object:
    return next(value for value in user if isinstance(value, str) and value.startswith("$argon2"))
