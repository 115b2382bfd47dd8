"""Signing in: a step for every answer, keys typed ahead reach their targets, and secrets are hidden."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from secconsole.backends.base import Backend
from secconsole.domain.factors.otpauth import otpauth_uri
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.model import PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ListFactors
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.user_changes import DisableUser, ResetPassword
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.factors.binding import HIDDEN_KEY, BindingScreen, grouped
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.screens.factors.renew_recovery import RenewRecoveryDialog
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.step_up import StepUpDialog
from secconsole.tui.session.live_updates import IDLE, IDLE_WORDS
from secconsole.tui.sign_in.screen import SignInScreen
from secconsole.tui.widgets.form import Form
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.keyboard import enter_bound, typed

SigningIn = Callable[..., SecConsole]
SIZE = (80, 24)


def burst(organisation: Organisation, login: str) -> str:
    return f"{login}\t{organisation.password(login)}\r{organisation.code(login)}\r"


def note(app: SecConsole) -> str:
    return str(app.screen.query_one("#note", Static).content)


def inside(app: SecConsole) -> bool:
    """Return True if signed in and the first place is shown."""
    return app.signed_in and isinstance(app.screen, Place) and app.screen.is_mounted


def ready(app: SecConsole) -> bool:
    """Return True if the first form is shown and its tenant is known."""
    return isinstance(app.screen, SignInScreen) and bool(app.home_tenant) and app.keys_settled


async def test_login_password_and_code_in_one_burst(signing_in: SigningIn, organisation: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, burst(organisation, "hana") + "7")
        await until(pilot, lambda: isinstance(app.screen, Account))
        assert app.identity.login == "hana"
        assert app.tenant == TENANT


async def test_keys_typed_while_the_store_is_still_being_opened(organisation: Organisation) -> None:
    may_open = asyncio.Event()

    async def slow() -> Backend:
        await may_open.wait()
        return await organisation.open()

    app = SecConsole(Terminal(), opener=slow, clock=organisation.clock.at)
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, "hana")
        await until(pilot, lambda: app.screen.query(Form) and app.screen.query_one(Form).values["login"] == "hana")
        await typed(pilot, burst(organisation, "hana").removeprefix("hana"))
        assert not app.signed_in
        may_open.set()
        await until(pilot, lambda: inside(app))


async def test_a_wrong_password_keeps_the_login_and_clears_the_password(signing_in: SigningIn) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, "hana\tsesame open now\r")
        await until(pilot, lambda: "Check login and password" in screen_text(app))
        await settled(pilot)
        form = app.screen.query_one(Form)
        assert form.values == {"login": "hana", "password": Secret("")}
        assert form.focused_name == "password"
        assert "sesame" not in screen_text(app)


async def test_a_wrong_code_shows_the_server_time_and_the_attempts_left(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        wrong = "000000" if organisation.code("hana") != "000000" else "111111"
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "authenticator app" in note(app))
        await typed(pilot, f"{wrong}\r")
        await until(pilot, lambda: "phone's clock" in note(app))
        assert re.search(r"Server time \d\d:\d\d:\d\d [+-]\d\d:\d\d", note(app))
        assert "4 entries left" in note(app)
        assert app.screen.query_one(Form).values["code"] == ""
        await typed(pilot, organisation.code("hana") + "\r")
        await until(pilot, lambda: inside(app))


async def test_j4_a_recovery_code_in_the_code_field_signs_in_and_reports_how_many_are_left(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="hana"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "Use a recovery code" in note(app))
        await typed(pilot, made.codes[0].reveal().lower()[:-1] + "\r")
        await until(pilot, lambda: "25 characters" in screen_text(app))
        await typed(pilot, made.codes[0].reveal()[-1] + "\r")
        await until(pilot, lambda: isinstance(app.screen, RenewRecoveryDialog))
        await until(pilot, lambda: "9 codes of that set are left" in screen_text(app))


async def test_after_too_many_wrong_codes_it_starts_over(signing_in: SigningIn, organisation: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "authenticator app" in note(app))
        for _ in range(5):
            await typed(pilot, "999999\r")
            await settled(pilot)
        assert "Start again" in note(app)
        assert app.screen.query_one(Form).values["login"] == "hana"


async def test_the_code_screen_says_how_to_reach_the_administrator(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, helpdesk_text="ext. [b]4711"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "authenticator app" in note(app))
        app.screen.query_one(Form).focus_field("contact")
        await pilot.press("enter")
        await until(pilot, lambda: "Contact the administrator: ext. [b]4711" in " ".join(note(app).split()))
        await pilot.press("shift+tab", "shift+tab")
        await typed(pilot, organisation.code("hana") + "\r")
        await until(pilot, lambda: inside(app))


async def test_escape_starts_over(signing_in: SigningIn, organisation: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "authenticator app" in note(app))
        await pilot.press("escape")
        await until(pilot, lambda: "password" in app.screen.query_one(Form).values)
        assert note(app) == ""


async def test_a_used_code_is_refused(signing_in: SigningIn, organisation: Organisation) -> None:
    backend = await organisation.signed_in("hana")
    await backend.close()
    organisation.clock.now -= 60
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, burst(organisation, "hana"))
        await until(pilot, lambda: "Each code works once" in note(app))
        assert not app.signed_in


# ---- binding ---------------------------------------------------------------------------------------------------------


async def at_binding(
    pilot: Pilot[Any], organisation: Organisation, asks: str = "Scan the code, or type the key"
) -> BindingScreen:
    app = pilot.app
    await typed(pilot, f"newton\t{organisation.password('newton')}\r")
    await until(pilot, lambda: isinstance(app.screen, BindingScreen) and asks in screen_text(app))
    await settled(pilot)
    assert isinstance(app.screen, BindingScreen)
    return app.screen


def shown_key(app: SecConsole) -> str:
    """The key in groups of four, read off the screen: two rows beside its QR code, one row without it."""
    rows = re.findall(r"^.*(?:  |key: )((?:[A-Z2-7]{4} ){3,7}[A-Z2-7]{4})$", screen_text(app), re.M)
    return "".join(rows).replace(" ", "")


def code_of(key: str, organisation: Organisation) -> str:
    import base64

    return code_for_step(Secret(base64.b32decode(key)), time_step(organisation.clock.now))


async def save_codes(pilot: Pilot[Any]) -> None:
    """Confirm that the recovery codes shown after a first binding are saved."""
    await enter_bound(pilot)
    await until(pilot, lambda: isinstance(pilot.app.screen, RecoveryCodesDialog))
    await settled(pilot)
    await pilot.press("space", "enter")
    await settled(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_users_who_must_bind_do_so_during_sign_in(
    signing_in: SigningIn, organisation: Organisation, size: tuple[int, int]
) -> None:
    app = signing_in()
    async with app.run_test(size=size) as pilot:
        await at_binding(pilot, organisation)
        text = screen_text(app)
        for words in ("acme requires a second factor", "Aegis", "i invert", "o other font", "? help", "Code"):
            assert words in text
        assert "▄" in text
        key = shown_key(app)
        assert len(key) == 32
        await typed(pilot, code_of(key, organisation) + "\r")
        await save_codes(pilot)
        await until(pilot, lambda: isinstance(app.screen, Account))
    factors = (await organisation.perform(ListFactors(tenant=TENANT, user="newton"))).items
    assert [factor.state for factor in factors] == ["active"]


async def test_a_wrong_code_while_binding_leaves_the_key_as_it_is(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at_binding(pilot, organisation)
        key = shown_key(app)
        await typed(pilot, "000000\r")
        await until(pilot, lambda: "Server time" in screen_text(app))
        assert shown_key(app) == key
        await settled(pilot)
        await typed(pilot, code_of(key, organisation) + "\r")
        await enter_bound(pilot)


async def test_shortcut_keys_are_not_typed_into_the_code_field(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    from secconsole.domain.factors.qr import QrForm
    from secconsole.tui.widgets.qr import QrCode

    app = signing_in()
    async with app.run_test(size=(140, 60)) as pilot:
        screen = await at_binding(pilot, organisation)
        await typed(pilot, "12i34o")
        await settled(pilot)
        assert screen.query_one(Form).values["code"] == "1234"
        assert screen.query_one(QrCode).inverted
        assert screen.query_one(QrCode).form is QrForm.BACKGROUND


async def test_a_window_too_low_for_the_code_says_so_and_the_key_still_works(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=(80, 17)) as pilot:
        await at_binding(pilot, organisation, "Type the key")
        words = " ".join(screen_text(app).split())
        assert re.search(r"needs \d+ rows", words)
        assert "Scan" not in words
        key = shown_key(app)
        assert len(key) == 32
        await typed(pilot, code_of(key, organisation) + "\r")
        await enter_bound(pilot)


async def test_a36_the_key_hides_without_focus_and_on_leaving(
    signing_in: SigningIn, organisation: Organisation, tmp_path: Path
) -> None:
    from secconsole.tui.widgets.qr import QrCode

    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        screen = await at_binding(pilot, organisation)
        key = shown_key(app)
        app.post_message(events.AppBlur())
        await until(pilot, lambda: HIDDEN_KEY in screen_text(app))
        assert grouped(key)[0] not in screen_text(app)
        assert "▄" not in screen_text(app)
        app.post_message(events.AppFocus())
        await pilot.press("5")
        await until(pilot, lambda: shown_key(app) == key)
        assert screen.query_one(Form).values["code"] == ""  # the key that brought it back did nothing else
        screen.query_one(QrCode).redact()  # as the time that it has does
        await until(pilot, lambda: HIDDEN_KEY in screen_text(app))
        assert not list(app.get_system_commands(screen))
        app.action_screenshot(str(tmp_path / "shot.svg"))
        assert not list(tmp_path.glob("*.svg"))
        assert app.clipboard == ""
        await pilot.press("x", "escape")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        await settled(pilot)
        assert grouped(key)[0] not in screen_text(app)
        assert screen._started is None


# ---- other answers ---------------------------------------------------------------------------------------------------


async def test_a_reset_password_is_replaced_during_sign_in(signing_in: SigningIn, organisation: Organisation) -> None:
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="hana"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{reset.password.reveal()}\r")
        await until(pilot, lambda: "Choose a new password" in note(app))
        await typed(pilot, "one long password\tanother long password\r")
        await until(pilot, lambda: "do not match" in note(app))
        await typed(pilot, "short\tshort\r")
        await until(pilot, lambda: "too short" in note(app))
        await settled(pilot)
        await typed(pilot, f"seven grey herons\tseven grey herons\r{organisation.code('hana')}\r")
        await until(pilot, lambda: inside(app))
        assert "herons" not in screen_text(app)


async def test_a_plain_user_opens_their_account_and_other_places_say_why(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, burst(organisation, "uma") + "2")
        await until(pilot, lambda: isinstance(app.screen, Account))
        await settled(pilot)
        assert [n.message for n in app._notifications] == ["Your role, user, can see its own account only: press 7."]
        assert "2 Users" not in screen_text(app)


async def test_the_organisation_is_requested_if_there_are_several(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    await organisation.perform(CreateTenant(name="globex"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "Organisation" in screen_text(app))
        code = organisation.code("hana")
        await typed(pilot, f"hana\t{organisation.password('hana')}\r{TENANT}\r{code}\r")
        await until(pilot, lambda: inside(app))


async def test_input_typed_before_the_organisation_field_appears_is_kept(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="globex"))
    may_open = asyncio.Event()

    async def slow() -> Backend:
        await may_open.wait()
        return await organisation.open()

    app = SecConsole(Terminal(), opener=slow, clock=organisation.clock.at)
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        may_open.set()
        await until(pilot, lambda: "Organisation" in screen_text(app))
        await settled(pilot)
        assert app.screen.query_one(Form).focused_name == "organisation"
        await typed(pilot, f"{TENANT}\r{organisation.code('hana')}\r")
        await until(pilot, lambda: inside(app))


async def test_a_given_tenant_hides_the_others(signing_in: SigningIn, organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="globex"))
    app = signing_in(tenant="globex")
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, burst(organisation, "hana"))
        await until(pilot, lambda: "Check login and password" in screen_text(app))
        assert "globex" in screen_text(app)
        assert TENANT not in screen_text(app)


async def test_a_store_that_has_to_be_restored_is_not_created_and_found_on_a_retry(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir(mode=0o700)
    (home / "master.key").write_text("of the store in a backup")
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    app = SecConsole(Terminal(), opener=organisation.open, clock=organisation.clock.at)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "Restore it from a backup" in screen_text(app))
        await settled(pilot)
        monkeypatch.setenv("SECCONSOLE_HOME", str(organisation.home))
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))
        await typed(pilot, burst(organisation, "hana"))
        await until(pilot, lambda: inside(app))


async def test_a_key_readable_by_others_is_reported_and_can_be_fixed(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    key = organisation.home / "master.key"
    key.chmod(0o644)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "chmod 600" in " ".join(screen_text(app).split()))
        await settled(pilot)
        key.chmod(0o600)
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))


async def test_exiting_from_the_error_returns_its_exit_code(signing_in: SigningIn, organisation: Organisation) -> None:
    (organisation.home / "master.key").chmod(0o644)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "cannot be opened" in screen_text(app))
        await settled(pilot)
        await pilot.press("left", "enter")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 6


# ---- hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = "[@click=app.exit]x[/] [/b] \x1b]0;pwn\x07 \u202e\u200b"


async def test_a15_a16_a_typed_login_stays_text(signing_in: SigningIn) -> None:
    app = signing_in(tenant=HOSTILE)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: ready(app))
        app.post_message(events.Paste("[@click=app.exit]y[/][bold"))
        await typed(pilot, "\tsome password\r")
        await until(pilot, lambda: "Check login and password" in screen_text(app))
        text = screen_text(app)
        assert "[@click=app.exit]x[/] [/b] \\x1b]0;pwn\\x07" in text
        assert "[@click=app.exit]y[/][bold" in text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", text)


async def test_a15_a16_a_persons_name_stays_text_on_their_account(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(
        CreateUser(
            tenant=TENANT,
            login="eve",
            name="[red]Eve[/] [@click=app.exit]z[/]",
            password=Secret(organisation.password("eve")),
        )
    )
    await organisation.bind("eve")
    app = await console("eve")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "[red]Eve[/] [@click=app.exit]z[/]" in screen_text(app))


# ---- the session's end -----------------------------------------------------------------------------------------------


async def test_a_session_ended_elsewhere_leads_back_with_the_reason(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, burst(organisation, "hana") + "7")
        await until(pilot, lambda: isinstance(app.screen, Account))
        await organisation.perform(DisableUser(tenant=TENANT, user="hana", reason="left"))
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        await until(pilot, lambda: "Your session has ended" in note(app))
        assert not app.signed_in
        await settled(pilot)
        organisation.clock.next_code()
        await typed(pilot, "x\r")  # login is kept, this is a password
        await until(pilot, lambda: "Check login" in note(app))


async def test_an_idle_console_signs_out(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account", lock_after=60)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "Hana" in screen_text(app))
        await settled(pilot)
        organisation.clock.forward(IDLE.total_seconds() - 60)
        await app.live.leave_if_idle()
        assert app.signed_in
        await pilot.press("6")
        organisation.clock.forward(120)
        await app.live.leave_if_idle()
        assert app.signed_in  # a key was pressed meanwhile
        organisation.clock.forward(IDLE.total_seconds())
        await app.live.leave_if_idle()
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and note(app) == IDLE_WORDS)


async def test_with_the_policy_off_no_code_is_asked_for(signing_in: SigningIn, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: inside(app))


async def test_exiting_ends_the_session(signing_in: SigningIn, organisation: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, burst(organisation, "hana"))
        await until(pilot, lambda: inside(app))
        assert (await organisation.perform(ShowUser(tenant=TENANT, user="hana"))).sessions == 1
        await pilot.press("ctrl+q")
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="hana"))).sessions == 0


# ---- demo ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def demo(organisation: Organisation) -> Organisation:
    """The organisation made a demo: hana is 1, newton, who must bind, is 2."""
    accounts = [
        {
            "login": "hana",
            "password": organisation.password("hana"),
            "role": "helpdesk",
            "note": "unbinds",
            "totp_uri": otpauth_uri(seed=organisation.seeds["hana"], account="hana", issuer=TENANT).reveal(),
        },
        {
            "login": "newton",
            "password": organisation.password("newton"),
            "role": "user",
            "note": "must bind",
            "totp_uri": None,
        },
    ]
    path = organisation.home / "demo.json"
    path.write_text(json.dumps({"tenant": TENANT, "accounts": accounts}))
    path.chmod(0o600)
    return organisation


async def test_a_demo_offers_its_accounts_with_their_codes_and_one_key_signs_in(
    signing_in: SigningIn, demo: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "DEMO" in screen_text(app))
        code = demo.code("hana")
        await until(pilot, lambda: f"{code[:3]} {code[3:]}" in screen_text(app))
        await typed(pilot, "17")
        await until(pilot, lambda: isinstance(app.screen, Account))
        assert app.identity.login == "hana"
        await until(pilot, lambda: "DEMO" in screen_text(app))


async def test_a_demo_shows_the_password_and_code_for_step_up(signing_in: SigningIn, demo: Organisation) -> None:
    """Users who signed in by one key know neither, and would be stuck."""
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
        await typed(pilot, "17")
        await until(pilot, lambda: isinstance(app.screen, Account))
        proved: list[bool | None] = []
        app.push_screen(StepUpDialog(bound=True), proved.append)
        await until(pilot, lambda: f"was created as: {demo.password('hana')}" in screen_text(app))
        demo.clock.forward(60)
        code = demo.code("hana")
        await typed(pilot, "wrong\t000000\r")
        await until(pilot, lambda: f"the phone shows {code[:3]} {code[3:]}" in screen_text(app))
        await typed(pilot, f"{demo.password('hana')}\t{code}\r")
        await until(pilot, lambda: proved == [True])


async def test_a_demo_account_signs_in_twice_within_one_code(signing_in: SigningIn, demo: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(2):
            await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
            await settled(pilot)
            await typed(pilot, "17")
            await until(pilot, lambda: isinstance(app.screen, Account))
            await settled(pilot)
            await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        await settled(pilot)
        await typed(pilot, "1")
        await until(pilot, lambda: "Each code works once" in note(app))
        assert "Demo: the phone shows" in note(app)


async def test_the_demo_account_that_must_bind_goes_straight_to_the_qr_code(
    signing_in: SigningIn, demo: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, "2")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen) and "Scan the code" in screen_text(app))
        await settled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen))
        await settled(pilot)
        await typed(pilot, "17")  # the login is empty again, so a digit picks
        await until(pilot, lambda: isinstance(app.screen, Account))


async def test_a_digit_within_a_login_is_typed(signing_in: SigningIn, demo: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, "h1")
        await settled(pilot)
        assert app.screen.query_one(Form).values["login"] == "h1"


async def test_the_shown_demo_codes_are_updated_by_a_key(signing_in: SigningIn, demo: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "DEMO" in screen_text(app))
        demo.clock.forward(90)
        await typed(pilot, "h")
        code = demo.code("hana")
        await until(pilot, lambda: f"{code[:3]} {code[3:]}" in screen_text(app))
