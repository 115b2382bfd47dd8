"""Security settings: the impact first, the step-up, the change, and its display in other consoles."""

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
from secconsole.operations.user_changes import DisableUser
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.operations.whitelist import AddToWhitelist, ListWhitelist
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.screens.settings.form import PolicyForm
from secconsole.tui.screens.settings.reminders import RemindersDialog
from secconsole.tui.screens.settings.settings import Settings
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_sign_in import code_of, shown_key

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


async def test_z1_impact_is_shown_before_the_change(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        assert "(•) optional (now)" in screen_text(app)
        await pilot.press("right")
        await until(pilot, lambda: "If you switch to required now, of 8 users:" in screen_text(app))
        text = screen_text(app)
        for words in (
            "6  already bound, no change",
            "2  must bind at their next sign-in",
            "0  of these whitelisted, 0 with no end date",
            "You are bound. You will not be locked out.",
            "k Factor kinds  totp ✓  sms ✗ restricted  email ✗ not an authenticator",
            "m Mail          not set up",
            "y Secret keys   none",
        ):
            assert words in text, text
        assert "██" in text
        assert await mode_of(organisation) is PolicyMode.OPTIONAL


async def test_z1_switching_requires_step_up_and_two_confirmations(
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
        assert form.focused_name == "switch"
        assert "root has" not in screen_text(app)
        assert await mode_of(organisation) is PolicyMode.REQUIRED
        await pilot.press("right", "enter")
        await until(
            pilot,
            lambda: "Users who have a second factor are now asked" in str([n.message for n in app._notifications]),
        )
        assert await mode_of(organisation) is PolicyMode.OPTIONAL
        assert not form.values["password"]
        assert form.values["code"] == ""
        await until(pilot, lambda: "MFA optional" in screen_text(app).splitlines()[0])


async def test_z1_bindings_are_kept_through_off_and_on(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("left", "left", "enter")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "(•) off (now)" in screen_text(app))
        assert (await sign_in(organisation, "uma")).status is SignInStatus.COMPLETE
        await pilot.press("right", "right", "enter", "tab")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "[x] 1 password-only session" in screen_text(app))
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: "(•) required (now)" in screen_text(app))
        answer = await sign_in(organisation, "uma")
        assert answer.status is SignInStatus.SECOND_FACTOR
        assert answer.challenge is not None
        organisation.clock.next_code()
        code = Secret(organisation.code("uma"))
        verify = VerifySignIn(challenge=answer.challenge, factor=answer.factors[0].id, code=code)
        assert (await organisation.owner.perform(verify)).status is SignInStatus.COMPLETE, "the same phone still works"


async def test_z1_other_consoles_and_sign_ins_follow_at_once(console: OpenConsole, organisation: Organisation) -> None:
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
        await until(other, lambda: "MFA off" in screen_text(watching).splitlines()[0])
        await until(other, lambda: "(•) off (now)" in screen_text(watching))


@pytest.mark.parametrize("wrong", ["password", "code"])
async def test_a_wrong_code_is_reported_at_its_field_with_the_time(
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
        await until(pilot, lambda: "That was not right. Server time" in screen_text(app))
        form = app.screen.query_one(PolicyForm)
        assert form.focused_name == wrong
        assert form.values["code"] == ""
        assert bool(form.values["password"]) is (wrong == "code")
        assert await mode_of(organisation) is PolicyMode.REQUIRED


async def test_a47_a_concurrent_change_is_reported(console: OpenConsole, organisation: Organisation) -> None:
    """The change is refused with the reason, and what is shown is read again."""
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("left", "enter")
        tomas = await organisation.signed_in("tomas")
        await tomas.perform(SetPolicy(tenant="acme", mode=PolicyMode.OFF))
        await tomas.close()
        await prove(organisation, pilot, "root")
        await until(
            pilot,
            lambda: "tomas has changed the policy in the meantime" in str([n.message for n in app._notifications]),
        )
        assert await mode_of(organisation) is PolicyMode.OFF
        await until(pilot, lambda: "( ) off (now)" in screen_text(app))
        assert "If you switch to optional now" in screen_text(app)
        await settled(pilot)
        await pilot.press("enter")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "(•) optional (now)" in screen_text(app))


async def test_z2_switching_on_whitelists_platform_administrators(
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
        await pilot.press("L")
        await until(pilot, lambda: "status:unbound role:tenant-admin" in screen_text(app))
        await until(pilot, lambda: "zoe" in screen_text(app))


async def test_all_who_must_bind_are_listed_in_users(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="on leave"))
    await organisation.perform(CreateUser(tenant="acme", login="gone"))
    await organisation.perform(DisableUser(tenant="acme", user="gone"))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "1  must bind at their next sign-in" in screen_text(app))
        await settled(pilot)
        await pilot.press("l")
        await until(pilot, lambda: "-status:bound -is:whitelisted -is:disabled" in screen_text(app))
        await until(pilot, lambda: "newton" in screen_text(app) and "1 of 9 users" in screen_text(app))


async def test_grace_period_alone_can_be_changed_and_has_limits(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("tab", "9", "d", "9", "9", "tab")  # no letter is shown: it may be of a password
        await prove(organisation, pilot, "root")
        assert "Enter a number of days from 0 to 365." in screen_text(app)
        await pilot.press("ctrl+u", "7")
        await until(pilot, lambda: "must bind by 22 Jan 2027" in screen_text(app))
        assert "With 7 days of grace, of 8 users:" in screen_text(app)
        assert "Currently" not in screen_text(app)
        await pilot.press("tab", "tab", "tab", "right", "enter")
        await until(pilot, lambda: "The grace period is 7 days now." in str([n.message for n in app._notifications]))
        await settled(pilot)
        policy = await organisation.perform(ShowPolicy(tenant="acme"))
        assert (policy.policy, policy.grace_days) == (PolicyMode.REQUIRED, 7)


async def test_counts_add_up_with_the_whitelist(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL, whitelist_admins=False))
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina", "uma"), reason="on leave"))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        assert "2  may bind, but need not" in screen_text(app)
        await pilot.press("right")
        await until(pilot, lambda: "If you switch to required now, of 8 users:" in screen_text(app))
        for words in (
            "6  already bound, no change",
            "1  must bind at their next sign-in",
            "1  whitelisted, no factor: need not",
            "2  of these whitelisted, 2 with no end date",
        ):
            assert words in screen_text(app)


async def test_z1_one_key_switches_off_and_on_where_nothing_can_go_wrong(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("o")
        await until(pilot, lambda: "(•) off (now)" in screen_text(app))
        assert await mode_of(organisation) is PolicyMode.OFF
        await settled(pilot)
        await pilot.press("o")
        await until(pilot, lambda: "(•) optional (now)" in screen_text(app))
        assert await mode_of(organisation) is PolicyMode.OPTIONAL


async def test_one_key_does_not_end_a_requirement(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("o")
        await until(pilot, lambda: "If you switch to off now" in screen_text(app))
        await settled(pilot)
        assert await mode_of(organisation) is PolicyMode.REQUIRED


async def test_q1_an_unbound_administrator_binds_before_requiring(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    password = Secret("zoe has a long password")
    await organisation.perform(CreateUser(tenant="acme", login="zoe", role=Role.TENANT_ADMIN, password=password))
    app = await console("zoe", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("right")
        await until(pilot, lambda: "your phone is bound first" in screen_text(app))
        await pilot.press("enter", "tab")
        await type_in(pilot, password.reveal())
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await settled(pilot)
        await pilot.press(*code_of(shown_key(app), organisation), "enter")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))
        await settled(pilot)
        app.screen.dismiss(True)
        await until(pilot, lambda: "Require a second factor of all users now?" in screen_text(app))
        assert await mode_of(organisation) is PolicyMode.OPTIONAL
        organisation.clock.next_code()
        await pilot.press("right", "enter")  # Enter has opened it, and confirms nothing
        await until(pilot, lambda: "(•) required (now)" in screen_text(app))
        assert await mode_of(organisation) is PolicyMode.REQUIRED
        assert "code" in app.screen.query_one(PolicyForm).values


async def test_saving_without_a_change_says_so(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("enter", "tab")
        await prove(organisation, pilot, "root")
        assert "Nothing to change" in screen_text(app)


@pytest.mark.parametrize(("login", "options"), [("aida", {}), ("hana", {}), ("root", {"read_only": True})])
async def test_a_user_without_permission_sees_settings_and_the_reason(
    console: OpenConsole, organisation: Organisation, login: str, options: dict[str, bool]
) -> None:
    app = await console(login, place="settings", **options)
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        assert not app.screen.query_one(PolicyForm).display
        assert "Read-only." in screen_text(app)
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


async def test_ending_password_sessions_is_offered(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    await organisation.perform(CreateUser(tenant="acme", login="nora", password=Secret(organisation.password("root"))))
    backend = await organisation.open()
    signed_in = await backend.perform(
        SignIn(tenant="acme", login="nora", password=Secret(organisation.password("root")))
    )
    await backend.close()
    assert signed_in.status is SignInStatus.COMPLETE
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("right")
        await until(pilot, lambda: "1 session was opened with a password only and will end" in screen_text(app))
        await pilot.press("enter", "tab")
        await prove(organisation, pilot, "root")
        await until(pilot, lambda: "[x] 1 password-only session" in screen_text(app))
        assert await mode_of(organisation) is PolicyMode.OPTIONAL
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: "(•) required (now)" in screen_text(app))
    detail = await organisation.perform(ShowUser(tenant="acme", user="nora"))
    assert detail.sessions == 0


async def test_reminders_are_switched_on_with_the_number_of_mails_in_sight(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant="acme", grace_days=14))
    app = await console("tomas", place="settings")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settled(pilot)
        await until(pilot, lambda: "e Reminders     off" in screen_text(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, RemindersDialog))
        assert "With 14 days of grace: at most 8 mails, to 2 users." in screen_text(app)
        await pilot.press("right", "tab", "right", "enter")
        await until(pilot, lambda: not isinstance(app.screen, RemindersDialog))
        await until(pilot, lambda: "by mail on day 1, 4, 8, 14 of 14" in screen_text(app))
        mails = "Reminders: at most 8 mails, 4 to each user without a factor."
        await until(pilot, lambda: mails in screen_text(app))
    assert (await organisation.perform(ShowPolicy(tenant="acme"))).reminders


async def test_an_auditor_sees_if_users_are_reminded_and_changes_nothing(console: OpenConsole) -> None:
    app = await console("aida", place="settings")
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, RemindersDialog))
        assert "There is no grace period now" in screen_text(app)
        assert "[ Close ]" in screen_text(app)


@pytest.mark.parametrize(
    ("key", "title"), [("e", "─ Reminders ─"), ("u", "─ Helpdesk ─"), ("k", "─ Factor kinds ─"), ("o", "Look first at")]
)
async def test_a_key_that_comes_before_the_policy_is_shown_is_not_lost(
    console: OpenConsole, monkeypatch: pytest.MonkeyPatch, key: str, title: str
) -> None:
    monkeypatch.setattr(Settings, "_read", lambda self: None)
    app = await console("root", place="settings")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await until(pilot, lambda: title in screen_text(app) + str([note.message for note in app._notifications]))
