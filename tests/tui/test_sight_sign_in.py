"""Sign-in, the demo's list and inbox, the locked screen and step-up at five sizes, changed while they are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyotp
from textual.pilot import Pilot

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.operations.bypass import IssueBypass
from secconsole.operations.policy import SetPolicy
from secconsole.operations.user_changes import ResetPassword
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.screens.inbox import Inbox
from secconsole.tui.screens.step_up import StepUpDialog
from secconsole.tui.sign_in.binding import BoundDialog
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.pick_list import PickList
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_inbox import arrive, demo
from tests.tui.test_lock import keys, lock
from tests.tui.test_sight import SIZES, looked_at
from tests.tui.test_sign_in import typed

__all__ = ["demo"]

SigningIn = Callable[..., SecConsole]
LONG = "Ring the service desk of the east wing, +420 601 123 456, or come to room 4.213 with your badge."


async def seen(app: SecConsole, pilot: Pilot[Any], what: str) -> list[str]:
    """Return what is wrong with the screen at each size, and leave the window at the smallest."""
    await settled(pilot)
    return await looked_at(app, pilot, what)


async def with_password(app: SecConsole, pilot: Pilot[Any], organisation: Organisation, login: str) -> None:
    await typed(pilot, f"{login}\t{organisation.password(login)}\r")


async def test_nothing_is_cut_or_hidden_while_signing_in(signing_in: SigningIn, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, helpdesk_text=LONG))
    await organisation.perform(IssueBypass(tenant=TENANT, user="hana", reason="phone at home"))
    app = signing_in()
    async with app.run_test(size=SIZES[0]) as pilot:
        await until(pilot, lambda: bool(app.home_tenant))
        found = await seen(app, pilot, "sign-in")
        await typed(pilot, "hana\tsesame open now\r")
        await until(pilot, lambda: "Check login and password" in screen_text(app))
        found += await seen(app, pilot, "wrong password")
        await typed(pilot, f"{organisation.password('hana')}\r")
        await until(pilot, lambda: "code" in app.screen.query_one(Form).values)
        found += await seen(app, pilot, "code")
        wrong = "000000" if organisation.code("hana") != "000000" else "111111"
        await typed(pilot, f"{wrong}\r")
        await until(pilot, lambda: "entries left" in screen_text(app))
        found += await seen(app, pilot, "wrong code")
        app.screen.query_one(Form).focus_field("contact")
        await pilot.press("enter")
        await until(pilot, lambda: "room 4.213" in " ".join(screen_text(app).split()))
        found += await seen(app, pilot, "contact")
        app.screen.query_one(Form).focus_field("other")
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query(PickList)))
        found += await seen(app, pilot, "other ways")
    assert not found, "\n".join(found)


async def test_nothing_is_cut_or_hidden_while_binding(signing_in: SigningIn, organisation: Organisation) -> None:
    app = signing_in()
    async with app.run_test(size=SIZES[0]) as pilot:
        await until(pilot, lambda: bool(app.home_tenant))
        await with_password(app, pilot, organisation, "newton")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        found = await seen(app, pilot, "QR code")
        screen = app.screen
        assert isinstance(screen, BindingScreen)
        await typed(pilot, "000000\r")
        await until(pilot, lambda: "Server time" in " ".join(screen_text(app).split()))
        found += await seen(app, pilot, "wrong first code")
        assert screen._started is not None
        totp = pyotp.TOTP(screen._started.key.reveal().replace(" ", ""))
        await typed(pilot, totp.at(organisation.clock.at()) + "\r")
        await until(pilot, lambda: isinstance(app.screen, BoundDialog))
        found += await seen(app, pilot, "bound")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))
        found += await seen(app, pilot, "recovery codes")
    assert not found, "\n".join(found)


async def test_nothing_is_cut_or_hidden_with_a_new_password(signing_in: SigningIn, organisation: Organisation) -> None:
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="nina"))
    app = signing_in()
    async with app.run_test(size=SIZES[0]) as pilot:
        await until(pilot, lambda: bool(app.home_tenant))
        await typed(pilot, f"nina\t{reset.password.reveal()}\r")
        await until(pilot, lambda: "again" in app.screen.query_one(Form).values)
        found = await seen(app, pilot, "new password")
        await typed(pilot, "short\tshort\r")
        await until(pilot, lambda: "short" in screen_text(app).lower())
        found += await seen(app, pilot, "refused password")
    assert not found, "\n".join(found)


async def test_nothing_is_cut_or_hidden_in_a_demo(
    signing_in: SigningIn, demo: EmbeddedBackend, organisation: Organisation
) -> None:
    arrive(organisation.home, 1, "acme: WXYZ-000111 is your code for signing in. " * 5)
    app = signing_in()
    async with app.run_test(size=SIZES[0]) as pilot:
        await until(pilot, lambda: "codes until" in screen_text(app) and app.has_backend)
        found = await seen(app, pilot, "demo list")
        await typed(pilot, "18")
        await until(pilot, lambda: isinstance(app.screen, Inbox))
        found += await seen(app, pilot, "inbox")
    assert not found, "\n".join(found)


async def test_nothing_is_cut_or_hidden_while_locked_and_in_step_up(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=SIZES[0]) as pilot:
        await until(pilot, lambda: "8 users" in screen_text(app))
        await settled(pilot)
        app.push_screen(StepUpDialog(bound=True))
        await until(pilot, lambda: isinstance(app.screen, StepUpDialog))
        found = await seen(app, pilot, "step-up")
        await pilot.press("escape")
        await settled(pilot)
        await lock(app, pilot)
        found += await seen(app, pilot, "locked")
        await pilot.press(*keys("not my password\t000000\r"))
        await until(pilot, lambda: app.keys_settled and "right" in screen_text(app))
        found += await seen(app, pilot, "locked, wrong")
    assert not found, "\n".join(found)
