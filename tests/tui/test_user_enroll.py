"""Enrolling a factor of any kind for another user, with a real mail server and a fake Twilio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from textual.pilot import Pilot
from textual.widgets import Static

from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, SetTwilio, TryDelivery
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SendCode, SignIn, SignInAnswer, VerifySignIn
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.factors.bind_address import BindAddressDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.mail_key_dialog import MailKeyDialog
from secconsole.tui.screens.users.enroll import AskForItDialog
from secconsole.tui.screens.users.users import Users
from secconsole.tui.widgets.qr import QrCode
from tests.delivery.mail_server import Mailbox, mail_server
from tests.delivery.post import digits_in
from tests.delivery.twilio_fake import SID, TOKEN, Twilio, twilio_fake
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_unbind import show, toasts
from tests.tui.test_users import on, opened


@pytest_asyncio.fixture
async def twilio(organisation: Organisation) -> AsyncIterator[Twilio]:
    """SMS are set up, and the policy is optional and lets users bind an app alone."""
    perform = organisation.perform
    async with twilio_fake() as fake:
        await perform(
            SetTwilio(
                tenant="acme", account_sid=SID, auth_token=Secret(TOKEN), sender="+15005550006", base_url=fake.url
            )
        )
        await perform(TryDelivery(tenant="acme", kind=FactorKind.SMS, to="+15005550001"))
        await perform(ConfirmDelivery(tenant="acme", code=await texted(organisation, fake)))
        await perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
        yield fake


@pytest_asyncio.fixture
async def mailbox(organisation: Organisation) -> AsyncIterator[Mailbox]:
    """Mail is set up."""
    perform = organisation.perform
    async with mail_server() as box:
        await perform(SetSmtp(tenant="acme", host="127.0.0.1", port=box.port, sender="mfa@acme.example"))
        await perform(TryDelivery(tenant="acme", kind=FactorKind.EMAIL, to="admin@acme.example"))
        await sent(organisation)
        await perform(ConfirmDelivery(tenant="acme", code=digits_in(box.text())))
        yield box


async def sent(organisation: Organisation) -> None:
    organisation.owner.delivery_worker.wake()
    await asyncio.wait_for(organisation.owner.delivery_worker.wait_idle(), 20)


async def texted(organisation: Organisation, twilio: Twilio) -> Secret[str]:
    """The digits of the newest SMS."""
    await sent(organisation)
    return digits_in(twilio.text())


async def enrolling(app: SecConsole, pilot: Pilot[Any], who: str, kind: str) -> Users:
    """Open the dialog for one kind of factor of a user, by its number in the list."""
    place = await opened(app, pilot)
    await on(pilot, place, who)
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, KindDialog))
    await pilot.press(kind)
    await until(pilot, lambda: isinstance(app.screen, BindAddressDialog | BindingScreen))
    await settled(pilot)
    return place


def words_on(app: SecConsole) -> str:
    """Return the text of the screen, wherever its lines are broken."""
    return " ".join(screen_text(app).replace("│", " ").split())


def message_in_sight(app: SecConsole) -> str:
    """Return the message beside the QR code, or nothing while a part of it is out of sight."""
    if not isinstance(app.screen, BindingScreen):
        return ""
    message = app.screen.query_one("#message", Static)
    return str(message.content) if app.screen.query_one("#words").region.contains_region(message.region) else ""


async def signing_in(organisation: Organisation, login: str) -> SignInAnswer:
    answer = await organisation.perform(
        SignIn(tenant="acme", login=login, password=Secret(organisation.password(login)))
    )
    assert isinstance(answer, SignInAnswer)
    return answer


async def test_enrolling_with_a_user_present_requires_a_right_code(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        place = await enrolling(app, pilot, "nina", "1")
        assert "Bind for nina" in screen_text(app)
        assert app.screen.query_one(QrCode).fits
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place and "Nothing was bound for nina" in toasts(app))
        await settled(pilot)
        assert (await show(organisation, "nina")).user.status is BindingStatus.UNBOUND
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, KindDialog))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)


async def test_z3_the_key_is_mailed_to_a_user_who_cannot_scan_it(
    console: OpenConsole, organisation: Organisation, mailbox: Mailbox
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        place = await enrolling(app, pilot, "nina", "1")
        assert "mail them the key" in screen_text(app)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, MailKeyDialog))
        assert "The key goes to the e-mail address on record." in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "on its way to n•••@acme.example" in words_on(app))
        await until(pilot, lambda: mailbox.mails[-1]["To"] == "nina@acme.example")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (100, 40)])
async def test_d17_a_refused_key_mail_is_reported_beside_the_key(
    console: OpenConsole, organisation: Organisation, mailbox: Mailbox, size: tuple[int, int]
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=size) as pilot:
        await enrolling(app, pilot, "nina", "1")
        mailbox.at_rcpt = ["550 5.1.1 No such user"]
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, MailKeyDialog))
        await settled(pilot)
        await pilot.press("enter")
        refused = "refuses the recipient's address (550 5.1.1). Nothing was sent."
        await until(pilot, lambda: refused in message_in_sight(app))
        await settled(pilot)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, MailKeyDialog))
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "on its way to n•••@acme.example" in message_in_sight(app))
        await until(pilot, lambda: mailbox.mails[-1]["To"] == "nina@acme.example")


async def test_a3_a_number_entered_for_a_user_is_verified_by_their_next_sign_in(
    console: OpenConsole, organisation: Organisation, twilio: Twilio
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await enrolling(app, pilot, "nina", "2")
        await until(pilot, lambda: "Nothing is sent now" in words_on(app))
        texts = len(twilio.messages)
        await pilot.press(*"+1 500 555 0009", "enter")
        await until(pilot, lambda: isinstance(app.screen, AskForItDialog))
        assert "0009" not in screen_text(app)
        await sent(organisation)
        assert len(twilio.messages) == texts
        assert "the next sign-in sends a code there" in words_on(app)
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.screen is place)
        await until(pilot, lambda: "••• 009 was added for nina, not verified until used once." in toasts(app))
        await until(pilot, lambda: "pending: SMS to ••• 009" in screen_text(app))
        detail = await show(organisation, "nina")
        assert (detail.user.status, detail.mfa_required) == (BindingStatus.PENDING, True)
        organisation.clock.forward(60)
        answer = await signing_in(organisation, "nina")
        assert (answer.status, [f.masked for f in answer.factors]) == (SignInStatus.SECOND_FACTOR, ["••• 009"])
        assert answer.challenge is not None
        factor = answer.factors[0].id
        await organisation.perform(SendCode(challenge=answer.challenge, factor=factor))
        code = await texted(organisation, twilio)
        done = await organisation.perform(VerifySignIn(challenge=answer.challenge, factor=factor, code=code))
        assert done.status is SignInStatus.COMPLETE
        await until(pilot, lambda: "bound: SMS to ••• 009" in screen_text(app))


async def test_an_address_is_added_to_bound_factors(
    console: OpenConsole, organisation: Organisation, mailbox: Mailbox
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await enrolling(app, pilot, "uma", "3")
        await pilot.press("enter")  # the one on record
        await until(pilot, lambda: app.screen is place)  # no question: a factor is bound, so it is offered anyway
        await until(pilot, lambda: "u•••@acme.example was added for uma" in toasts(app))
        answer = await signing_in(organisation, "uma")
        assert [f.kind for f in answer.factors] == [FactorKind.TOTP, FactorKind.EMAIL]
        assert answer.challenge is not None
        refused = await organisation.perform(
            VerifySignIn(challenge=answer.challenge, factor=answer.factors[1].id, code=Secret("000000"))
        )
        assert refused.status is SignInStatus.SECOND_FACTOR
