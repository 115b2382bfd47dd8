"""The frame: header, places, hints, help, palette, live changes, and step-ups in between."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from secconsole.domain.errors import NotSignedIn, Unavailable
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations.factors import ListFactors
from secconsole.operations.policy import SetPolicy
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.user_changes import ChangeRole
from secconsole.tui.actions import INBOX, PLACES, READ_ONLY, Action
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.account.dialogs import PasswordDialog
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.help import HelpScreen
from secconsole.tui.screens.palette import Command, Palette, found
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.step_up import StepUpDialog
from secconsole.tui.sign_in.screen import SignInScreen
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.header import _labels, policy_words
from secconsole.tui.widgets.hints import Hint, fitting
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until

SIZE = (80, 24)


def toasts(app: SecConsole) -> list[str]:
    """Return the texts of the toasts."""
    return [notification.message for notification in app._notifications]


async def at_account(app: SecConsole, pilot: Pilot[Any]) -> Account:
    await until(pilot, lambda: isinstance(app.screen, Account) and "Second factor" in screen_text(app))
    account = app.screen
    assert isinstance(account, Account)
    await until(pilot, lambda: account._own is not None)
    await settled(pilot)
    return account


# ---- header and places -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_the_header_shows_place_policy_and_user(console: OpenConsole, size: tuple[int, int]) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=size) as pilot:
        await at_account(app, pilot)
        first, second = screen_text(app).splitlines()[:2]
        assert "acme" in first
        assert "MFA required" in first
        assert first.rstrip().endswith("helpdesk hana")
        assert " 2 Users" in second
        assert " 7 Me" in second
        assert second.rstrip().endswith("live")


async def test_a_place_for_other_roles_is_not_shown_and_its_key_says_why(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        assert screen_text(app).splitlines()[1].split() == ["7", "Me", "live"]
        await pilot.press("3")
        await settled(pilot)
        assert toasts(app) == ["Your role, user, can see its own account only: press 7."]


async def test_the_place_for_incidents_is_named_only_to_those_who_may_use_it(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        assert "Incident" not in screen_text(app)
        await pilot.press("6")
        await settled(pilot)
        assert toasts(app) == ["Incident is for others: platform-admin, tenant-admin."]


async def test_digits_open_places_and_q_goes_back(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("2")
        await until(pilot, lambda: app.places.here is not None and app.places.here.NAME == "users")
        await settled(pilot)
        await pilot.press("q")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        await pilot.press("q")
        await settled(pilot)
        assert "no place to go back to" in toasts(app)[0]


async def test_read_only_is_marked_and_every_writing_key_says_so(console: OpenConsole) -> None:
    app = await console("hana", place="account", read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        assert "READ-ONLY" in screen_text(app).splitlines()[0]
        for action in account.ACTIONS:
            if action.id == "account.row":
                continue  # it does one of the others
            wrote = action.operation is not None and action.operation.spec.writes
            assert (account.why_not(action) == READ_ONLY) is wrote
        await pilot.press("e")
        await settled(pilot)
        assert toasts(app) == [READ_ONLY]


async def test_only_platform_administrators_change_the_tenant(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="globex"))
    app = await console("tomas", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        await pilot.press("t")
        await settled(pilot)
        assert toasts(app) == ["Your role, tenant-admin, works in acme only."]
    app = await console("root", place="account")
    async with app.run_test(size=SIZE) as pilot:
        before = await at_account(app, pilot)
        await pilot.press("t", "right", "enter")
        await until(pilot, lambda: app.tenant == "globex" and isinstance(app.screen, Account))
        await until(pilot, lambda: "globex" in screen_text(app).splitlines()[0])
        await settled(pilot)
        assert "MFA optional" in screen_text(app)
        assert app.screen is not before
        assert not before.is_running


def test_the_policy_in_a_few_words() -> None:
    assert policy_words(None) == ""


# ---- hints, help, palette --------------------------------------------------------------------------------------------


def test_the_most_important_hints_are_shown_in_their_order() -> None:
    hints = [
        Hint(Action(f"x.{n}", title, n, "", priority=priority), False)
        for n, title, priority in (("a", "First", 5), ("b", "Second", 0), ("c", "Third", 1))
    ]
    assert [h.action.title for h in fitting(hints, 80)] == ["First", "Second", "Third"]
    assert [h.action.title for h in fitting(hints, 19)] == ["Second", "Third"]
    assert [h.action.title for h in fitting(hints, 10)] == ["Second"]
    assert [h.action.title for h in fitting(hints, 9)] == ["Third"]
    assert fitting(hints, 3) == []


def test_the_keys_that_can_act_come_before_the_others() -> None:
    hints = [
        Hint(Action(f"x.{n}", title, n, "", priority=priority), dim)
        for n, title, priority, dim in (("a", "First", 0, True), ("b", "Second", 5, False), ("c", "Third", 8, False))
    ]
    assert [h.action.title for h in fitting(hints, 80)] == ["Second", "Third", "First"]
    assert [h.action.title for h in fitting(hints, 19)] == ["Second", "Third"]


async def test_an_unavailable_key_is_in_brackets_and_says_why(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=(160, 30)) as pilot:
        await at_account(app, pilot)
        await until(pilot, lambda: "(r Remove)" in screen_text(app).splitlines()[-1])
        await pilot.press("r")
        await settled(pilot)
        assert "need a factor" in toasts(app)[0]


async def test_help_shows_the_page_and_every_key_with_its_reason(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=(100, 170)) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "A lost phone" in screen_text(app))
        text = screen_text(app)
        for action in account.actions:
            assert action.title in text
        assert "not now: You are not on the whitelist" in text
        await pilot.press("q")
        await until(pilot, lambda: app.screen is account)


@pytest.mark.parametrize("place", ["overview", "users", "whitelist", "settings", "audit", "account"])
async def test_help_has_the_name_of_the_place_as_title(console: OpenConsole, place: str) -> None:
    app = await console("root", place=place)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Place) and place == app.screen.NAME)
        await settled(pilot)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "─ Help: " in screen_text(app))
        title = next(named.title for named in PLACES if named.name == place)
        assert f"─ Help: {title} ─" in screen_text(app)


async def test_a_message_is_shown_once_and_above_a_dialog(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await at_account(app, pilot)
        await pilot.press("m")
        await until(pilot, lambda: "need a factor" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: "Rename a factor" in screen_text(app))
        await settled(pilot)
        assert screen_text(app).count("need a factor") == 1


def test_matches_in_names_come_before_matches_in_descriptions() -> None:
    unbind = Command("Unbind", "Lets them sign in, and others out.", int)
    away = Command("Sign out", "End your session.", int)
    assert [c.title for c in found([unbind, away], "sign out")] == ["Sign out", "Unbind"]
    assert found([unbind, away], "nobody") == []
    assert [c.title for c in found([away, unbind], "unbd")] == ["Unbind"]
    assert [c.title for c in found([unbind, away], "sot")] == ["Sign out"]
    assert found([unbind, away], "nbd") == []  # begins at no word
    assert found([unbind, away], "") == [unbind, away]


async def test_the_palette_runs_the_chosen_action_and_explains_unavailable_ones(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        await pilot.press(*"incid")
        await settled(pilot)
        assert "not now: Incident is for others: platform-admin, tenant-admin." in screen_text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert toasts(app) == ["Incident is for others: platform-admin, tenant-admin."]
        await pilot.press("ctrl+p", *"xyzzy")
        await until(pilot, lambda: "No command matches." in screen_text(app))
        await pilot.press("escape")  # as in a search, the first one empties the line
        await settled(pilot)
        assert "No command matches." not in screen_text(app)
        assert isinstance(app.screen, Palette)
        await pilot.press("escape", "colon", *"change pass", "enter")
        await until(pilot, lambda: isinstance(app.screen, PasswordDialog))


async def test_a_theme_is_previewed_and_reverted_by_escape(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        before = app.theme
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        await pilot.press(*"fjord")
        await until(pilot, lambda: app.theme == "fjord")
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == before)
        await pilot.press("escape", "colon", *"fjord", "enter")
        await settled(pilot)
        assert app.theme == "fjord"
        assert 'theme = "fjord"' in toasts(app)[0]


async def test_a16_markup_in_the_palette_stays_text(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        app.screen.query_one(Input).value = "[@click=app.exit]x[/b]"
        await until(pilot, lambda: "No command matches." in screen_text(app))


# ---- live ------------------------------------------------------------------------------------------------------------


async def test_a_policy_changed_elsewhere_is_in_the_header_at_once(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
        await until(pilot, lambda: "MFA optional" in screen_text(app).splitlines()[0])


@pytest.mark.parametrize(
    ("width", "labels"),
    [
        (88, " 1 Overview  2 Users  3 Whitelist  4 Settings  5 Audit  6 Incident  7 Me  8 Inbox "),
        (74, " 1 Overview 2 Users 3 Whitelist 4 Settings 5 Audit 6 Incident 7 Me 8 Inbox"),
        (53, " 1 Over 2 Users 3 List 4 Set 5 Audit 6 Inc 7 Me 8 Inbox"),
    ],
)
def test_the_places_move_together_before_their_names_are_shortened(width: int, labels: str) -> None:
    assert "".join(_labels((*PLACES, INBOX), width)) == labels


async def test_a_role_changed_elsewhere_ends_the_session_at_once(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        assert "2 Users" not in screen_text(app)
        await organisation.perform(ChangeRole(tenant=TENANT, user="uma", role=Role.HELPDESK))
        await until(pilot, lambda: "Your session has ended. Sign in again." in screen_text(app))


async def test_the_header_shows_an_unresponsive_store(console: OpenConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        broken = True
        real = app.backend.perform

        async def perform(operation: Any) -> Any:
            if broken:
                raise Unavailable("The disk is full. Nothing was changed.")
            return await real(operation)

        monkeypatch.setattr(app.backend, "perform", perform)
        await pilot.press("e", "enter")
        await until(pilot, lambda: "⚠ store unavailable · data from" in screen_text(app).splitlines()[2])
        assert "stale" in screen_text(app).splitlines()[1]
        assert set(toasts(app)) == {"The disk is full. Nothing was changed."}
        broken = False
        await until(pilot, lambda: "live" in screen_text(app).splitlines()[1])
        assert set(screen_text(app).splitlines()[2]) == {"─"}
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))


# ---- proof in between ------------------------------------------------------------------------------------------------


async def test_an_expired_step_up_is_asked_for_again(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        organisation.clock.forward(600)
        code = organisation.code("hana")
        wrong = "000000" if code != "000000" else "111111"
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, StepUpDialog))
        await settled(pilot)
        assert "Password" not in screen_text(app)  # was proved when the session was opened
        await pilot.press(*wrong, "enter")
        await until(pilot, lambda: "Server time" in screen_text(app))
        await settled(pilot)
        assert app.screen.query_one(Form).focused_name == "code"
        await pilot.press(*code, "enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))


async def test_cancelling_step_up_does_nothing(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        organisation.clock.forward(600)
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, StepUpDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert toasts(app) == []
        assert len((await organisation.perform(ListFactors(tenant=TENANT, user="hana"))).items) == 1


async def test_a_busy_dialog_may_ask_for_step_up_which_gets_the_keys(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        organisation.clock.forward(600)
        new = [*"four", "space", *"green", "space", *"owls"]
        await pilot.press("p", *new, "tab", *new, "enter")
        await until(pilot, lambda: isinstance(app.screen, StepUpDialog))
        await pilot.press(*organisation.code("hana"), "enter")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert toasts(app)[0].startswith("Your password was changed.")


async def test_an_operation_in_an_ended_session_opens_the_sign_in(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        organisation.clock.forward(13 * 3600)
        app.live.note_activity()
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and "session has ended" in screen_text(app))
        with pytest.raises(NotSignedIn):
            assert app.identity


# ---- dialogs ---------------------------------------------------------------------------------------------------------


class Asking(Account):
    ACTIONS: ClassVar[tuple[Action, ...]] = (Action("x.sweep", "Sweep", "s", "Sweep everything."),)
    answers: ClassVar[list[bool]] = []

    async def do_sweep(self) -> None:
        dialog = ConfirmDialog("Sweep [b]312[/b]", "[@click=app.exit]all[/] of it", "Sweep", True, "312")
        self.answers.append(await self.app.ask(dialog))


async def test_a_dangerous_confirmation_focuses_cancel_and_requires_the_number(console: OpenConsole) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        place = Asking()
        await app.push_screen(place)
        await settled(pilot)
        Asking.answers.clear()
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "Sweep [b]312[/b]" in screen_text(app)
        assert "[@click=app.exit]all[/] of it" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: Asking.answers == [False])
        await pilot.press("s", "up", *"311", "enter", "right", "enter")
        await until(pilot, lambda: "That is not 312." in screen_text(app))
        await pilot.press("ctrl+u", *"312", "enter", "right", "enter")
        await until(pilot, lambda: Asking.answers == [False, True])
