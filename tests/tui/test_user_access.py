"""A user's sign-ins and tokens, listed and revoked in the Users place, and requiring a factor."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.domain.errors import NotSignedIn
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.factors import EnrollFactor, ListFactors
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.sessions import ListSessions
from secconsole.operations.signin import SignIn, WhoAmI
from secconsole.operations.tokens import CreateToken, ListTokens
from secconsole.operations.unbinding import Unbind
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.users.access import AccessScreen
from secconsole.tui.screens.users.access_dialogs import EndSessionsDialog, RemoveDialog, RenameDialog
from secconsole.tui.screens.users.require import RequireDialog
from secconsole.tui.screens.users.users import Users
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_unbind import show, toasts
from tests.tui.test_users import on, opened, pane_text


async def access_of(app: SecConsole, pilot: Pilot[Any], who: str) -> AccessScreen:
    await on(pilot, await opened(app, pilot), who)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, AccessScreen))
    await settled(pilot)
    assert isinstance(app.screen, AccessScreen)
    return app.screen


async def to(pilot: Pilot[Any], screen: AccessScreen, words: str) -> None:
    """Put the cursor on the row that begins so."""
    for at in range(screen.table.count):
        screen.table.move_to(at)
        await pilot.pause()
        row = screen.table.cursor_row
        if row is not None and str(row.cells[0]).startswith(words):
            return
    raise AssertionError(f"no row begins with {words}\n{screen_text(pilot.app)}")


async def with_everything(organisation: Organisation) -> None:
    """Uma has a phone, recovery codes, a number not verified yet, a session, and a token."""
    backend = await organisation.signed_in("uma")
    await backend.perform(CreateToken(name="nightly report", days=30))
    await backend.close()
    await organisation.perform(CreateRecoveryCodes(tenant="acme", user="uma"))
    await organisation.perform(
        EnrollFactor(tenant="acme", user="uma", kind=FactorKind.SMS, address="+15005550009", label="work")
    )


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_all_access_of_a_user_is_in_one_list(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    await with_everything(organisation)
    app = await console("tomas", place="users")
    async with app.run_test(size=size) as pilot:
        await access_of(app, pilot, "uma")
        text = screen_text(app)
        for words in (
            "Recovery codes  10 left",
            "authenticator app",
            "● active",
            "SMS to ••• 009",
            '"work"',
            "not verified",
            "session (console)",
            'token "nightly report"',
            "29 days left",
        ):
            assert words in text, words
        assert "5005550009" not in text


async def test_a_session_is_ended_a_token_revoked_and_a_factor_removed(
    console: OpenConsole, organisation: Organisation
) -> None:
    await with_everything(organisation)
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await access_of(app, pilot, "uma")
        await to(pilot, screen, "token")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RemoveDialog))
        assert "Programs that use it are refused at once." in screen_text(app)
        await pilot.press("enter")  # Cancel has the focus
        await until(pilot, lambda: app.screen is screen)
        assert len((await organisation.perform(ListTokens(tenant="acme", user="uma"))).items) == 1
        await pilot.press("r", "right", "enter")
        await until(pilot, lambda: 'Token "nightly report": revoked.' in toasts(app) and screen.table.count == 3)
        assert (await organisation.perform(ListTokens(tenant="acme", user="uma"))).items == ()
        await to(pilot, screen, "session")
        await pilot.press("r", "right", "enter")
        await until(pilot, lambda: "Session (console): ended." in toasts(app) and screen.table.count == 2)
        assert (await organisation.perform(ListSessions(tenant="acme", user="uma"))).items == ()
        await to(pilot, screen, "SMS")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RemoveDialog))
        assert "It was never verified, so nothing else ends." in screen_text(app)
        await pilot.press("right", "enter")
        await until(pilot, lambda: screen.table.count == 1)
        await to(pilot, screen, "authenticator")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RemoveDialog))
        assert "It is the last one: 10 recovery codes become invalid with it." in " ".join(screen_text(app).split())
        await pilot.press("right", "enter")
        await until(pilot, lambda: screen.table.count == 0)
        detail = await show(organisation, "uma")
        assert (detail.user.status, detail.recovery_left) == (BindingStatus.UNBOUND, 0)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Users))


async def test_only_a_factor_can_be_renamed(console: OpenConsole, organisation: Organisation) -> None:
    await with_everything(organisation)
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await access_of(app, pilot, "uma")
        await to(pilot, screen, "authenticator")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog))
        await pilot.press(*"Pixel 8", "enter", "enter")
        await until(pilot, lambda: app.screen is screen and 'authenticator app "Pixel 8"' in screen_text(app))
        factors = (await organisation.perform(ListFactors(tenant="acme", user="uma"))).items
        assert [f.label for f in factors] == ["Pixel 8", "work"]
        await to(pilot, screen, "session")
        await pilot.press("n")
        await until(pilot, lambda: "Only factors can be renamed." in toasts(app))


async def test_all_sessions_and_tokens_end_with_one_key(console: OpenConsole, organisation: Organisation) -> None:
    await with_everything(organisation)
    uma = await organisation.signed_in("uma")
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await access_of(app, pilot, "uma")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, EndSessionsDialog))
        assert "2 sessions and 1 token end now." in screen_text(app)
        await pilot.press("right", "enter")
        await until(pilot, lambda: screen.table.count == 2)
        with pytest.raises(NotSignedIn):
            await uma.perform(WhoAmI())
        await pilot.press("a")
        await until(pilot, lambda: "uma has no open sessions." in toasts(app))
    await uma.close()


async def test_the_list_follows_changes_of_other_consoles(console: OpenConsole, organisation: Organisation) -> None:
    await with_everything(organisation)
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await access_of(app, pilot, "uma")
        assert screen.table.count == 4
        await organisation.perform(Unbind(tenant="acme", users=("uma",), reason="lost phone"))
        await until(pilot, lambda: screen.table.count == 0 and "unbound" in screen_text(app))


@pytest.mark.parametrize(
    ("who", "whose", "row", "why"),
    [
        ("hana", "uma", "authenticator", "Your role, helpdesk, may do this for your own account only. Those who may:"),
        ("hana", "uma", "session", "Your role, helpdesk, may do this for your own account only."),
        ("tomas", "root", "authenticator", "A tenant-admin may not act on a platform-admin, and root is one."),
    ],
)
async def test_missing_permission_is_explained(
    console: OpenConsole, organisation: Organisation, who: str, whose: str, row: str, why: str
) -> None:
    backend = await organisation.signed_in(whose)
    app = await console(who, place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = await access_of(app, pilot, whose)
        await to(pilot, screen, row)
        await until(pilot, lambda: "(r Remove)" in screen_text(app))
        await pilot.press("r")
        await until(pilot, lambda: why in toasts(app))
        assert app.screen is screen
    await backend.close()


async def test_requiring_a_factor_explains_itself_and_is_listed(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL))
    app = await console("tomas", place="users")
    async with app.run_test(size=(120, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "nina")
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, RequireDialog))
        assert "The next sign-in asks to bind a factor. To add a number" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "A second factor is required of nina." in toasts(app))
        await until(pilot, lambda: place.person is not None and place.person.mfa_required)
        await until(pilot, lambda: "required of this user, unless the policy is off" in pane_text(app))
        answer = await organisation.perform(
            SignIn(tenant="acme", login="nina", password=Secret(organisation.password("nina")))
        )
        assert answer.status == "enroll"
        await organisation.perform(
            EnrollFactor(tenant="acme", user="nina", kind=FactorKind.SMS, address="+15005550009")
        )
        await until(pilot, lambda: place.person is not None and place.person.status is BindingStatus.PENDING)
        await until(pilot, lambda: re.search("nina +Nina Berg +◐ pending required +sms", screen_text(app)))
        answer = await organisation.perform(
            SignIn(tenant="acme", login="nina", password=Secret(organisation.password("nina")))
        )
        assert answer.status == "second-factor"
        await pilot.press("m", "enter")
        await until(pilot, lambda: "no longer required of nina" in toasts(app))
        assert not (await show(organisation, "nina")).mfa_required


async def test_marked_users_are_required_together_and_refused_ones_named(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        ids = {login: (await show(organisation, login)).user.id for login in ("nina", "newton", "root")}
        place.table.set_marks(frozenset(ids.values()))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, RequireDialog))
        assert "3 users" in screen_text(app)
        await pilot.press("enter")
        await until(
            pilot, lambda: "required of 2 users. 1 user not: root: A tenant-admin may not act on" in toasts(app)
        )
        assert [(await show(organisation, login)).mfa_required for login in ids] == [True, True, False]
        await pilot.press("m", "right", "enter")
        await until(pilot, lambda: "no longer required of 2 users." in toasts(app))
        assert not any([(await show(organisation, login)).mfa_required for login in ids])
