"""Binding an address or a number: the code is read where it arrived, and its letters are on the screen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ListFactors, ShowEnrollmentSending
from secconsole.operations.signin import BindingStarted, SendStatus
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.factors.bind_address import BindAddressDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingEnd, Checked
from secconsole.tui.screens.factors.country import CountryDialog
from tests.delivery.post import Post, digits_in, prefix_in
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.keyboard import mailed, typed, words

SIZE = (80, 24)
MAIL, SMS = FactorKind.EMAIL, FactorKind.SMS


class Binding:
    """A dialog on a user's account, opened as My account does, and its result."""

    def __init__(self, app: SecConsole, kind: FactorKind, **options: str) -> None:
        self.app, self.ends = app, list[BindingEnd | None]()
        me = app.identity

        async def start(address: str) -> BindingStarted:
            return await app.perform(EnrollFactor(tenant=me.tenant, user=me.id, kind=kind, address=address))

        async def confirm(enrollment: str, code: Secret[str]) -> Checked:
            verdict = await app.perform(ConfirmFactor(tenant=me.tenant, enrollment=enrollment, code=code))
            return Checked(verdict.accepted, verdict.message, verdict.server_time)

        async def look(enrollment: str) -> SendStatus:
            return await app.perform(ShowEnrollmentSending(tenant=me.tenant, enrollment=enrollment))

        dialog = BindAddressDialog(kind, start, confirm, look, reason="It guards your account.", **options)
        app.push_screen(dialog, self._ended)

    def _ended(self, end: BindingEnd | None) -> None:
        self.ends.append(end)


async def opened(pilot: Pilot[Any], app: SecConsole, kind: FactorKind, **options: str) -> Binding:
    await until(pilot, lambda: app.signed_in and app.screen.is_mounted)
    await settled(pilot)
    made = Binding(app, kind, **options)
    await until(pilot, lambda: isinstance(app.screen, BindAddressDialog) and "Send a code" in screen_text(app))
    return made


async def factors_of(organisation: Organisation, login: str, kind: FactorKind) -> list[tuple[str, FactorState]]:
    items = (await organisation.perform(ListFactors(tenant=TENANT, user=login))).items
    return [(factor.masked, factor.state) for factor in items if factor.kind is kind]


async def test_an_address_is_bound_by_the_code_sent_to_it(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        binding = await opened(pilot, app, MAIL)
        await typed(pilot, "uma@home.example\r")
        text = await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: f"{prefix_in(text)}-" in screen_text(app))
        assert "on its way to u•••@home.example. Check your spam folder too" in words(app)
        assert f"begins with {prefix_in(text)}" in words(app)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: binding.ends == [BindingEnd(True)])
    assert await factors_of(organisation, "uma", MAIL) == [("u•••@home.example", FactorState.ACTIVE)]


async def test_empty_input_means_the_address_on_record(console: OpenConsole, post: Post) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app, MAIL)
        await typed(pilot, "\r")
        await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: "u•••@acme.example" in words(app))
        assert post.mailbox.mails[-1]["To"] == "uma@acme.example"


async def test_a_code_pasted_with_its_prefix_is_accepted(console: OpenConsole, post: Post) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        binding = await opened(pilot, app, MAIL)
        await typed(pilot, "\r")
        text = await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: "Send again" in screen_text(app))
        await settled(pilot)
        app.post_message(events.Paste(f"{prefix_in(text)}-{digits_in(text).reveal()}\n"))
        await typed(pilot, "\r")
        await until(pilot, lambda: binding.ends == [BindingEnd(True)])


@pytest.mark.parametrize(
    ("kind", "wrong", "answer"),
    [
        (MAIL, "uma.home.example", "needs a name, an @ and a domain"),
        (MAIL, "[b]x[/b]@acme.example", "contains characters that mail cannot be sent to"),
        (SMS, "0170 1234567", "needs its country code"),
        (SMS, "+420 601 12", "too long or too short"),
    ],
)
async def test_an_invalid_address_is_reported_under_the_field(
    console: OpenConsole, kind: FactorKind, wrong: str, answer: str
) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app, kind)
        await typed(pilot, wrong + "\r")
        await until(pilot, lambda: answer in words(app))
        assert "Send a code" in screen_text(app)


async def test_a_number_with_a_country_chosen_from_the_list(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        binding = await opened(pilot, app, SMS)
        await typed(pilot, "0170 1234567\r")
        await until(pilot, lambda: "needs its country code" in words(app))
        await settled(pilot)
        await typed(pilot, "\t\t\r")
        await until(pilot, lambda: isinstance(app.screen, CountryDialog))
        await typed(pilot, "fran")
        await until(pilot, lambda: "+33  France" in screen_text(app))
        await pilot.press("escape")  # as in a search, the first one empties the line
        await until(pilot, lambda: isinstance(app.screen, CountryDialog) and "+93  Afghanistan" in screen_text(app))
        await typed(pilot, "germ")
        await until(pilot, lambda: "+49  Germany" in screen_text(app) and "+420" not in screen_text(app))
        await typed(pilot, "\r\r")
        await until(pilot, lambda: len(post.twilio.messages) == 2)  # the first tried the settings out
        assert post.twilio.messages[-1]["To"] == "+491701234567"
        text = post.twilio.text()
        await until(pilot, lambda: f"{prefix_in(text)}-" in screen_text(app))
        assert "••• 567" in words(app)
        assert "spam" not in words(app)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: binding.ends == [BindingEnd(True)])
    assert await factors_of(organisation, "uma", SMS) == [("••• 567", FactorState.ACTIVE)]


async def test_another_code_is_available_after_a_visible_countdown(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        binding = await opened(pilot, app, MAIL)
        await typed(pilot, "\r")
        first = await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: "Wait 40 s" in words(app))
        organisation.clock.forward(15)
        await until(pilot, lambda: "Wait 25 s" in words(app))
        await settled(pilot)
        await typed(pilot, "\t\t\t\r")  # send again
        await until(pilot, lambda: "Not sent again yet" in words(app) and "Wait 25 s" in words(app))
        assert len(post.mailbox.mails) == mails + 1
        organisation.clock.forward(26)
        await until(pilot, lambda: "Send it again" in words(app))
        await settled(pilot)
        await typed(pilot, "\t\t\t\r")
        second = await mailed(pilot, post, mails + 2)
        await until(pilot, lambda: f"{prefix_in(second)}-" in screen_text(app))
        await settled(pilot)
        await typed(pilot, digits_in(first).reveal() + "\r")
        await until(pilot, lambda: "Only the newest code works" in words(app))
        await settled(pilot)
        await typed(pilot, digits_in(second).reveal() + "\r")
        await until(pilot, lambda: binding.ends == [BindingEnd(True)])


async def test_five_wrong_codes_lead_back_to_the_address(console: OpenConsole, post: Post) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        binding = await opened(pilot, app, MAIL)
        await typed(pilot, "\r")
        right = digits_in(await mailed(pilot, post, mails + 1)).reveal()
        wrong = "000000" if right != "000000" else "111111"
        await until(pilot, lambda: "Send again" in screen_text(app))
        for _ in range(5):
            await settled(pilot)
            await typed(pilot, wrong + "\r")
        await until(pilot, lambda: "it was the last try" in words(app))
        assert "E-mail" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: binding.ends == [BindingEnd(False)])


async def test_another_address_goes_back_with_the_previous_one_to_edit(console: OpenConsole, post: Post) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app, MAIL)
        await typed(pilot, "um@acme.example\r")
        await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: "Send again" in screen_text(app))
        await settled(pilot)
        await typed(pilot, "\t\t\r")
        await until(pilot, lambda: "um@acme.example" in screen_text(app))
        assert "Wait" not in words(app)


async def test_the_kinds_are_listed_strongest_first_with_their_strength(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.signed_in and app.screen.is_mounted)
        await settled(pilot)
        chosen: list[FactorKind | None] = []
        for keys, kind in (("\r", FactorKind.TOTP), ("2", SMS), ("3", MAIL)):
            app.push_screen(KindDialog((MAIL, SMS, FactorKind.TOTP), reason="acme requires one."), chosen.append)
            await until(pilot, lambda: isinstance(app.screen, KindDialog) and "enter pick" in screen_text(app))
            assert re.search("1 .*app.*Strongest.*2 .*SMS.*NIST.*3 .*e-mail.*NIST", words(app))
            await typed(pilot, keys)
            await until(pilot, lambda expected=kind: chosen[-1:] == [expected])


async def test_f1_says_what_to_do_when_no_code_arrives(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(100, 60)) as pilot:
        await opened(pilot, app, MAIL)
        await pilot.press("f1")
        await until(pilot, lambda: "No mail arrives" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BindAddressDialog))


async def test_d17_a_refused_send_is_reported_in_the_dialog(console: OpenConsole, post: Post) -> None:
    """The reason is shown, and another address or another code may be requested at once."""
    mails = len(post.mailbox.mails)
    post.mailbox.at_rcpt = ["550 5.1.1 No such user"]
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        binding = await opened(pilot, app, MAIL)
        await typed(pilot, "uma@home.example\r")
        await until(pilot, lambda: "refuses the recipient's address (550 5.1.1). Nothing was sent." in words(app))
        await until(pilot, lambda: "Wait 40 s" not in words(app))
        await settled(pilot)
        await pilot.press("tab", "tab", "tab", "enter")
        text = await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: prefix_in(text) in screen_text(app) and "550" not in words(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: binding.ends == [BindingEnd(True)])
