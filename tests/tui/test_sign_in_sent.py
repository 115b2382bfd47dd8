"""Signing in by sent codes: the target is picked, the letters are on the screen, only digits are typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio
from textual.pilot import Pilot
from textual.widgets import Static

from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.sending import CapSubject, caps_of
from secconsole.domain.model import FactorKind, FactorState
from secconsole.operations.factors import EnrollFactor, ListFactors, RenameFactor
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.user_changes import RequireMfa
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.factors.bind_address import BindAddressDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.mail_key_dialog import MailKeyDialog
from secconsole.tui.screens.factors.renew_recovery import RenewRecoveryDialog
from secconsole.tui.sign_in.screen import SignInScreen
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.pick_list import PickList
from tests.delivery.post import Post, digits_in, other, prefix_in
from tests.tui.conftest import TENANT, Organisation, screen_text, settled, until
from tests.tui.keyboard import enter_bound, mailed, texted, typed, words

SigningIn = Callable[..., SecConsole]
SIZE = (80, 24)
MAIL, SMS = FactorKind.EMAIL, FactorKind.SMS
NUMBERS = ("+15005550009", "+15005550012")


def note(app: SecConsole) -> str:
    return " ".join(str(app.screen.query_one("#note", Static).content).split())


def at_list(app: SecConsole) -> bool:
    return isinstance(app.screen, SignInScreen) and bool(app.screen.query(PickList))


def inside(app: SecConsole) -> bool:
    return app.signed_in and isinstance(app.screen, Account)


async def at(pilot: Pilot[Any], login: str, organisation: Organisation) -> None:
    """Past login and password, where the second factor is asked for."""
    await typed(pilot, f"{login}\t{organisation.password(login)}\r")
    await until(pilot, lambda: pilot.app.screen.query("SignInScreen PickList") or "Code " in screen_text(pilot.app))
    await settled(pilot)


@pytest_asyncio.fixture
async def newton(post: Post) -> Post:
    """Newton has two numbers and an address, and no app."""
    for kind, address in ((SMS, NUMBERS[0]), (SMS, NUMBERS[1]), (MAIL, "newton@home.example")):
        await post.bind("newton", kind, address)
        post.organisation.clock.forward(3600)
    return post


async def test_w3_a4_a5_a_user_without_an_app_chooses_a_destination_and_types_the_digits(
    signing_in: SigningIn, organisation: Organisation, newton: Post
) -> None:
    before = len(newton.twilio.messages)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        answer = words(app)
        for line in ("1 Text message to ••• 009", "2 Text message to ••• 012", "3 E-mail to n•••@home.example"):
            assert line in answer
        assert "5550" not in answer
        assert len(newton.twilio.messages) == before, "nothing is sent before it was asked for"
        await typed(pilot, "2")
        text = await texted(pilot, newton, before + 1)
        assert newton.twilio.messages[-1]["To"] == NUMBERS[1]
        await until(pilot, lambda: f"Code {prefix_in(text)}-" in words(app))
        assert f"It begins with {prefix_in(text)}" in note(app)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: inside(app))


async def test_starting_over_too_soon_says_once_how_long_to_wait(
    signing_in: SigningIn, organisation: Organisation, newton: Post
) -> None:
    mails = len(newton.mailbox.mails)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await typed(pilot, "3")
        await mailed(pilot, newton, mails + 1)
        await until(pilot, lambda: "Send again" in words(app))
        await settled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "Password" in words(app))
        await settled(pilot)
        await typed(pilot, f"{organisation.password('newton')}\r")
        await until(pilot, lambda: at_list(app))
        await settled(pilot)
        await typed(pilot, "3")
        await until(pilot, lambda: "No code has been sent there yet." in note(app))
        await until(pilot, lambda: words(app).count("before asking for another code") == 1)


async def test_the_only_number_takes_one_more_key_than_an_app(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    await post.bind("newton", SMS, NUMBERS[0])
    post.organisation.clock.forward(3600)
    before = len(post.twilio.messages)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"newton\t{organisation.password('newton')}\r\r")  # the last enter takes the list's first
        text = await texted(pilot, post, before + 1)
        await typed(pilot, digits_in(text).reveal() + "\r")  # and whatever the form was when these keys came
        await until(pilot, lambda: inside(app))


async def test_a_mailed_code_mentions_spam_and_counts_the_wait(
    signing_in: SigningIn, organisation: Organisation, newton: Post
) -> None:
    mails = len(newton.mailbox.mails)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await typed(pilot, "3")
        first = await mailed(pilot, newton, mails + 1)
        await until(pilot, lambda: "Wait 40 s before asking for another code" in words(app))
        organisation.clock.forward(30)
        await until(pilot, lambda: "Wait 10 s" in words(app))
        await settled(pilot)
        await typed(pilot, "\t\t\t\r")  # send again
        await until(pilot, lambda: "Not sent again yet" in note(app) and "Wait 10 s" in words(app))
        assert f"Code {prefix_in(first)}-" in words(app), "the code that is out there still holds"
        organisation.clock.forward(11)
        await until(pilot, lambda: "Send it again" in words(app))
        await settled(pilot)
        await typed(pilot, "\t\t\t\r")
        second = await mailed(pilot, newton, mails + 2)
        await until(pilot, lambda: f"Code {prefix_in(second)}-" in words(app))
        await settled(pilot)
        await typed(pilot, digits_in(second).reveal() + "\r")
        await until(pilot, lambda: inside(app))


async def test_a20_only_the_newest_code_is_accepted_and_failures_are_never_reset(
    signing_in: SigningIn, organisation: Organisation, newton: Post
) -> None:
    texts, mails = len(newton.twilio.messages), len(newton.mailbox.mails)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await typed(pilot, "1")
        old = digits_in(await texted(pilot, newton, texts + 1))
        await until(pilot, lambda: "Send again" in screen_text(app))
        await settled(pilot)
        await typed(pilot, other(old).reveal() + "\r")
        await until(pilot, lambda: "4 entries left" in note(app))
        await settled(pilot)
        await typed(pilot, "\t\t\r")  # other way
        await until(pilot, lambda: at_list(app))
        await settled(pilot)
        await typed(pilot, "3")
        new = digits_in(await mailed(pilot, newton, mails + 1))
        await until(pilot, lambda: "n•••@home.example" in note(app))
        await settled(pilot)
        await typed(pilot, old.reveal() + "\r")
        await until(pilot, lambda: "3 entries left" in note(app) and "Only the newest" in note(app))
        await settled(pilot)
        await typed(pilot, new.reveal() + "\r")
        await until(pilot, lambda: inside(app))


async def test_a21_after_too_many_codes_the_screen_says_how_long_to_wait(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    await post.bind("newton", SMS, NUMBERS[0])
    post.organisation.clock.forward(86_400)
    most = min(cap.most for cap in caps_of(SMS, Purpose.SIGN_IN) if cap.counted is CapSubject.USER)
    before = len(post.twilio.messages)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await typed(pilot, "1")
        await texted(pilot, post, before + 1)
        for sent in range(2, most + 1):
            post.organisation.clock.forward(41)
            await until(pilot, lambda: "Send again" in screen_text(app))
            await settled(pilot)
            await typed(pilot, "\t\t\r")
            await texted(pilot, post, before + sent)
        post.organisation.clock.forward(41)
        await settled(pilot)
        await typed(pilot, "\t\t\r")
        await until(pilot, lambda: "min before asking for another code" in words(app))
        await post.wait_idle()
        assert len(post.twilio.messages) == before + most


async def test_an_app_comes_first_and_accepts_a_code_typed_ahead(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    await post.bind("hana", SMS, NUMBERS[0])
    before = len(post.twilio.messages)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, f"hana\t{organisation.password('hana')}\r{organisation.code('hana')}\r7")
        await until(pilot, lambda: inside(app))
    assert len(post.twilio.messages) == before


async def test_another_factor_than_the_app_can_be_chosen(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    await post.bind("uma", SMS, NUMBERS[0])
    organisation.clock.forward(3600)
    before = len(post.twilio.messages)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "uma", organisation)
        assert "From Authenticator app" in words(app)
        await typed(pilot, "\t\t\r")
        await until(pilot, lambda: at_list(app))
        await settled(pilot)
        await typed(pilot, "2")
        text = await texted(pilot, post, before + 1)
        await until(pilot, lambda: f"Code {prefix_in(text)}-" in words(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: inside(app))


async def test_j4_a_user_without_phone_and_mail_uses_a_recovery_code(
    signing_in: SigningIn, organisation: Organisation, newton: Post
) -> None:
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="newton"))
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await typed(pilot, "4")
        await until(pilot, lambda: "one of your recovery codes" in note(app))
        await settled(pilot)
        await typed(pilot, made.codes[0].reveal() + "\r")
        await until(pilot, lambda: isinstance(app.screen, RenewRecoveryDialog))


async def test_a15_the_name_of_a_phone_stays_text_in_the_list(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    (app_factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="uma"))).items
    label = "[b]x[/b] [@click=app.exit]y[/] \u202eevil"
    await organisation.perform(RenameFactor(tenant=TENANT, factor=app_factor.id, label=label))
    await post.bind("uma", SMS, NUMBERS[0])
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "uma", organisation)
        await typed(pilot, "\t\t\r")
        await until(pilot, lambda: at_list(app))
        assert "1 Authenticator app [b]x[/b] [@click=app.exit]y[/] \\u202eevil" in words(app)


async def test_escape_in_the_list_starts_over(signing_in: SigningIn, organisation: Organisation, newton: Post) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query(Form) and "password" in app.screen.query_one(Form).values)
        assert note(app) == ""


async def test_a3_a_number_entered_by_an_administrator_is_verified_by_its_first_use(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    await organisation.perform(EnrollFactor(tenant=TENANT, user="newton", kind=SMS, address=NUMBERS[0]))
    await organisation.perform(RequireMfa(tenant=TENANT, user="newton"))
    await post.wait_idle()
    organisation.clock.forward(3600)
    before = len(post.twilio.messages)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await typed(pilot, "\r")
        text = await texted(pilot, post, before + 1)
        await until(pilot, lambda: "Send again" in screen_text(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: app.signed_in)
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="newton"))).items
    assert factor.state is FactorState.ACTIVE


# ---- binding on the way in -------------------------------------------------------------------------------------------


async def at_kinds(pilot: Pilot[Any], organisation: Organisation) -> None:
    await typed(pilot, f"newton\t{organisation.password('newton')}\r")
    await until(pilot, lambda: isinstance(pilot.app.screen, KindDialog))
    await settled(pilot)


@pytest.mark.parametrize(("key", "kind"), [("2", SMS), ("3", MAIL)])
async def test_w2_a_user_who_must_bind_chooses_the_kind_and_gets_recovery_codes(
    signing_in: SigningIn, organisation: Organisation, post: Post, key: str, kind: FactorKind
) -> None:
    texts, mails = len(post.twilio.messages), len(post.mailbox.mails)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at_kinds(pilot, organisation)
        assert "acme requires a second factor" in words(app)
        await typed(pilot, key)
        await until(pilot, lambda: isinstance(app.screen, BindAddressDialog))
        await settled(pilot)
        await typed(pilot, "+1 500 555 0009\r" if kind is SMS else "\r")
        sent = texted(pilot, post, texts + 1) if kind is SMS else mailed(pilot, post, mails + 1)
        text = await sent
        await until(pilot, lambda: f"{prefix_in(text)}-" in screen_text(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await enter_bound(pilot)
        await settled(pilot)
        await pilot.press("space", "enter")
        await until(pilot, lambda: inside(app))
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="newton"))).items
    assert (factor.kind, factor.state) == (kind, FactorState.ACTIVE)


async def test_back_leads_from_a_kind_to_the_list_and_then_to_the_start(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at_kinds(pilot, organisation)
        await typed(pilot, "\r")  # the app is the first
        await until(pilot, lambda: isinstance(app.screen, BindingScreen) and "Scan the code" in screen_text(app))
        await settled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, KindDialog))
        await settled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and "Password" in screen_text(app))


async def test_a_binding_ended_by_wrong_codes_can_be_restarted(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    mails = len(post.mailbox.mails)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at_kinds(pilot, organisation)
        await typed(pilot, "3")
        await until(pilot, lambda: isinstance(app.screen, BindAddressDialog))
        await settled(pilot)
        await typed(pilot, "\r")
        right = digits_in(await mailed(pilot, post, mails + 1))
        await until(pilot, lambda: "Send again" in screen_text(app))
        for _ in range(5):
            await settled(pilot)
            await typed(pilot, other(right).reveal() + "\r")
        await until(pilot, lambda: "it was the last try" in words(app))
        await settled(pilot)
        organisation.clock.forward(60)
        await typed(pilot, "\r")
        text = await mailed(pilot, post, mails + 2)
        await until(pilot, lambda: f"{prefix_in(text)}-" in screen_text(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await enter_bound(pilot)


# ---- the key by mail -------------------------------------------------------------------------------------------------


async def test_z3_the_key_is_mailed_to_the_address_on_record(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    mails = len(post.mailbox.mails)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at_kinds(pilot, organisation)
        await typed(pilot, "1")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen) and "m mail me the key" in screen_text(app))
        await settled(pilot)
        await typed(pilot, "m")
        await until(pilot, lambda: "Anyone who reads that mail" in words(app))
        await typed(pilot, "\r")
        text = await mailed(pilot, post, mails + 1)
        assert post.mailbox.mails[-1]["To"] == "newton@acme.example"
        await until(pilot, lambda: "n•••@acme.example. Not there?" in words(app))
        key = "".join(screen_key(app))
        assert key in text.replace(" ", "")
        await settled(pilot)
        await typed(pilot, "m\r")
        await until(pilot, lambda: "! Wait 40 s" in words(app))
        assert len(post.mailbox.mails) == mails + 1


async def test_z3_another_address_is_warned_about_first(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    mails = len(post.mailbox.mails)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at_kinds(pilot, organisation)
        await typed(pilot, "1")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen) and "m mail me the key" in screen_text(app))
        await settled(pilot)
        await typed(pilot, "m")
        await until(pilot, lambda: "Anyone who reads that mail" in words(app))
        await pilot.press("up", "up")
        await typed(pilot, "newton@elsewhere.example\r")
        await until(pilot, lambda: "! Only if nobody else reads newton@elsewhere.example" in words(app))
        await settled(pilot)
        assert isinstance(app.screen, MailKeyDialog)
        assert len(post.mailbox.mails) == mails
        await typed(pilot, "\r")
        await until(pilot, lambda: "n•••@elsewhere.example. Not" in words(app))
        await until(pilot, lambda: "newton@elsewhere.example" in [mail["To"] for mail in post.mailbox.mails[mails:]])


async def test_d17_a_refused_key_mail_is_reported_beside_the_key(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    """A message that is retried is shown too, and no longer once it has been sent."""
    post.mailbox.at_rcpt = ["451 4.7.1 Greylisted"]
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at_kinds(pilot, organisation)
        await typed(pilot, "1")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen) and "m mail me the key" in screen_text(app))
        await settled(pilot)
        await typed(pilot, "m")
        await until(pilot, lambda: "Anyone who reads that mail" in words(app))
        await typed(pilot, "\r")
        await until(pilot, lambda: "451 4.7.1" in words(app) and "Delivery will be retried." in words(app))
        post.organisation.clock.forward(seconds=5)
        await until(pilot, lambda: "n•••@acme.example. Not there?" in words(app) and "451" not in words(app))


def screen_key(app: SecConsole) -> list[str]:
    """Return the groups of the key beside the QR code."""
    rows = re.findall(r"^.*  ((?:[A-Z2-7]{4} ){3}[A-Z2-7]{4})$", screen_text(app), re.M)
    return [group for row in rows for group in row.split()]


async def test_d17_a_refused_send_is_reported_while_waiting(
    signing_in: SigningIn, organisation: Organisation, post: Post
) -> None:
    """The sign-in screen shows the reason without a countdown, and another code is sent at once."""
    await post.bind("newton", SMS, NUMBERS[0])
    post.organisation.clock.forward(3600)
    post.twilio.answers = [(400, 21610, 0)]
    before = len(post.twilio.messages)
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await at(pilot, "newton", organisation)
        await typed(pilot, "\r")
        await until(pilot, lambda: "answered STOP." in note(app) and "Nothing was sent." in note(app))
        await until(pilot, lambda: "Wait 40 s" not in screen_text(app))
        assert "Send again" in screen_text(app)
        await settled(pilot)
        await pilot.press("tab", "tab", "enter")
        text = await texted(pilot, post, before + 1)
        await until(pilot, lambda: prefix_in(text) in screen_text(app) and "STOP" not in note(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: inside(app))
