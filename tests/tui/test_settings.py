"""Security settings: the impact first, the proof, the change, and what other consoles see of it."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from textual.pilot import Pilot

from secconsole.domain.errors import NotAllowed
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.policy import SetPolicy, ShowPolicy
from secconsole.operations.signin import SignIn, SignInAnswer, VerifySignIn
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import ListWhitelist
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.settings.form import PolicyForm
from secconsole.tui.screens.settings.settings import Settings
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until

SIZE = (80, 24)


async def ready(app: SecConsole, pilot: Pilot[int]) -> None:
    await until(pilot, lambda: "You " in screen_text(app))
    await settled(pilot)


async def type_in(pilot: Pilot[int], text: str) -> None:
    await pilot.press(*("space" if char == " " else char for char in text))


async def prove(organisation: Organisation, pilot: Pilot[int], login: str) -> None:
    """Password, code, and the key that goes from Cancel to Switch."""
    organisation.clock.next_code()
    await type_in(pilot, organisation.password(login))
    await pilot.press("tab")
    await type_in(pilot, organisation.code(login))
    await pilot.press("enter", "right", "enter")
    await settled(pilot)


async def mode_of(organisation: Organisation) -> PolicyMode:
    policy = await organisation.perform(ShowPolicy(tenant=organisation.tenant))
    assert isinstance(policy.policy, PolicyMode)
    return policy.policy


async def sign_in(organisation: Organisation, login: str) -> SignInAnswer:
    backend = await organisation.open()
    try:
        return await backend.perform(
            SignIn(tenant=organisation.tenant, login=login, password=Secret(organisation.password(login)))
        )
    finally:
        await backend.close()


async def test_z1_impact_stands_there_before_anything_changes(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        assert "(•) optional (now)" in screen_text(app)
        await pilot.press("right")
        await until(pilot, lambda: "If you switch to required now" in screen_text(app))
        text = screen_text(app)
        for words in (
            "6  bound already, nothing changes",
            "2  must bind at their next sign-in",
            "0  whitelisted, 0 of them without an end",
            "You are bound. You will not be locked out.",
            "k Factor kinds  totp ✓  sms ✗ restricted  email ✗ not an authenticator",
            "m Mail          not set up",
            "y Secret key    none",
        ):
            assert words in text, text
        assert "██" in text
        assert await mode_of(organisation) is PolicyMode.OPTIONAL


async def test_z1_switching_needs_password_and_code_and_two_steps_past_cancel(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("left", "enter")
        organisation.clock.next_code()
        await type_in(pilot, organisation.password("root"))
        await pilot.press("tab")
        await type_in(pilot, organisation.code("root"))
        await pilot.press("enter")
        await settled(pilot)
        form = app.screen.query_one(PolicyForm)
        assert form.focused_name == "cancel"
        assert "root has" not in screen_text(app)
        assert await mode_of(organisation) is PolicyMode.REQUIRED
        await pilot.press("right", "enter")
        await until(
            pilot, lambda: "Whoever has a second factor is asked" in str([n.message for n in app._notifications])
        )
        assert await mode_of(organisation) is PolicyMode.OPTIONAL
        assert not form.values["password"]
        assert form.values["code"] == ""
        await until(pilot, lambda: "MFA optional" in screen_text(app).splitlines()[0])


async def test_z1_bindings_are_kept_over_off_and_on(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("left", "left", "enter")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "(•) off (now)" in screen_text(app))
        assert (await sign_in(organisation, "uma")).status is SignInStatus.COMPLETE
        await pilot.press("right", "right", "enter", "tab")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "(•) required (now)" in screen_text(app))
        answer = await sign_in(organisation, "uma")
        assert answer.status is SignInStatus.SECOND_FACTOR
        assert answer.challenge is not None
        organisation.clock.next_code()
        code = Secret(organisation.code("uma"))
        verify = VerifySignIn(challenge=answer.challenge, factor=answer.factors[0].id, code=code)
        assert (await organisation.owner.perform(verify)).status is SignInStatus.COMPLETE, "the same phone still works"


async def test_z1_other_consoles_and_sign_ins_know_at_once(console: OpenConsole, organisation: Organisation) -> None:
    watching = await console("aida", place="settings")
    acting = await console("root", place="settings")
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(watching.run_test(size=SIZE))
        await ready(watching, other)
        pilot = await stack.enter_async_context(acting.run_test(size=SIZE))
        await ready(acting, pilot)
        await pilot.press("left", "left", "enter")
        await prove(organisation, pilot, "root")
        assert (await sign_in(organisation, "bob")).status is SignInStatus.COMPLETE
        await until(other, lambda: "MFA off" in screen_text(watching).splitlines()[0], seconds=1.5)
        await until(other, lambda: "(•) off (now)" in screen_text(watching), seconds=1.5)


@pytest.mark.parametrize("wrong", ["password", "code"])
async def test_what_was_wrong_is_said_at_its_field_with_the_time(
    console: OpenConsole, organisation: Organisation, wrong: str
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("left", "enter")
        organisation.clock.next_code()
        await type_in(pilot, "not it" if wrong == "password" else organisation.password("root"))
        await pilot.press("tab")
        await type_in(pilot, organisation.code("root") if wrong == "password" else "000000")
        await pilot.press("enter", "right", "enter")
        await until(pilot, lambda: "Not right. Server time" in screen_text(app))
        form = app.screen.query_one(PolicyForm)
        assert form.focused_name == wrong
        assert form.values["code"] == ""
        assert bool(form.values["password"]) is (wrong == "code")
        assert await mode_of(organisation) is PolicyMode.REQUIRED


async def test_a47_somebody_else_changed_it_meanwhile(console: OpenConsole, organisation: Organisation) -> None:
    """The change is refused, it is said who and what, and what is looked at is read anew."""
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("left", "enter")
        tomas = await organisation.signed_in("tomas")
        await tomas.perform(SetPolicy(tenant="acme", mode=PolicyMode.OFF))
        await tomas.close()
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "tomas changed the policy meanwhile" in str([n.message for n in app._notifications]))
        assert await mode_of(organisation) is PolicyMode.OFF
        await until(pilot, lambda: "( ) off (now)" in screen_text(app))
        assert "If you switch to optional now" in screen_text(app)
        await settled(pilot)
        await pilot.press("enter")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "(•) optional (now)" in screen_text(app))


async def test_z2_switching_on_puts_platform_administrators_on_the_whitelist(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OFF))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("right", "right")
        await until(pilot, lambda: "1 platform administrator will be put on the whitelist" in screen_text(app))
        await pilot.press("enter", "tab")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "(•) required (now)" in screen_text(app))
    entries = await organisation.perform(ListWhitelist(tenant="acme"))
    assert [entry.login for entry in entries.items] == ["root"]


async def test_administrators_who_must_bind_are_listed_in_users(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(
        CreateUser(tenant="acme", login="zoe", role=Role.TENANT_ADMIN, password=Secret("zoe has a long password"))
    )
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "1  administrator is among those who must bind" in screen_text(app))
        await pilot.press("l")
        await until(pilot, lambda: "status:unbound role:tenant-admin" in screen_text(app))
        await until(pilot, lambda: "zoe" in screen_text(app))


async def test_grace_period_alone_can_be_changed_and_has_limits(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("tab", "ctrl+u", "9", "d", "9", "9", "tab")  # no letter is shown: it may be of a password
        await prove(organisation, pilot, "root")
        assert "A number of days from 0 to 365." in screen_text(app)
        await pilot.press("ctrl+u", "7")
        await until(pilot, lambda: "must bind within 7 days" in screen_text(app))
        assert "If you give 7 days of grace:" in screen_text(app)
        assert "As it is now" not in screen_text(app)
        await pilot.press("tab", "tab", "tab", "right", "enter")
        await until(pilot, lambda: "7 days of grace" in screen_text(app))
        await settled(pilot)
        policy = await organisation.perform(ShowPolicy(tenant="acme"))
        assert (policy.policy, policy.grace_days) == (PolicyMode.REQUIRED, 7)


async def test_nothing_to_change_is_said(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("enter", "tab")
        await prove(organisation, pilot, "root")
        assert "Nothing to change" in screen_text(app)


@pytest.mark.parametrize(("login", "options"), [("aida", {}), ("hana", {}), ("root", {"read_only": True})])
async def test_who_may_not_change_sees_all_and_is_told_why(
    console: OpenConsole, organisation: Organisation, login: str, options: dict[str, bool]
) -> None:
    app = await console(login, place="settings", **options)
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        assert not app.screen.query_one(PolicyForm).display
        assert "Only to look at." in screen_text(app)
        await pilot.press("left")
        await until(pilot, lambda: "If you switch to optional now" in screen_text(app))
        await pilot.press("enter")
        await settled(pilot)
        assert app._notifications
        assert isinstance(app.screen, Settings)
    if login != "root":
        backend = await organisation.signed_in(login)
        with pytest.raises(NotAllowed):
            await backend.perform(SetPolicy(tenant="acme", mode=PolicyMode.OFF))
        await backend.close()
