"""A console over a server that is slow, unreachable, or ends the session, and changes made by others."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.backends import http
from secconsole.backends.base import Backend, NoAnswer
from secconsole.config.contexts import NamedContext
from secconsole.domain.errors import Unavailable
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.signin import WhoAmI
from secconsole.operations.step_up import StepUp
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.server import changes
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.screens.help import HelpScreen
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.users.unbind import UnbindDialog
from secconsole.tui.screens.users.users import Users
from secconsole.tui.screens.whitelist.whitelist import Whitelist
from secconsole.tui.session import connection, live_updates
from secconsole.tui.session.contexts import ContextSwitcher
from secconsole.tui.sign_in.screen import SignInScreen
from secconsole.tui.widgets.form import Form
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.front import Front
from tests.tui.test_sign_in import burst, typed
from tests.tui.test_users import on, opened

SIZE = (80, 24)
LOST = "⚠ server not reached · data from"
CANNOT = "Cannot do this now: the server does not answer. Press again once the header shows live."


def header(app: SecConsole) -> str:
    """The three lines at the top of the place in sight."""
    return "\n".join(screen_text(app).splitlines()[:3])


def words(app: SecConsole) -> str:
    """Return the whole text of the screen without line ends and frames."""
    return " ".join(screen_text(app).replace("│", " ").split())


def toasts(app: SecConsole) -> str:
    return " | ".join(notification.message for notification in app._notifications)


async def lost(app: SecConsole, pilot: Pilot[Any], front: Front) -> None:
    await front.stop()
    await until(pilot, lambda: app.connection.is_down)
    await until(pilot, lambda: LOST in header(app))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spoken of, doubted and given up sooner, so that tests need not wait as people do."""
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    monkeypatch.setattr(connection, "RECHECK_AFTER", 0.1)
    monkeypatch.setattr(connection, "TICK", 0.05)
    monkeypatch.setattr(http, "HELLO", 0.2)


# ---- gone and back ---------------------------------------------------------------------------------------------------


async def test_stale_data_shows_its_age_and_recovers(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "nina")
        await pilot.press("space", "up")
        at = f"{organisation.clock.at().astimezone():%H:%M:%S}"
        await lost(app, pilot, front)
        assert "stale" in header(app)
        organisation.clock.forward(40)
        await until(pilot, lambda: f"{LOST} {at}, 40 s old" in header(app))
        organisation.clock.forward(600)
        await until(pilot, lambda: "10 min old" in header(app))
        # Keys that cannot act now are shown where there is room.
        await pilot.resize_terminal(200, 24)
        await until(pilot, lambda: "(u Unbind)" in screen_text(app))
        await pilot.resize_terminal(*SIZE)
        await organisation.perform(CreateUser(tenant=TENANT, login="aaron"))
        await front.start()
        await until(pilot, lambda: "live" in header(app) and "aaron" in screen_text(app))
        assert set(header(app).splitlines()[2].partition(" ")[0]) == {"─"}
        assert place.person is not None
        assert place.person.login == "nina"
        assert len(place.table.marks) == 1


async def test_the_age_of_data_counts_from_the_failed_request(
    remote: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = 0.0

    async def in_vain(_: object) -> None:
        nonlocal later
        later = 10.0  # as long as the server looked for its database
        raise Unavailable("The database cannot be reached.")

    app = await remote("aida", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        monkeypatch.setattr(connection, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + later))
        monkeypatch.setattr(app.backend, "perform", in_vain)
        with pytest.raises(Unavailable):
            await app.perform(ListAudit(tenant=TENANT))
        age = int(app.connection.words().rpartition(", ")[2].split()[0])
        assert 10 <= age < 20


async def test_navigation_works_without_the_server(remote: OpenConsole, front: Front) -> None:
    app = await remote("aida", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        place = await opened(app, pilot)
        await lost(app, pilot, front)
        await pilot.press("down", "down", "space")
        await settled(pilot)
        assert place.table.cursor_index == 3
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape", "colon")
        await until(pilot, lambda: "Commands" in screen_text(app))
        await pilot.press("escape", "3")
        await until(pilot, lambda: isinstance(app.screen, Whitelist))
        await until(pilot, lambda: "Not loaded yet." in screen_text(app))
        assert LOST in header(app)
        assert "The whitelist is empty" not in screen_text(app)
        for key in "14572":
            await pilot.press(key)
            await settled(pilot)
            assert isinstance(app.screen, Place)
            assert LOST in header(app)
        assert toasts(app) == ""  # the header has shown it
        await front.start()
        await until(pilot, lambda: app.connection.is_current)
        await pilot.press("3")
        await until(pilot, lambda: "The whitelist is empty" in screen_text(app))


async def test_a_refused_action_gives_the_reason_and_is_not_run_later(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        await lost(app, pilot, front)
        await pilot.press("u")
        await settled(pilot)
        assert toasts(app) == CANNOT
        await front.start()
        await until(pilot, lambda: app.connection.is_current)
        await settled(pilot)
        assert app.screen is place
        assert (await show(organisation, "bob")) is BindingStatus.BOUND


async def test_an_open_dialog_keeps_its_input_and_shows_the_connection_state(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await settled(pilot)
        await pilot.press(*"lost phone", "tab", *"T-17", "tab", "right")
        await front.stop()
        await until(pilot, lambda: "server not reached" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: CANNOT in toasts(app))
        await settled(pilot)
        assert isinstance(app.screen, UnbindDialog)
        assert app.screen.query_one(Form).values == {"reason": "lost phone", "ticket": "T-17"}
        await front.start()
        await until(pilot, lambda: app.connection.is_current and "server not reached" not in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert (await show(organisation, "bob")) is BindingStatus.UNBOUND


async def test_a_lost_reply_is_retried_and_nothing_runs_twice(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await settled(pilot)
        front.lose_reply("/unbind")
        front.gate.asked.clear()
        await pilot.press(*"lost phone", "tab", "tab", "right", "enter")
        await until(pilot, lambda: "bob is unbound. x undoes it" in toasts(app))
        assert len([path for path in front.gate.asked if path.endswith("/unbind")]) == 2
        entries = (await organisation.perform(ListAudit(tenant=TENANT, action="unbind"))).items
        assert len(entries) == 1


async def show(organisation: Organisation, login: str) -> BindingStatus:
    detail = await organisation.perform(ShowUser(tenant=TENANT, user=login))
    status = detail.user.status
    assert isinstance(status, BindingStatus)
    return status


# ---- slow ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
async def test_a_slow_reply_is_reported_and_can_be_cancelled(remote: OpenConsole, front: Front) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        front.hold_up()
        await pilot.press("u", *"lost phone")
        await until(pilot, lambda: "esc leaves it" in header(app))
        assert app.screen is place
        await pilot.press("escape")
        await settled(pilot)
        assert "esc leaves it" not in header(app)
        await until(pilot, lambda: "server not reached" in header(app))  # nothing came for long
        await pilot.press("down")
        await settled(pilot)
        assert app.screen is place
        front.go_on()
        await until(pilot, lambda: "live" in header(app))
        assert toasts(app) == ""  # what was typed ahead pressed nothing here


@pytest.mark.usefixtures("impatient")
async def test_cancelling_a_change_says_that_it_may_have_been_done(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await settled(pilot)
        front.hold_up()
        await pilot.press(*"lost phone", "tab", "tab", "right", "enter")
        await until(pilot, lambda: "esc leaves it" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "may or may not have been done" in toasts(app))
        assert isinstance(app.screen, UnbindDialog)
        front.go_on()
        await until(pilot, lambda: app.connection.is_current)
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is place)
        assert (await show(organisation, "bob")) is BindingStatus.UNBOUND


@pytest.mark.usefixtures("impatient")
async def test_a_slow_server_is_not_given_up(
    remote: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        may_go_on = asyncio.Event()
        real = organisation.owner.perform_as

        async def slow(operation: Any, *rest: Any) -> Any:
            if isinstance(operation, Unbind):
                await may_go_on.wait()
            return await real(operation, *rest)

        monkeypatch.setattr(organisation.owner, "perform_as", slow)
        reached: list[None] = []
        reach = type(app.backend).reach  # type: ignore[attr-defined]

        async def reaching(backend: Any) -> None:
            await reach(backend)
            reached.append(None)

        monkeypatch.setattr(type(app.backend), "reach", reaching)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await settled(pilot)
        await pilot.press(*"lost phone", "tab", "tab", "right", "enter")
        await until(pilot, lambda: len(reached) > 2)
        assert app.connection.is_current
        may_go_on.set()
        await until(pilot, lambda: app.screen is place)
        assert (await show(organisation, "bob")) is BindingStatus.UNBOUND


# ---- signing in ------------------------------------------------------------------------------------------------------


def signing_in(organisation: Organisation, front: Front, **options: Any) -> SecConsole:
    async def opener() -> Any:
        return front.client()

    return SecConsole(Terminal(), opener=opener, local=False, tenant=TENANT, clock=organisation.clock.at, **options)


async def test_sign_in_keeps_its_input_while_waiting_for_the_server(organisation: Organisation, front: Front) -> None:
    await front.stop()
    app = signing_in(organisation, front)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "cannot be reached: the socket does not exist" in words(app))
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "Not signed in yet" in words(app))
        await front.start()
        await until(pilot, lambda: "Not signed in yet" not in words(app) and app.connection.is_current)
        assert "cannot be reached" not in screen_text(app)
        await typed(pilot, f"\r{organisation.code('hana')}\r")
        await until(pilot, lambda: isinstance(app.screen, Users))


@pytest.mark.usefixtures("impatient")
async def test_a_slow_sign_in_is_reported_and_can_be_cancelled(organisation: Organisation, front: Front) -> None:
    app = signing_in(organisation, front)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "secconsole · acme" in screen_text(app) and bool(front.gate.asked))
        front.hold_up()
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "waiting for the server" in words(app) and "esc leaves it" in words(app))
        await pilot.press("escape")
        await until(pilot, lambda: "You did not wait for the answer." in words(app))
        front.go_on()
        await until(pilot, lambda: app.connection.is_current)
        organisation.clock.next_code()
        await typed(pilot, f"{organisation.password('hana')}\r{organisation.code('hana')}\r")
        await until(pilot, lambda: isinstance(app.screen, Users))


async def test_signing_in_after_an_ended_session_returns_to_the_same_place(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users", tenant=TENANT)
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, Whitelist))
        await organisation.perform(DisableUser(tenant=TENANT, user="hana"))
        await organisation.perform(EnableUser(tenant=TENANT, user="hana"))
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        await until(pilot, lambda: "Sign in again" in screen_text(app))
        assert "hana" in screen_text(app)
        organisation.clock.next_code()
        await typed(pilot, f"{organisation.password('hana')}\r{organisation.code('hana')}\r")
        await until(pilot, lambda: isinstance(app.screen, Place))
        assert isinstance(app.screen, Whitelist)


async def test_signing_out_without_the_server_says_that_the_session_stays_open(
    remote: OpenConsole, front: Front
) -> None:
    app = await remote("hana", place="account", tenant=TENANT)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.signed_in and "Hana" in screen_text(app))
        await lost(app, pilot, front)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        await until(pilot, lambda: "You are signed out. The session could not be ended in the store" in words(app))


async def test_another_user_starts_at_their_first_place(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("tomas", place="users", tenant=TENANT)
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, Whitelist))
        app.lose_session("That session is over.")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.screen.is_mounted)
        await settled(pilot)
        await pilot.press("shift+tab", *["backspace"] * 5)
        await typed(pilot, burst(organisation, "hana"))
        await until(pilot, lambda: isinstance(app.screen, Place))
        assert isinstance(app.screen, Users)


async def test_a_session_survives_a_restart_of_the_server(remote: OpenConsole, front: Front) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        for _ in range(2):
            await lost(app, pilot, front)
            await front.start()
            await until(pilot, lambda: app.connection.is_current)
        assert app.screen is place


async def test_another_context_is_one_command_away(
    organisation: Organisation, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    async def open_at(where: NamedContext) -> Backend:
        if where.backend:
            return front.client()
        backend = await organisation.open()
        real = backend.close

        async def close() -> None:
            closed.append("here")
            await real()

        monkeypatch.setattr(backend, "close", close)
        return backend

    lab = NamedContext("lab", front.url, TENANT, "green")
    app = SecConsole(
        Terminal(),
        opener=lambda: open_at(NamedContext()),
        switcher=ContextSwitcher({"lab": lab}, open_at),
        clock=organisation.clock.at,
    )
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, burst(organisation, "hana"))
        await until(pilot, lambda: isinstance(app.screen, Users))
        await settled(pilot)
        await pilot.press("colon", *"context lab", "enter")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and " lab " in words(app))
        await until(pilot, lambda: closed == ["here"])
        organisation.clock.next_code()
        await until(pilot, lambda: app.has_backend)
        await typed(pilot, f"{organisation.password('hana')}\r{organisation.code('hana')}\r")
        await until(pilot, lambda: isinstance(app.screen, Users) and "live" in header(app))
        assert " lab " in header(app).splitlines()[0]
        assert isinstance(app.backend, http.HttpBackend)


# ---- live ------------------------------------------------------------------------------------------------------------


@pytest.mark.alone
async def test_a_change_of_another_console_appears_within_a_second(
    remote: OpenConsole, organisation: Organisation
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "nina")
        taken: list[float] = []
        for number in range(5):
            await organisation.perform(CreateUser(tenant=TENANT, login=f"aa{number}"))
            began = time.monotonic()
            await until(pilot, lambda number=number: f"aa{number}" in screen_text(app))
            taken.append(time.monotonic() - began)
            assert place.person is not None
            assert place.person.login == "nina"
        assert max(taken) < 1.0, taken


async def test_a_flood_of_changes_causes_few_refreshes_and_idle_causes_none(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        front.gate.asked.clear()
        began = time.monotonic()
        creations = [CreateUser(tenant=TENANT, login=f"zz{number:03}") for number in range(200)]
        roles = [
            ChangeRole(tenant=TENANT, user=f"zz{n:03}", role=role)
            for n in range(200)
            for role in (Role.AUDITOR, Role.USER)
        ]
        await asyncio.gather(*(organisation.perform(operation) for operation in creations))
        await asyncio.gather(*(organisation.perform(operation) for operation in roles))
        await until(pilot, lambda: place.table.count == 208 and place.table.settled)
        seconds = time.monotonic() - began
        lists = [path for path in front.gate.asked if path.endswith("/users")]
        assert 0 < len(lists) <= 3 * (seconds / live_updates.SETTLE + 2)
        await until(pilot, lambda: place.table.settled and not app.connection._waits)
        await pilot.pause(1.0)  # what was on its way when the last change came
        front.gate.asked.clear()
        await pilot.pause(1.5)  # only waiting can show that nothing happens
        assert front.gate.asked == []


# ---- step-up -----------------------------------------------------------------------------------------------------


async def test_a22_the_stream_of_changes_continues_with_the_new_token(
    remote: OpenConsole, organisation: Organisation, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEEP_ALIVE", 0.05)  # the server checks the session that often
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        troubles: list[Unavailable] = []
        monkeypatch.setattr(app.connection, "mark_lost", lambda error, **_: troubles.append(error))
        streams = front.gate.asked.count("/v1/changes")
        proof = StepUp(password=Secret(organisation.password("hana")), code=Secret(organisation.code("hana")))
        assert (await app.perform(proof)).accepted
        await until(pilot, lambda: front.gate.asked.count("/v1/changes") == streams + 1)
        await organisation.perform(CreateUser(tenant=TENANT, login="added"))
        await until(pilot, lambda: "added" in screen_text(app))
        assert app.signed_in
        assert troubles == []
        assert " live" in header(app)


async def test_a22_a_lost_reply_to_step_up_is_replayed(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        front.lose_reply("/v1/me/step-up")
        proof = StepUp(password=Secret(organisation.password("hana")), code=Secret(organisation.code("hana")))
        assert (await app.backend.perform(proof)).accepted
        assert front.gate.asked.count("/v1/me/step-up") == 2
        assert (await app.backend.perform(WhoAmI())).login == "hana"


async def test_a22_a_step_up_without_any_reply_requires_a_new_sign_in(
    remote: OpenConsole, organisation: Organisation, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        monkeypatch.setattr(http, "TRY_FOR", -1.0)
        front.lose_reply("/v1/me/step-up")
        proof = StepUp(password=Secret(organisation.password("hana")), code=Secret(organisation.code("hana")))
        with pytest.raises(NoAnswer):
            await app.backend.perform(proof)
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and "session has ended" in screen_text(app))
