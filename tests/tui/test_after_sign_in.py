"""After a sign-in: new recovery codes once one was used, and an address for notices."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.users import ShowUser
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.account.dialogs import ContactDialog
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.screens.factors.renew_recovery import RenewRecoveryDialog
from secconsole.tui.screens.place import Place
from tests.tui.conftest import TENANT, Organisation, screen_text, settled, until
from tests.tui.keyboard import typed, words

SigningIn = Callable[..., SecConsole]
SIZE = (80, 24)


async def by_recovery_code(pilot: Pilot[Any], organisation: Organisation, code: Secret[str]) -> None:
    await typed(pilot, f"hana\t{organisation.password('hana')}\r{code.reveal()}\r")
    await until(pilot, lambda: isinstance(pilot.app.screen, RenewRecoveryDialog))
    await settled(pilot)


async def test_a32_a_used_recovery_code_requires_new_ones_until_they_are_created(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="hana"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await by_recovery_code(pilot, organisation, made.codes[0])
        assert "9 codes of that set are left" in words(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Place))
    again = signing_in()
    async with again.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r{organisation.code('hana')}\r")
        await until(pilot, lambda: isinstance(again.screen, RenewRecoveryDialog))  # also with the phone at hand
        await settled(pilot)
        await typed(pilot, "\t\t\r")
        await until(pilot, lambda: isinstance(again.screen, RecoveryCodesDialog))
        await settled(pilot)
        await pilot.press("space", "enter")
        await until(pilot, lambda: isinstance(again.screen, Place))
    organisation.clock.next_code()
    last = signing_in()
    async with last.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r{organisation.code('hana')}\r")
        await until(pilot, lambda: isinstance(last.screen, Place))
        await settled(pilot)
        assert isinstance(last.screen, Place)


async def test_j4_another_phone_is_bound_at_once_with_new_codes(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="hana"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await by_recovery_code(pilot, organisation, made.codes[0])
        await typed(pilot, "\r")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen) and "Scan the code" in screen_text(app))
        await settled(pilot)
        groups = re.findall(r"^.*  ((?:[A-Z2-7]{4} ){3}[A-Z2-7]{4})$", screen_text(app), re.M)
        seed = Secret(base64.b32decode("".join(groups).replace(" ", "")))
        await typed(pilot, code_for_step(seed, time_step(organisation.clock.now)) + "\r")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))
        await settled(pilot)
        await pilot.press("space", "enter")
        await until(pilot, lambda: isinstance(app.screen, Place))
    user = await organisation.perform(ShowUser(tenant=TENANT, user="hana"))
    assert user.recovery_left == 10


async def test_cancelling_the_new_phone_asks_again(signing_in: SigningIn, organisation: Organisation) -> None:
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="hana"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await by_recovery_code(pilot, organisation, made.codes[0])
        await typed(pilot, "\r")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await settled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RenewRecoveryDialog))


async def test_a2_a_missing_address_is_requested_at_each_sign_in_and_may_be_skipped(
    signing_in: SigningIn, organisation: Organisation
) -> None:
    app = signing_in()  # root was made without an address
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"root\t{organisation.password('root')}\r{organisation.code('root')}\r7")
        await until(pilot, lambda: isinstance(app.screen, ContactDialog))
        await settled(pilot)
        assert app.screen.form.values["email"] == "", "what was typed ahead was not meant for it"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Account))  # where the key typed ahead led to
    organisation.clock.next_code()
    again = signing_in()
    async with again.run_test(size=SIZE) as pilot:
        await typed(pilot, f"root\t{organisation.password('root')}\r{organisation.code('root')}\r")
        await until(pilot, lambda: isinstance(again.screen, ContactDialog))
        await settled(pilot)
        await typed(pilot, "root\r")
        await until(pilot, lambda: "! That is not an e-mail address" in words(again))
        await settled(pilot)
        await typed(pilot, "@acme.example\r")
        await until(pilot, lambda: isinstance(again.screen, Place))
        await until(pilot, lambda: any("mailed to root@acme.example" in one.message for one in again._notifications))
    user = await organisation.perform(ShowUser(tenant=TENANT, user="root"))
    assert user.user.email == "root@acme.example"
