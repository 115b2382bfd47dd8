"""Step-ups: with an app in one step, otherwise by a sent code."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import SendCode, SignIn, VerifySignIn
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.screens.step_up import StepUpDialog, WhichFactorDialog
from secconsole.tui.widgets.form import Form
from tests.delivery.post import Post, digits_in, other, prefix_in
from tests.tui.conftest import TENANT, OpenConsole, Organisation, never, screen_text, settled, until
from tests.tui.keyboard import mailed, texted, typed, words

SIZE = (80, 24)
MAIL, SMS = FactorKind.EMAIL, FactorKind.SMS


async def console_of_newton(post: Post) -> SecConsole:
    """Signed in by the SMS that newton gets."""
    organisation: Any = post.organisation
    backend = await organisation.open()
    answer = await backend.perform(
        SignIn(tenant=TENANT, login="newton", password=Secret(organisation.password("newton")))
    )
    number = next(factor for factor in answer.factors if factor.kind == SMS)
    before = len(post.twilio.messages)
    await backend.perform(SendCode(challenge=answer.challenge, factor=number.id))
    await backend.delivery_worker.wait_idle()
    assert len(post.twilio.messages) == before + 1
    code = digits_in(post.twilio.text())
    answer = await backend.perform(VerifySignIn(challenge=answer.challenge, factor=number.id, code=code))
    backend.credential = Bearer(answer.token)
    organisation.clock.forward(3600)
    return SecConsole(Terminal(), opener=never, session=backend, first_place="account", clock=organisation.clock.at)


async def asked(pilot: Pilot[Any], app: SecConsole) -> list[bool | None]:
    """Open the dialog, and append its result to the list."""
    await until(pilot, lambda: app.signed_in and app.screen.is_mounted)
    await settled(pilot)
    proved: list[bool | None] = []
    app.push_screen(StepUpDialog(bound=True), proved.append)
    await until(pilot, lambda: isinstance(app.screen, StepUpDialog) and "Confirm it's you" in screen_text(app))
    await settled(pilot)
    return proved


async def test_a7_a_code_is_sent_to_the_only_number_after_the_password(post: Post) -> None:
    await post.bind("newton", SMS, "+15005550009")
    post.organisation.clock.forward(3600)
    app = await console_of_newton(post)
    before = len(post.twilio.messages)
    async with app.run_test(size=SIZE) as pilot:
        proved = await asked(pilot, app)
        assert "text message to ••• 009" in words(app)
        assert app.screen.query_one(Form).focused_name == "password"
        await typed(pilot, "newton has a long password\r")
        text = await texted(pilot, post, before + 1)
        await until(pilot, lambda: f"Code {prefix_in(text)}-" in words(app))
        await until(pilot, lambda: "Wait 40 s" in words(app))
        await settled(pilot)
        await typed(pilot, other(digits_in(text)).reveal() + "\r")
        await until(pilot, lambda: "Only the newest code works" in words(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")  # the password is still there
        await until(pilot, lambda: proved == [True])


async def test_one_of_several_factors_is_chosen(post: Post) -> None:
    await post.bind("newton", SMS, "+15005550009")
    post.organisation.clock.forward(3600)
    await post.bind("newton", MAIL, "newton@home.example")
    post.organisation.clock.forward(3600)
    app = await console_of_newton(post)
    mails = len(post.mailbox.mails)
    async with app.run_test(size=SIZE) as pilot:
        proved = await asked(pilot, app)
        await typed(pilot, "newton has a long password\r")
        await until(pilot, lambda: isinstance(app.screen, WhichFactorDialog))
        await settled(pilot)
        shown = words(app)
        number = "1" if "1 E-mail to n•••@home.example" in shown else "2"
        await typed(pilot, number)
        text = await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: f"Code {prefix_in(text)}-" in words(app))
        assert "on its way to n•••@home.example" in words(app)
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: proved == [True])


async def test_a_recovery_code_is_accepted_instead(post: Post) -> None:
    await post.bind("newton", SMS, "+15005550009")
    post.organisation.clock.forward(3600)
    made = await post.organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="newton"))
    app = await console_of_newton(post)
    async with app.run_test(size=SIZE) as pilot:
        proved = await asked(pilot, app)
        await typed(pilot, "newton has a long password\t\t\r")  # other way
        await until(pilot, lambda: isinstance(app.screen, WhichFactorDialog))
        await settled(pilot)
        await typed(pilot, "2")
        await until(pilot, lambda: "recovery code" in words(app) and isinstance(app.screen, StepUpDialog))
        await settled(pilot)
        await typed(pilot, made.codes[0].reveal() + "\r")
        await until(pilot, lambda: proved == [True])


async def test_with_an_app_password_and_code_are_asked_for_together(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    await post.bind("uma", MAIL, "uma@home.example")
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        proved = await asked(pilot, app)
        assert "Other way" in screen_text(app)
        await typed(pilot, f"{organisation.password('uma')}\r{organisation.code('uma')}\r")
        await until(pilot, lambda: proved == [True])


async def test_keys_typed_before_the_form_opens_go_to_it(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    await post.bind("uma", MAIL, "uma@home.example")
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.signed_in and app.screen.is_mounted)
        await settled(pilot)
        proved: list[bool | None] = []
        app.push_screen(StepUpDialog(bound=True), proved.append)
        await typed(pilot, f"{organisation.password('uma')}\r{organisation.code('uma')}\r")
        await until(pilot, lambda: proved == [True])


async def test_d17_a_refused_send_is_reported_in_the_dialog(post: Post) -> None:
    await post.bind("newton", SMS, "+15005550009")
    post.organisation.clock.forward(3600)
    app = await console_of_newton(post)
    post.twilio.answers = [(400, 21610, 0)]
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, app)
        await typed(pilot, "newton has a long password\r")
        await until(pilot, lambda: "answered STOP." in words(app))
        await until(pilot, lambda: "Wait 40 s" not in words(app))
