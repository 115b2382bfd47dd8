"""A25: an idle or locked console is covered until password and factor are given, and then continues."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.sessions import EndOtherSessions
from secconsole.operations.signin import WhoAmI
from secconsole.operations.user_changes import ChangeRole, DisableUser, ResetPassword
from secconsole.operations.users import CreateUser, ShowUser, UserRow
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.account.dialogs import PasswordDialog
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.screens.lock import LockScreen
from secconsole.tui.screens.step_up import StepUpDialog
from secconsole.tui.screens.users.one_time_password import OneTimePasswordDialog
from secconsole.tui.session.live_updates import IDLE, IDLE_WORDS
from secconsole.tui.sign_in.screen import SignInScreen
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.qr import QrCode
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.front import Front
from tests.tui.test_sign_in import note
from tests.tui.test_users import on, opened

SIZE = (80, 24)
LOCK = 15 * 60


def keys(text: str) -> list[str]:
    names = {" ": "space", "\r": "enter", "\t": "tab"}
    return [names.get(letter, letter) for letter in text]


def asks(app: SecConsole) -> bool:
    """Return True if the locked console waits for the password."""
    return app.lock.is_shut and isinstance(app.screen, StepUpDialog)


async def lock(app: SecConsole, pilot: Pilot[Any]) -> None:
    await pilot.press("ctrl+l")
    await until(pilot, lambda: asks(app))
    await settled(pilot)


async def unlock(app: SecConsole, pilot: Pilot[Any], organisation: Organisation, login: str) -> None:
    organisation.clock.next_code()
    await pilot.press(*keys(f"{organisation.password(login)}\t{organisation.code(login)}\r"))
    await until(pilot, lambda: not app.lock.is_shut and not isinstance(app.screen, LockScreen | StepUpDialog))
    await settled(pilot)


async def newton(app: SecConsole, pilot: Pilot[Any]) -> UserRow:
    """Return the row of a user from the Users place."""
    place = await opened(app, pilot)
    await on(pilot, place, "newton")
    assert place.person is not None
    return place.person


def toasts(app: SecConsole) -> list[str]:
    return [notification.message for notification in app._notifications]


# ---- when it locks ---------------------------------------------------------------------------------------------------


async def test_a25_an_idle_console_locks_before_it_signs_out(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        organisation.clock.forward(LOCK - 10)
        await app.live.leave_if_idle()
        assert not app.lock.is_shut
        await pilot.press("down")
        organisation.clock.forward(LOCK - 10)
        await app.live.leave_if_idle()
        assert not app.lock.is_shut  # a key was pressed meanwhile
        organisation.clock.forward(10)
        await app.live.leave_if_idle()
        await until(pilot, lambda: asks(app))
        shown = screen_text(app)
        assert "hana" in shown
        assert "acme" in shown
        assert "15 min without a key" in shown
        for anybody in ("tomas", "newton", "Dvořák", "bound"):
            assert anybody not in shown
        organisation.clock.forward((IDLE.total_seconds() - LOCK) / 2)
        await pilot.press("x", "y")  # which is not activity
        await app.live.leave_if_idle()
        assert app.signed_in
        organisation.clock.forward((IDLE.total_seconds() - LOCK) / 2)
        await app.live.leave_if_idle()
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and note(app) == IDLE_WORDS)
        assert not app.lock.is_shut


async def test_a25_the_idle_time_can_be_configured(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account", lock_after=2)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        organisation.clock.forward(119)
        await app.live.leave_if_idle()
        assert not app.lock.is_shut
        organisation.clock.forward(1)
        await app.live.leave_if_idle()
        await until(pilot, lambda: asks(app))


async def test_a25_the_first_key_after_sleep_only_locks(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        organisation.clock.forward(LOCK)  # and no timer went off
        await pilot.press("7")
        await until(pilot, lambda: asks(app))
        await unlock(app, pilot, organisation, "hana")
        assert app.places.latest == "users"
        organisation.clock.forward(IDLE.total_seconds())
        await pilot.press("7")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and note(app))


async def test_it_locks_again_after_unlocking(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        await unlock(app, pilot, organisation, "hana")
        timer = app.live._timer
        assert timer is not None
        assert timer._interval <= LOCK + 2
        organisation.clock.forward(LOCK)
        await app.live.leave_if_idle()
        await until(pilot, lambda: asks(app))


async def test_the_palette_can_lock(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("ctrl+p", *"lock")
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: asks(app))
        await unlock(app, pilot, organisation, "hana")
        assert "newton" in screen_text(app)


async def test_nothing_to_lock_before_sign_in(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        app.lose_session("Over.")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        await pilot.press("ctrl+l")
        app.lock.shut()
        await settled(pilot)
        assert not app.lock.is_shut
        assert isinstance(app.screen, SignInScreen)


# ---- what it covers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["ansi-dark", "night", "paper"])
async def test_nothing_below_the_lock_is_visible(console: OpenConsole, theme: str) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(200, 60)) as pilot:
        await opened(app, pilot)
        if theme in app.available_themes:
            app.theme = theme
        await lock(app, pilot)
        assert [type(screen) for screen in app._background_screens] == [LockScreen]
        await pilot.press("escape")
        await until(pilot, lambda: type(app.screen) is LockScreen)
        assert "Unlock" in screen_text(app)
        assert "newton" not in screen_text(app)


async def test_the_lock_ignores_keys_places_palette_and_mouse(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        hold = app.hold_keys()
        await pilot.press("4", "ctrl+p")  # they wait for something
        await lock(app, pilot)
        hold.release()
        await pilot.press("escape")
        await until(pilot, lambda: type(app.screen) is LockScreen)
        await pilot.press("4", "7", "ctrl+p", "question_mark", "q", "u", "slash", "colon", "t", "ctrl+l", "tab", "down")
        await pilot.click(offset=(10, 8))
        await pilot.click(offset=(5, 1))
        await settled(pilot)
        assert type(app.screen) is LockScreen
        assert [type(screen) for screen in app.screen_stack] == [type(place), LockScreen]
        await pilot.press("enter")
        await until(pilot, lambda: asks(app))
        await unlock(app, pilot, organisation, "hana")
        assert app.screen is place


async def test_a_flood_of_keys_and_pastes_changes_nothing(console: OpenConsole, organisation: Organisation) -> None:
    from textual import events

    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        for _ in range(3):
            app.post_message(events.Paste("7\r\x1b[2J" * 20_000))
        await pilot.press(*"abc" * 50)
        await settled(pilot)
        assert asks(app)
        assert "abc" not in screen_text(app)
        await pilot.press("ctrl+u")
        await unlock(app, pilot, organisation, "hana")


async def test_a_qr_code_is_hidden_and_stays_hidden(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=(120, 50)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        await settled(pilot)
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await settled(pilot)
        binding = app.screen
        assert not binding.query_one(QrCode).redacted
        await pilot.press("1", "2", "3")
        await lock(app, pilot)
        assert binding.query_one(QrCode).redacted
        await unlock(app, pilot, organisation, "hana")
        assert app.screen is binding
        assert binding.query_one(QrCode).redacted
        assert "••••" in screen_text(app)
        assert binding.query_one(Form).values["code"] == ""


async def test_a_one_time_password_is_hidden_and_stays_hidden(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=SIZE) as pilot:
        row = await newton(app, pilot)
        dialog = OneTimePasswordDialog(row, Secret("quite-secret-words"))
        app.run_worker(app.ask(dialog), exit_on_error=False)
        await until(pilot, lambda: "quite-secret-words" in screen_text(app))
        await lock(app, pilot)
        await unlock(app, pilot, organisation, "tomas")
        assert app.screen is dialog
        assert "quite-secret-words" not in screen_text(app)


async def test_recovery_codes_are_hidden_and_stay_hidden(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        await settled(pilot)
        codes = [Secret("AAAAA-BBBBB-CCCCC-DDDDD-EEEEE")]
        dialog = RecoveryCodesDialog(codes, login="tomas", tenant=TENANT, created=organisation.clock.at())
        app.run_worker(app.ask(dialog), exit_on_error=False)
        await until(pilot, lambda: "AAAAA-BBBBB" in screen_text(app))
        await lock(app, pilot)
        assert "AAAAA" not in screen_text(app)
        await unlock(app, pilot, organisation, "tomas")
        assert app.screen is dialog
        assert "AAAAA" not in screen_text(app)


async def test_a_partial_form_is_kept_without_its_secrets(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        await pilot.press("u")
        await until(pilot, lambda: "Unbind" in screen_text(app) and len(app.screen_stack) == 2)
        await settled(pilot)
        await pilot.press(*keys("lost phone\tT-1881"))
        await settled(pilot)
        dialog = app.screen
        form = dialog.query_one(Form)
        before = (form.values, form.focused_name)
        await lock(app, pilot)
        assert "lost phone" not in screen_text(app)
        await unlock(app, pilot, organisation, "tomas")
        assert app.screen is dialog
        assert (form.values, form.focused_name) == before
        assert "lost phone" in screen_text(app)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is place)


async def test_typed_passwords_are_cleared(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        await settled(pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PasswordDialog))
        await settled(pilot)
        await pilot.press(*keys("four green owls"))
        dialog = app.screen
        await lock(app, pilot)
        await unlock(app, pilot, organisation, "hana")
        assert app.screen is dialog
        assert not any(dialog.query_one(Form).values.values())


# ---- opening it ------------------------------------------------------------------------------------------------------


async def test_a25_wrong_entries_are_counted_and_right_ones_unlock(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("slash", *"bob", "enter")
        await settled(pilot)
        before = screen_text(app)
        assert "newton" not in before
        await lock(app, pilot)
        for _ in range(4):
            await pilot.press(*keys(f"nonsense\t{organisation.code('hana')}\r"))
            await until(pilot, lambda: "is wrong" in screen_text(app))
            await settled(pilot)
        assert asks(app)
        assert "One more wrong entry ends this session" in " ".join(screen_text(app).replace("│", " ").split())
        await unlock(app, pilot, organisation, "hana")
        await until(pilot, lambda: "bob" in screen_text(app))
        assert "newton" not in screen_text(app)  # the filter is still there
        assert app.places.latest == "users"


async def test_a25_the_fifth_wrong_entry_ends_the_session(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        for _ in range(5):
            await pilot.press(*keys(f"nonsense\t{organisation.code('hana')}\r"))
            await settled(pilot)
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and "Your session has ended" in note(app))
        assert not app.signed_in
        assert not app.lock.is_shut
        detail = await organisation.perform(ShowUser(tenant=TENANT, user="hana"))
        assert (detail.failures, detail.locked) == (5, False)


async def test_a22_unlocking_replaces_the_token(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        before = app.backend.credential
        await lock(app, pilot)
        await unlock(app, pilot, organisation, "hana")
        assert app.backend.credential != before
        assert (await app.perform(WhoAmI())).login == "hana"


async def test_ctrl_q_exits_and_ends_the_session(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        await pilot.press("ctrl+q")
    assert app.return_value == 0


# ---- what goes on meanwhile ------------------------------------------------------------------------------------------


async def test_changes_of_others_are_shown_after_unlocking(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        shown = screen_text(app)
        await organisation.perform(CreateUser(tenant=TENANT, login="added"))
        await settled(pilot)
        assert screen_text(app) == shown
        await unlock(app, pilot, organisation, "tomas")
        await until(pilot, lambda: "added" in screen_text(app))


async def test_messages_and_dialogs_wait_for_the_unlock(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=SIZE) as pilot:
        row = await newton(app, pilot)
        place = app.screen
        app.notify("newton was here")
        await lock(app, pilot)
        assert toasts(app) == []
        dialog = OneTimePasswordDialog(row, Secret("quite-secret-words"))
        place.run_worker(app.ask(dialog), exit_on_error=False)
        place.app.notify("newton is done")
        place.app.push_screen(OneTimePasswordDialog(row, Secret("other-secret-words")))
        await settled(pilot)
        assert asks(app)
        assert toasts(app) == []
        assert "newton" not in screen_text(app)
        await unlock(app, pilot, organisation, "tomas")
        await until(pilot, lambda: app.screen is dialog)
        assert "newton is done" in toasts(app)
        assert len(app.screen_stack) == 3


async def test_a_dialog_that_ends_below_is_closed_after_unlocking(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=SIZE) as pilot:
        row = await newton(app, pilot)
        place = app.screen
        dialog = OneTimePasswordDialog(row, Secret("quite-secret-words"))
        place.run_worker(app.ask(dialog), exit_on_error=False)
        await until(pilot, lambda: app.screen is dialog)
        await lock(app, pilot)
        dialog.dismiss(None)
        await settled(pilot)
        assert asks(app)
        await unlock(app, pilot, organisation, "tomas")
        assert app.screen is place


async def test_a_session_ended_elsewhere_returns_to_the_place_after_sign_in(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        await organisation.perform(EndOtherSessions(tenant=TENANT, user="hana"))
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and "Your session has ended" in note(app))
        assert not app.lock.is_shut
        assert app._resume_point is not None
        assert app._resume_point.place == "users"


@pytest.mark.parametrize("how", ["disabled", "reset", "demoted"])
async def test_a23_a_locked_console_does_not_keep_an_ended_session(
    console: OpenConsole, organisation: Organisation, how: str
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        if how == "demoted":
            await organisation.perform(ChangeRole(tenant=TENANT, user="hana", role=Role.USER))
        else:
            done = DisableUser if how == "disabled" else ResetPassword
            await organisation.perform(done(tenant=TENANT, user="hana"))
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        assert not app.signed_in


async def test_a_role_changed_meanwhile_requires_a_new_sign_in(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Account))
        await lock(app, pilot)
        await organisation.perform(ChangeRole(tenant=TENANT, user="uma", role=Role.HELPDESK))
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and "Your session has ended" in note(app))


async def test_after_twelve_hours_the_session_ends_despite_activity(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        organisation.clock.forward(12 * 3600)
        app.live.note_activity()  # activity, all the time
        await app.live.leave_if_idle()
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and "Your session has ended" in note(app))


@pytest.mark.parametrize("small", [(59, 15), (30, 8)])
async def test_the_lock_survives_a_small_window_and_a_resize(
    console: OpenConsole, organisation: Organisation, small: tuple[int, int]
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        place = await opened(app, pilot)
        await lock(app, pilot)
        await pilot.resize_terminal(*small)
        await until(pilot, lambda: "too small" in screen_text(app))
        assert "newton" not in screen_text(app)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "too small" not in screen_text(app))
        assert asks(app)
        assert "newton" not in screen_text(app)
        await unlock(app, pilot, organisation, "hana")
        assert app.screen is place
        await until(pilot, lambda: "newton" in screen_text(app))


async def test_without_a_reply_it_stays_locked_and_says_so(
    remote: OpenConsole, organisation: Organisation, front: Front
) -> None:
    app = await remote("hana", place="users")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: type(app.screen) is LockScreen)
        await front.stop()
        await until(pilot, lambda: "server not reached" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "the server does not answer" in screen_text(app))
        assert app.lock.is_shut
        await front.start()
        await until(pilot, lambda: app.connection.is_current)
        await until(pilot, lambda: "the server does not answer" not in screen_text(app))
        assert "This console is locked." in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: asks(app))
        await settled(pilot)
        await unlock(app, pilot, organisation, "hana")
        await until(pilot, lambda: "newton" in screen_text(app))


async def test_signing_out_is_possible_from_the_lock_once_it_is_confirmed(console: OpenConsole) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await lock(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "Sign out" in screen_text(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("enter")  # Cancel has the focus
        await until(pilot, lambda: isinstance(app.screen, LockScreen))
        assert app.signed_in
        if app.screen.query_one(Form).focused_name != "sign-out":
            await pilot.press("tab")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        assert not app.signed_in
        assert not app.lock.is_shut
