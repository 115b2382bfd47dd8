"""Unbinding and undoing from the console, by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from secconsole.domain.model import BindingStatus
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import CreateUser, ShowUser, UserDetail
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.jobs.jobs import JobsScreen
from secconsole.tui.screens.step_up import StepUpDialog
from secconsole.tui.screens.users.names_dialog import NamesDialog
from secconsole.tui.screens.users.unbind import UnbindDialog
from secconsole.tui.screens.users.unbind_outcome import OutcomeDialog
from secconsole.tui.screens.users.undo import UndoDialog
from secconsole.tui.screens.users.users import Users
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users import on, opened

KEYS = {" ": "space"}
BOUND, UNBOUND = BindingStatus.BOUND, BindingStatus.UNBOUND


async def show(organisation: Organisation, login: str) -> UserDetail:
    detail = await organisation.perform(ShowUser(tenant="acme", user=login))
    assert isinstance(detail, UserDetail)
    return detail


async def status(organisation: Organisation, login: str) -> BindingStatus:
    return (await show(organisation, login)).user.status


def toasts(app: SecConsole) -> str:
    return " | ".join(notification.message for notification in app._notifications)


async def start(console: OpenConsole, organisation: Organisation, pilot: Pilot[Any], who: str) -> Users:
    place = await opened(pilot.app, pilot)  # type: ignore[arg-type]
    await on(pilot, place, who)
    return place


async def test_unbinding_one_user_names_them_and_asks_for_a_reason(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await start(console, organisation, pilot, "bob")
        await pilot.press("u")
        await settled(pilot)
        assert isinstance(app.screen, UnbindDialog)
        text = screen_text(app)
        id = (await show(organisation, "bob")).user.id
        for words in (
            "Unbind 1 user",
            "bob   Bob Novak",
            f"id {id}",
            "authenticator app stops working now",
            "no session is open",
            "no notice: no mail server is set up",
            "the next sign-in asks to bind again (policy: required)",
            "can be undone until",
            "[ Cancel ]",
        ):
            assert words in text, words
        await pilot.press(*"lost phone", "tab", *"T-17", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, Users))
        await settled(pilot)
        assert await status(organisation, "bob") is UNBOUND
        assert "bob is unbound. x undoes it until" in toasts(app)
        entries = await organisation.perform(ListAudit(tenant="acme", action="unbind"))
        assert (entries.items[0].reason, entries.items[0].ticket, entries.items[0].actor) == (
            "lost phone",
            "T-17",
            "hana",
        )


async def test_enter_in_the_last_field_goes_to_unbind_and_not_to_the_bypass_code(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await start(console, organisation, pilot, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        assert "Unbind + bypass code" in screen_text(app)
        await pilot.press(*"lost", "enter", "enter")
        assert isinstance(app.screen, UnbindDialog)
        assert app.screen.form.focused_name == "unbind"


async def test_a_stray_enter_cancels(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await start(console, organisation, pilot, "bob")
        await pilot.press("u", "enter")
        await settled(pilot)
        assert isinstance(app.screen, Users)
        await pilot.press("u", "escape")
        await until(pilot, lambda: "Nothing was unbound." in toasts(app))
        await settled(pilot)
        assert isinstance(app.screen, Users)
        assert await status(organisation, "bob") is BOUND


async def test_a_low_window_still_names_the_user(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(60, 16)) as pilot:
        await start(console, organisation, pilot, "bob")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await settled(pilot)
        assert "Unbind 1 user: bob " in screen_text(app)


async def test_unbinding_requires_a_reason(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await start(console, organisation, pilot, "bob")
        await pilot.press("u", "tab", "enter")
        await settled(pilot)
        assert isinstance(app.screen, UnbindDialog)
        assert "Reason is needed" in screen_text(app)
        assert await status(organisation, "bob") is BOUND


async def test_keys_typed_in_one_burst_reach_the_dialog(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await start(console, organisation, pilot, "bob")
        for key in ("u", *"lost phone 123", "tab", "tab", "right", "enter"):
            app.post_message(events.Key(KEYS.get(key, key), None if len(key) > 1 else key))
        await until(pilot, lambda: isinstance(app.screen, Users))
        await settled(pilot)
        assert await status(organisation, "bob") is UNBOUND
        assert (await show(organisation, "bob")).undo.reason == "lost phone 123"  # type: ignore[union-attr]


@pytest.mark.parametrize("marked", [False, True])
async def test_keys_typed_for_a_refused_dialog_are_dropped(
    console: OpenConsole, organisation: Organisation, marked: bool
) -> None:
    """As commands they would require a factor: m opens that dialog, and Enter confirms it."""
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await start(console, organisation, pilot, "newton")
        if marked:  # the refusal comes from the store then, after the key
            await pilot.press("space")
            await settled(pilot)
        for key in ("u", "m", "enter"):
            app.post_message(events.Key(KEYS.get(key, key), None if len(key) > 1 else key))
        await until(pilot, lambda: bool(toasts(app)))
        await settled(pilot)
        assert app.screen is place
        assert not (await show(organisation, "newton")).mfa_required


async def test_a18_resorting_under_the_dialog_does_not_change_its_targets(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await start(console, organisation, pilot, "bob")
        index = place.table.cursor_index
        await pilot.press("u")
        await settled(pilot)
        assert isinstance(app.screen, UnbindDialog)
        # Users are inserted above, so that bob's row is another user's; then the whole order is reversed.
        for login in ("aaron", "abel", "adam"):
            await organisation.perform(CreateUser(tenant="acme", login=login))
            await organisation.bind(login)
        await place.on_live_change()
        await until(pilot, lambda: place.table.count == 11)
        await place.do_reverse()
        place.table.move_to(index)
        await pilot.pause()
        assert place.person is not None
        assert place.person.login != "bob"
        await pilot.press(*"lost", "tab", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, Users))
        await settled(pilot)
        assert await status(organisation, "bob") is UNBOUND
        for login in ("aaron", "abel", "adam", "uma", "hana", "aida"):
            assert await status(organisation, login) is BOUND, login


async def test_x_undoes_the_unbinding_and_shows_its_author_and_reason(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(Unbind(tenant="acme", users=("bob",), reason="lost phone", ticket="T-9"))
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await start(console, organisation, pilot, "bob")
        assert "x undoes it until" in screen_text(app)
        await pilot.press("u")
        await settled(pilot)
        assert isinstance(app.screen, Users)
        assert "Already unbound at" in toasts(app)
        assert "Press x to undo" in toasts(app)
        await pilot.press("x")
        await settled(pilot)
        text = screen_text(app)
        assert isinstance(app.screen, UndoDialog)
        assert "Unbound by local:" in text
        assert "lost phone" in text
        assert "T-9" in text
        assert "Can be undone until" in text
        await pilot.press("x", "backspace", *"found", "enter")  # the key that opened it is text there
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert await status(organisation, "bob") is BOUND
        assert "bob is bound again, with the same phone" in toasts(app)


async def test_after_ten_minutes_there_is_nothing_to_undo(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(Unbind(tenant="acme", users=("bob",), reason="lost phone"))
    organisation.clock.forward(601)
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await start(console, organisation, pilot, "bob")
        await pilot.press("x")
        await settled(pilot)
        assert isinstance(app.screen, Users)
        assert "bob was not unbound in the last ten minutes" in toasts(app)


async def test_look_alikes_are_named_in_the_dialog(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(CreateUser(tenant="acme", login="bоb", name="Bob Novak"))  # Cyrillic о
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await start(console, organisation, pilot, "bob")
        await pilot.press("u")
        await settled(pilot)
        assert "⚠ Looks like bоb (Bob Novak, id" in screen_text(app)


async def test_many_users_are_counted_listed_by_f2_and_undone_together(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        await pilot.press("f", "u", "a", "f", "a")
        await settled(pilot)
        await on(pilot, place, "aida")
        await pilot.press("space", "space")  # and bob
        await pilot.press("u")
        await settled(pilot)
        assert isinstance(app.screen, UnbindDialog)
        text = screen_text(app)
        assert "Unbind 4 users" in text
        assert "4 users: 2 bound, 2 already unbound" in text
        assert "Newton Abbot" not in text
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, NamesDialog))
        await until(pilot, lambda: "Newton Abbot" in screen_text(app))
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, UnbindDialog)
        await pilot.press(*(KEYS.get(key, key) for key in "dropped them all"), "tab", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, OutcomeDialog))
        entries = await organisation.perform(ListAudit(tenant="acme", action="unbind"))
        assert entries.items[0].reason == "dropped them all"  # typed from Cancel on, letter for letter
        text = screen_text(app)
        assert "2 users unbound" in text
        assert "2 users not" in text
        await pilot.press("d")
        await until(pilot, lambda: "Unbound already" in screen_text(app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is place)
        assert await status(organisation, "aida") is UNBOUND
        assert await status(organisation, "bob") is UNBOUND
        assert len(place.table.marks) == 2  # those who were not
        await pilot.press("A", "x")
        await settled(pilot)
        assert isinstance(app.screen, UndoDialog)
        assert "Undo all 2" in screen_text(app)
        await pilot.press(*"found", "tab", "right", "right", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert await status(organisation, "aida") is BOUND
        assert await status(organisation, "bob") is BOUND


async def test_one_of_many_is_undone_from_the_result(console: OpenConsole, organisation: Organisation) -> None:
    """Two are marked and one was unbound before: x, and Undo all, are for the other one alone."""
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        for login in ("bob", "newton"):
            await on(pilot, place, login)
            await pilot.press("space")
        await pilot.press("u")
        await settled(pilot)
        await pilot.press(*(KEYS.get(key, key) for key in "lost"), "tab", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, OutcomeDialog))
        assert "1 user unbound" in screen_text(app)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, UndoDialog))
        await pilot.press(*"found", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert await status(organisation, "bob") is BOUND
        assert "bob is bound again" in toasts(app)


async def crowd(organisation: Organisation, count: int) -> list[str]:
    """So many more people with a phone bound."""
    logins = [f"z{number:02}" for number in range(count)]
    for login in logins:
        await organisation.perform(CreateUser(tenant="acme", login=login, password=Secret("a password long enough")))
        await organisation.bind(login)
    return logins


async def test_above_twenty_users_the_number_must_be_typed(console: OpenConsole, organisation: Organisation) -> None:
    await crowd(organisation, 21)
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        place.set_search("z status:bound")
        await until(pilot, lambda: place.table.count == 21)
        await pilot.press("a", "u", "up", "up", "up", *"lost", "tab", "tab", *"20", "tab", "right", "enter")
        await settled(pilot)
        assert isinstance(app.screen, UnbindDialog)
        assert "That is not 21" in screen_text(app)
        assert await status(organisation, "z00") is BOUND
        await pilot.press("ctrl+u", *"21", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, OutcomeDialog))
        assert "21 users unbound" in screen_text(app)
        assert await status(organisation, "z20") is UNBOUND


async def test_a_long_unbinding_is_a_job(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secconsole.operations.portions.PORTION", 2)
    await crowd(organisation, 6)
    app = await console("root", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        place.set_search("z status:bound")
        await until(pilot, lambda: place.table.count == 6)
        await pilot.press("a", "u", "up", "up", *"lost", "tab", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await until(pilot, lambda: "finished" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        assert not place.table.marks
    states = [await status(organisation, f"z{number:02}") for number in range(6)]
    assert states == [UNBOUND] * 6
    events = {(await show(organisation, f"z{number:02}")).undo.event for number in range(6)}  # type: ignore[union-attr]
    assert len(events) == 1


async def test_an_expired_step_up_is_asked_for_and_the_unbinding_resumes(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await start(console, organisation, pilot, "bob")
        organisation.clock.forward(330)
        await pilot.press("u", *"lost", "tab", "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, StepUpDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await settled(pilot)
        assert await status(organisation, "bob") is BOUND
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StepUpDialog))
        await pilot.press(*organisation.code("hana"), "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        assert await status(organisation, "bob") is UNBOUND
