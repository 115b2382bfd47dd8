"""Mail and SMS settings: stored, tested by a code typed back, and only then in effect."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from secconsole.domain.messages.delivery import SettingsState
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, ShowDelivery, TryDelivery
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.account.dialogs import ContactDialog
from secconsole.tui.screens.settings.delivery import DeliveryStatusDialog
from secconsole.tui.screens.settings.delivery_log import DeliveryLogDialog
from secconsole.tui.screens.settings.delivery_settings import SmtpDialog, TwilioDialog
from secconsole.tui.screens.settings.delivery_test import DeliveryCodeDialog, DeliveryTestDialog
from secconsole.tui.screens.settings.settings import Settings
from secconsole.tui.screens.step_up import StepUpDialog
from tests.delivery.mail_server import Mailbox, mail_server
from tests.delivery.post import digits_in, other, prefix_in
from tests.delivery.twilio_fake import SID, TOKEN, twilio_fake
from tests.extent import further
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until

SIZE = (80, 24)
SENDER, NUMBER = "+15005550006", "+15005550001"


def screen_words(app: SecConsole) -> str:
    """The words on the screen in one line, without the sides of boxes."""
    return " ".join(screen_text(app).replace("│", " ").split())


async def type_in(pilot: Pilot[int], text: str) -> None:
    await pilot.press(*("space" if char == " " else char for char in text))


async def fill(pilot: Pilot[int], *texts: str) -> None:
    """Type into one field after the other in place of its content, where None presses a button."""
    for text in texts:
        await pilot.press("ctrl+u")
        await type_in(pilot, text)
        await pilot.press("tab")


async def on_top(app: SecConsole, pilot: Pilot[int], kind: type[object]) -> None:
    await until(pilot, lambda: isinstance(app.screen, kind))
    await settled(pilot)


async def ready(app: SecConsole, pilot: Pilot[int]) -> None:
    await until(pilot, lambda: "y Secret key" in screen_text(app))
    await settled(pilot)


async def at_the_test(app: SecConsole, pilot: Pilot[int]) -> None:
    """Postpone the question for an own address, if it comes."""
    await until(pilot, lambda: isinstance(app.screen, ContactDialog | DeliveryTestDialog))
    await settled(pilot)
    if isinstance(app.screen, ContactDialog):
        await pilot.press("escape")
    await on_top(app, pilot, DeliveryTestDialog)


async def keep_smtp(app: SecConsole, pilot: Pilot[int], port: int) -> None:
    """From Settings to where the test is sent."""
    await pilot.press("m")
    await on_top(app, pilot, DeliveryStatusDialog)
    await pilot.press("enter")
    await on_top(app, pilot, SmtpDialog)
    await fill(pilot, "127.0.0.1", str(port))
    await pilot.press("tab")
    await fill(pilot, "mfa@acme.example")
    await pilot.press("tab", "tab", "enter")
    await at_the_test(app, pilot)


async def keep_twilio(app: SecConsole, pilot: Pilot[int], url: str, *, number: str = NUMBER) -> None:
    """From Settings to where the code is typed back."""
    await pilot.press("s")
    await on_top(app, pilot, DeliveryStatusDialog)
    await pilot.press("enter")
    await on_top(app, pilot, TwilioDialog)
    await fill(pilot, SID, TOKEN, SENDER)
    await pilot.press("ctrl+u")
    await type_in(pilot, url)
    await pilot.press("enter")
    await at_the_test(app, pilot)
    await type_in(pilot, number)
    await pilot.press("enter")
    await on_top(app, pilot, DeliveryCodeDialog)


async def states(organisation: Organisation) -> list[tuple[SettingsState, str]]:
    shown = await organisation.perform(ShowDelivery(tenant="acme"))
    return [(settings.state, settings.host) for settings in shown.smtp]


async def mail_in_effect(organisation: Organisation, mailbox: Mailbox) -> None:
    await organisation.perform(SetSmtp(tenant="acme", host="127.0.0.1", port=mailbox.port, sender="mfa@acme.example"))
    await organisation.perform(TryDelivery(tenant="acme", kind=FactorKind.EMAIL, to="root@acme.example"))
    done = await organisation.perform(ConfirmDelivery(tenant="acme", code=digits_in(mailbox.text())))
    assert done.accepted
    organisation.clock.forward(60)


async def test_a1_mail_takes_effect_only_once_the_code_is_confirmed(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(
        CreateUser(
            tenant="acme",
            login="zara",
            email="zara@acme.example",
            role=Role.PLATFORM_ADMIN,
            password=Secret(organisation.password("zara")),
        )
    )
    await organisation.bind("zara")
    app = await console("zara", place="settings")
    async with mail_server() as mailbox, app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await keep_smtp(app, pilot, mailbox.port)
        assert "zara@acme.example" in screen_text(app), "the user's own address is shown"
        assert await states(organisation) == [(SettingsState.PENDING, "127.0.0.1")]
        await pilot.press("enter")
        await on_top(app, pilot, DeliveryCodeDialog)
        await until(pilot, lambda: "The mail server accepted it" in screen_text(app))
        code = digits_in(mailbox.text())
        assert f"{prefix_in(mailbox.text())}-••••••" in screen_text(app)
        assert "zara@" not in screen_text(app)
        await type_in(pilot, other(code).reveal())
        await pilot.press("enter")
        await until(pilot, lambda: "That is not the code of a test" in screen_text(app))
        assert "successfully" not in screen_text(app)
        assert await states(organisation) == [(SettingsState.PENDING, "127.0.0.1")]
        await type_in(pilot, code.reveal())
        await pilot.press("enter")
        await until(pilot, lambda: "Test completed successfully" in screen_text(app))
        assert await states(organisation) == [(SettingsState.ACTIVE, "127.0.0.1")]
        await settled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: f"m Mail          in effect: 127.0.0.1:{mailbox.port}" in screen_text(app))


async def test_a1_earlier_settings_stay_in_effect_until_the_test(
    console: OpenConsole, organisation: Organisation
) -> None:
    async with mail_server() as mailbox:
        await mail_in_effect(organisation, mailbox)
        app = await console("root", place="settings")
        async with app.run_test(size=SIZE) as pilot:
            await ready(app, pilot)
            await organisation.perform(SetSmtp(tenant="acme", host="127.0.0.1", port=9, sender="other@acme.example"))
            await until(pilot, lambda: "; new settings not tested yet" in screen_text(app))
            await settled(pilot)
            await pilot.press("m")
            await on_top(app, pilot, DeliveryStatusDialog)
            text = screen_text(app)
            assert f"In effect    127.0.0.1, port {mailbox.port}" in text
            assert "Not tested   127.0.0.1, port 9" in text
            assert "Until then, the settings" in text


async def test_a_stored_password_is_never_filled_in(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(
        SetSmtp(
            tenant="acme",
            host="127.0.0.1",
            port=2525,
            sender="mfa@acme.example",
            username="mfa",
            password=Secret("open sesame"),
        )
    )
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("m")
        await on_top(app, pilot, DeliveryStatusDialog)
        assert "signs in as mfa" in screen_text(app)
        await pilot.press("right", "enter")
        await on_top(app, pilot, SmtpDialog)
        assert "2525" in screen_text(app)
        assert not app.screen.query_one("Form").values["password"]  # type: ignore[attr-defined]
        await pilot.press("up", "tab", "tab", "tab", "tab", "tab", "tab", "enter")
        await until(pilot, lambda: "type it again" in screen_text(app))
        assert isinstance(app.screen, SmtpDialog)


async def test_an_unreachable_server_is_reported_while_waiting(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with mail_server() as mailbox:
        nobody_there = mailbox.port
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await keep_smtp(app, pilot, nobody_there)
        await fill(pilot, "admin@acme.example")
        await pilot.press("right", "enter")
        await on_top(app, pilot, DeliveryCodeDialog)
        await until(pilot, lambda: "Retrying (1 try so far)" in screen_words(app))
        assert "cannot be reached" in screen_words(app)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, 21211, 0), "is not a phone number"),
        further((400, 21608, 0), "trial accounts send only to verified numbers."),
        further((400, 21610, 0), "answered STOP."),
        further((401, 20003, 0), "refuses the Account SID or the auth token"),
        further((429, 20429, 7), "asks to send more slowly"),
        ((500, 0, 0), "did not report whether it sent the message"),
    ],
)
async def test_a1_an_error_of_twilio_is_shown_in_the_box(
    console: OpenConsole, organisation: Organisation, answer: tuple[int, int, int], words: str
) -> None:
    app = await console("root", place="settings")
    async with twilio_fake() as twilio, app.run_test(size=SIZE) as pilot:
        twilio.answers.append(answer)
        await ready(app, pilot)
        await keep_twilio(app, pilot, twilio.url)
        await until(pilot, lambda: words in screen_words(app))
        assert TOKEN not in screen_text(app)
        await pilot.press("escape")
        await on_top(app, pilot, DeliveryStatusDialog)
        assert "Until then nothing is sent." in screen_words(app)


async def test_a1_sms_is_tested_and_a_repeat_says_how_long_to_wait(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with twilio_fake() as twilio, app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await keep_twilio(app, pilot, twilio.url)
        await until(pilot, lambda: "Twilio accepted it" in screen_text(app))
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: "Wait 10 s before asking for another code." in screen_text(app))
        first = digits_in(twilio.text())
        organisation.clock.forward(11)
        await settled(pilot)
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: len(twilio.messages) == 2)
        await until(pilot, lambda: f"{prefix_in(twilio.text())}-" in screen_text(app))
        assert "Wait 10 s" not in screen_text(app)
        await settled(pilot)
        await type_in(pilot, first.reveal())
        await pilot.press("enter")
        await until(pilot, lambda: "That code is wrong." in screen_text(app))
        await type_in(pilot, digits_in(twilio.text()).reveal())
        await pilot.press("enter")
        await until(pilot, lambda: f"The code reached {NUMBER}." in screen_words(app))
        await settled(pilot)
        await pilot.press("right", "enter")  # Enter alone cancels, since Enter has opened the dialog
        await until(pilot, lambda: "Test completed successfully" in screen_words(app))
        assert "Your number is on record now." in screen_words(app)
    assert (await organisation.perform(ShowUser(tenant="acme", user="root"))).user.phone == NUMBER


async def test_a2_a_test_asks_for_an_own_address_if_the_account_lacks_one(
    console: OpenConsole, organisation: Organisation
) -> None:
    password = Secret("zoe has a long password")
    role = Role.TENANT_ADMIN
    await organisation.perform(CreateUser(tenant="acme", login="zoe", role=role, password=password))
    await organisation.bind("zoe")
    app = await console("zoe", place="settings")
    async with mail_server() as mailbox, app.run_test(size=SIZE) as pilot:
        await mail_in_effect(organisation, mailbox)
        await ready(app, pilot)
        await pilot.press("m")
        await on_top(app, pilot, DeliveryStatusDialog)
        await pilot.press("right", "enter")
        await on_top(app, pilot, ContactDialog)
        await type_in(pilot, "zoe@acme.example")
        await pilot.press("enter")
        await on_top(app, pilot, DeliveryTestDialog)
        assert "zoe@acme.example" in screen_text(app)
    assert (await organisation.perform(ShowUser(tenant="acme", user="zoe"))).user.email == "zoe@acme.example"


async def test_a_tenant_administrator_may_not_set_a_base_url_or_a_local_server(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("s")
        await on_top(app, pilot, DeliveryStatusDialog)
        await pilot.press("enter")
        await on_top(app, pilot, TwilioDialog)
        assert "Base URL" not in screen_text(app)
        await pilot.press("escape", "escape", "m")
        await on_top(app, pilot, DeliveryStatusDialog)
        await pilot.press("enter")
        await on_top(app, pilot, SmtpDialog)
        await fill(pilot, "127.0.0.1", "25")
        await pilot.press("tab")
        await fill(pilot, "mfa@acme.example")
        await pilot.press("tab", "tab", "enter")
        await until(pilot, lambda: "Only a platform-admin" in str([n.message for n in app._notifications]))
        assert isinstance(app.screen, SmtpDialog), "what was typed stays"


async def test_a_user_without_permission_sees_delivery_and_the_reason(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("aida", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("m")
        await on_top(app, pilot, DeliveryStatusDialog)
        assert "Read-only. Your role, auditor, may not do this." in screen_text(app)
        assert "Set up" not in screen_text(app)
        await pilot.press("enter")
        await on_top(app, pilot, Settings)


async def test_messages_are_described_and_the_log_grows(console: OpenConsole, organisation: Organisation) -> None:
    async with mail_server() as mailbox:
        await mail_in_effect(organisation, mailbox)
        app = await console("aida", place="settings")
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: "d Messages      1 sent in 24 hours" in screen_text(app))
            await settled(pilot)
            await pilot.press("d")
            await on_top(app, pilot, DeliveryLogDialog)
            assert "1 sent, 0 waiting, 0 failed, 0 unsure" in screen_text(app)
            mailbox.at_rcpt.append("550 5.1.1 No such user here")
            await organisation.perform(TryDelivery(tenant="acme", kind=FactorKind.EMAIL, to="nobody@acme.example"))
            await until(pilot, lambda: "1 sent, 0 waiting, 1 failed" in screen_text(app))
            assert "failed      test       n•••@acme.example" in screen_text(app)
            await pilot.press("escape")
            await until(pilot, lambda: "1 sent, 1 failed in 24 hours" in screen_text(app))


async def test_a7_input_stays_during_step_up(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        organisation.clock.forward(6 * 60)
        await pilot.press("m")
        await on_top(app, pilot, DeliveryStatusDialog)
        await pilot.press("enter")
        await on_top(app, pilot, SmtpDialog)
        await fill(pilot, "127.0.0.1", "2525")
        await pilot.press("tab")
        await fill(pilot, "mfa@acme.example")
        await pilot.press("tab", "tab", "enter")
        await on_top(app, pilot, StepUpDialog)
        assert await states(organisation) == []
        await type_in(pilot, organisation.code("root"))
        await pilot.press("enter")
        await at_the_test(app, pilot)
    assert await states(organisation) == [(SettingsState.PENDING, "127.0.0.1")]


async def test_over_a_server_the_result_of_a_mail_test_arrives_while_waiting(
    remote: OpenConsole, organisation: Organisation
) -> None:
    app = await remote("root", place="settings")
    async with mail_server() as mailbox, app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await keep_smtp(app, pilot, mailbox.port)
        await type_in(pilot, "admin@acme.example")
        await pilot.press("enter")
        await on_top(app, pilot, DeliveryCodeDialog)
        await until(pilot, lambda: "The mail server accepted it" in screen_text(app))
        await type_in(pilot, digits_in(mailbox.text()).reveal())
        await pilot.press("enter")
        await until(pilot, lambda: "Test completed successfully" in screen_text(app))
        await settled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: f"in effect: 127.0.0.1:{mailbox.port}" in screen_text(app))
