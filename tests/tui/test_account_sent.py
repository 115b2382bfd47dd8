"""Addresses and numbers as factors of one account: side by side, verified by the code sent to them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from secconsole.domain.model import FactorKind, FactorState, PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer
from secconsole.operations.factors import EnrollFactor, ListFactors
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.sessions import ListSessions
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.operations.users import ShowUser
from secconsole.tui.screens.account.dialogs import LabelDialog
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.factors.bind_address import BindAddressDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.widgets.qr import QrCode
from tests.delivery.post import NUMBER, Post, digits_in
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.keyboard import mailed, typed, words
from tests.tui.test_account import key_of, walk_to
from tests.tui.test_frame import at_account, toasts

SIZE = (80, 24)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "person").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "person"))


async def state(organisation: Organisation, login: str) -> list[tuple[FactorKind, FactorState, str]]:
    items = (await organisation.perform(ListFactors(tenant=TENANT, user=login))).items
    return [(factor.kind, factor.state, factor.label) for factor in items]


async def test_w2_an_address_is_added_beside_the_app_and_recovery_codes_follow(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, KindDialog))
        await settled(pilot)
        await pilot.press("3")
        await settled(pilot)
        if isinstance(app.screen, KindDialog):  # a digit goes there; enter takes it
            await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LabelDialog))
        await settled(pilot)
        await typed(pilot, "at home\r")
        await until(pilot, lambda: isinstance(app.screen, BindAddressDialog))
        await settled(pilot)
        assert "uma@acme.example" in screen_text(app)  # on record, and not bound yet
        await typed(pilot, "\r")
        text = await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: "Send again" in screen_text(app))
        assert (FactorKind.EMAIL, FactorState.PENDING, "at home") in await state(organisation, "uma")
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))
        await settled(pilot)
        await pilot.press("space", "enter")
        await until(pilot, lambda: app.screen is account)
        await until(pilot, lambda: 'e-mail "at home" u•••' in screen_text(app))
        assert [kind for kind, state, _ in await state(organisation, "uma")] == [FactorKind.TOTP, FactorKind.EMAIL]
        await settled(pilot)
        await walk_to(pilot, account, "codes")
        assert "10 left" in screen_text(app)


async def test_a_number_that_another_user_entered_is_verified_by_v(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    await organisation.perform(EnrollFactor(tenant=TENANT, user="uma", kind=FactorKind.SMS, address=NUMBER))
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="uma"))
    await post.wait_idle()
    organisation.clock.forward(120)
    texts = len(post.twilio.messages)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        assert "not verified yet" in screen_text(app)
        await pilot.press("down")
        await until(pilot, lambda: "v sends a code there" in screen_text(app))
        await settled(pilot)
        assert "v Verify" in screen_text(app).splitlines()[-1]
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, BindAddressDialog))
        await settled(pilot)
        assert "Enter it in full again" in words(app)
        await typed(pilot, f"{NUMBER}\r")
        await until(pilot, lambda: len(post.twilio.messages) > texts and "Send again" in screen_text(app))
        await settled(pilot)
        await typed(pilot, digits_in(post.twilio.text()).reveal() + "\r")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert toasts(app) == ["It is bound."]
        assert (FactorKind.SMS, FactorState.ACTIVE, "") in await state(organisation, "uma")


async def test_removing_an_unverified_factor_ends_nothing(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    await organisation.perform(EnrollFactor(tenant=TENANT, user="uma", kind=FactorKind.SMS, address=NUMBER))
    other = await organisation.signed_in("uma")
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("down", "r")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "does not count: nothing else changes" in words(app)
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.screen is account and "not verified yet" not in screen_text(app))
        await settled(pilot)
        assert toasts(app) == ["The factor is removed."]
    assert len((await other.perform(ListSessions(tenant=TENANT, user="uma"))).items) > 1
    await other.close()


@pytest.mark.parametrize("way", ["anew", "cancel"])
async def test_j4_a_recovery_code_admits_to_rebind_or_cancel(
    console: OpenConsole, organisation: Organisation, way: str
) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="uma"))
    lost = (await organisation.perform(ListFactors(tenant=TENANT, user="uma"))).items[0].id
    app = await console("uma", place="account")
    backend = app._given
    assert backend is not None
    backend.credential = await by_recovery_code(organisation, "uma", made.codes[0])
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        assert "9 left, one was used: create new ones" in screen_text(app)
        if way == "cancel":
            await pilot.press("m", "right", "enter")
            await until(pilot, lambda: "none bound" in screen_text(app))
            detail = await organisation.perform(ShowUser(tenant=TENANT, user="uma"))
            assert (detail.factors, detail.recovery_left) == ((), 0)
            return
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await settled(pilot)
        organisation.seeds["uma"] = key_of(app)
        await typed(pilot, organisation.code("uma") + "\r")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert toasts(app) == ["The new one is bound; the old one no longer works."]
        items = (await organisation.perform(ListFactors(tenant=TENANT, user="uma"))).items
        assert [factor.state for factor in items] == [FactorState.ACTIVE]
        assert items[0].id != lost


async def by_recovery_code(organisation: Organisation, login: str, code: Secret[str]) -> Bearer:
    """A session that a recovery code opened, since the phone is lost."""
    backend = await organisation.open()
    password = Secret(organisation.password(login))
    answer = await backend.perform(SignIn(tenant=TENANT, login=login, password=password))
    assert answer.challenge is not None
    answer = await backend.perform(VerifySignIn(challenge=answer.challenge, factor="", code=code))
    assert answer.token is not None, answer
    await backend.close()
    return Bearer(answer.token)


async def test_a_key_that_cannot_be_scanned_is_mailed_to_the_address_on_record(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, KindDialog))
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LabelDialog))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await settled(pilot)
        organisation.seeds["uma"] = key_of(app)
        await pilot.press("m")
        await settled(pilot)
        await pilot.press("enter")
        text = await mailed(pilot, post, mails + 1)
        assert post.mailbox.mails[-1]["To"] == "uma@acme.example"
        assert base64.b32encode(organisation.seeds["uma"].reveal()).decode()[:4] in text
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await settled(pilot)
        await typed(pilot, organisation.code("uma") + "\r")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))
        await settled(pilot)
        await pilot.press("space", "enter")
        await until(pilot, lambda: app.screen is account)


async def test_d17_a_refused_key_mail_is_reported_beside_the_key(console: OpenConsole, post: Post) -> None:
    post.mailbox.at_rcpt = ["550 5.1.1 No such user"]
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, KindDialog))
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LabelDialog))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await settled(pilot)
        await pilot.press("m")
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "refuses the recipient's address (550 5.1.1). Nothing was sent." in words(app))


async def test_a_message_never_covers_a_qr_code(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await at_account(app, pilot)
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        app.notify("something that happened meanwhile, in as many words as it takes to fill lines " * 2)
        await until(pilot, lambda: "meanwhile" in screen_text(app))
        code = app.screen.query_one(QrCode).region
        assert code.width > 40
        assert not any(toast.region.overlaps(code) for toast in app.screen.query("Toast"))


async def test_the_address_on_record_is_verified_without_typing_it(
    console: OpenConsole, organisation: Organisation, post: Post
) -> None:
    await organisation.perform(EnrollFactor(tenant=TENANT, user="uma", kind=FactorKind.EMAIL))
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="uma"))
    await post.wait_idle()
    organisation.clock.forward(120)
    mails = len(post.mailbox.mails)
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("down")
        await until(pilot, lambda: account.row.startswith("factor:") and "v sends a code" in screen_text(app))
        await pilot.press("enter")  # what this row calls for first
        await until(pilot, lambda: isinstance(app.screen, BindAddressDialog))
        await settled(pilot)
        assert "uma@acme.example" in screen_text(app)
        await typed(pilot, "\r")
        text = await mailed(pilot, post, mails + 1)
        await until(pilot, lambda: "Send again" in screen_text(app))
        await settled(pilot)
        await typed(pilot, digits_in(text).reveal() + "\r")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert (FactorKind.EMAIL, FactorState.ACTIVE, "") in await state(organisation, "uma")
