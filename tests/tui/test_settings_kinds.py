"""Factor kinds with the standard's ratings, and the tenant's secret key, in the Settings place."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from secconsole.domain.errors import NotSignedIn
from secconsole.domain.model import FactorKind
from secconsole.domain.scope import Scope
from secconsole.operations.caller import Bearer
from secconsole.operations.policy import SetPolicy, ShowPolicy
from secconsole.operations.secret_keys import CreateSecretKey, ListSecretKeys, RotateSecretKey, ShowSecretKey
from secconsole.operations.users import CountUsers
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.settings.kinds import KindsDialog
from secconsole.tui.screens.settings.secret_key import (
    CreateKeyDialog,
    NewKeyDialog,
    RenewKeyDialog,
    RevokeKeyDialog,
    SecretKeyDialog,
    SecretKeysDialog,
)
from secconsole.tui.screens.settings.settings import Settings
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_settings_delivery import SIZE, on_top, ready, screen_words

ALL = (FactorKind.TOTP, FactorKind.SMS, FactorKind.EMAIL)


async def open_kinds(app: SecConsole, pilot: Pilot[int]) -> None:
    await ready(app, pilot)
    await pilot.press("k")
    await on_top(app, pilot, KindsDialog)


async def test_each_kind_is_shown_with_the_advice_of_the_standard(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await open_kinds(app, pilot)
        text = screen_words(app)
        assert "✓ totp always allowed" in text
        assert "✗ sms restricted (NIST SP 800-63B-4, 3.1.3.3 and 3.2.9)" in text
        assert "Always offer another kind as well." in text
        assert "✗ email not an authenticator (NIST SP 800-63B-4, 3.1.3.1)" in text
        assert "No user has only SMS or e-mail." in text
        assert "AAL2" not in text


async def test_a_kind_without_delivery_is_allowed_with_a_warning(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await open_kinds(app, pilot)
        assert "cannot be sent yet" not in screen_words(app)
        await pilot.press("space")
        await until(pilot, lambda: "! SMS cannot be sent yet, so users cannot bind it" in screen_words(app))
        await pilot.press("tab", "tab", "enter")
        await until(pilot, lambda: "s SMS not set up ⚠ allowed, but cannot be sent" in screen_words(app))
    policy = await organisation.perform(ShowPolicy(tenant="acme"))
    assert set(policy.kinds) == {FactorKind.TOTP, FactorKind.SMS}
    assert policy.policy == "required", "nothing else is changed"


async def test_disallowing_a_kind_says_that_factors_stay(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant="acme", kinds=ALL, recovery_view=True))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await open_kinds(app, pilot)
        await pilot.press("tab", "space", "tab", "space")
        await until(pilot, lambda: "Users can no longer bind mail themselves" in screen_words(app))
        assert "Users who have it keep signing in with it" in screen_words(app)
        assert "Recovery codes can no longer be viewed" in screen_words(app)
        await pilot.press("enter")
        await on_top(app, pilot, Settings)
    policy = await organisation.perform(ShowPolicy(tenant="acme"))
    assert (set(policy.kinds), policy.recovery_view) == ({FactorKind.TOTP, FactorKind.SMS}, False)


async def test_a_concurrent_change_of_kinds_is_not_overwritten(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await open_kinds(app, pilot)
        await organisation.perform(SetPolicy(tenant="acme", kinds=(FactorKind.TOTP, FactorKind.EMAIL)))
        await pilot.press("space", "tab", "tab", "enter")
        await until(
            pilot, lambda: "has changed the policy in the meantime" in str([n.message for n in app._notifications])
        )
        await on_top(app, pilot, Settings)
    policy = await organisation.perform(ShowPolicy(tenant="acme"))
    assert set(policy.kinds) == {FactorKind.TOTP, FactorKind.EMAIL}


@pytest.mark.parametrize(("login", "options"), [("aida", {}), ("root", {"read_only": True})])
async def test_a_user_without_permission_sees_kinds_and_key(
    console: OpenConsole, organisation: Organisation, login: str, options: dict[str, bool]
) -> None:
    await organisation.perform(RotateSecretKey(tenant="acme"))
    app = await console(login, place="settings", **options)
    async with app.run_test(size=SIZE) as pilot:
        await open_kinds(app, pilot)
        assert "Read-only." in screen_words(app)
        assert "[ ]" not in screen_words(app)
        await pilot.press("enter")
        await on_top(app, pilot, Settings)
        await pilot.press("y")
        await on_top(app, pilot, SecretKeysDialog)
        assert "Read-only." in screen_words(app)
        assert "Create a key" not in screen_words(app)
        await pilot.press("enter")
        await on_top(app, pilot, SecretKeyDialog)
        assert "Read-only." in screen_words(app)
        assert "Rotate" not in screen_words(app)


async def test_q2_a_first_secret_key_is_shown_once_and_an_extra_key_press_keeps_it(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        await pilot.press("y")
        await on_top(app, pilot, SecretKeysDialog)
        assert "There is no secret key" in screen_words(app)
        await pilot.press("enter")
        await on_top(app, pilot, CreateKeyDialog)
        assert "default" in screen_words(app)
        await pilot.press("enter", "enter", "enter", "enter")
        await on_top(app, pilot, NewKeyDialog)
        dialog = app.screen
        assert isinstance(dialog, NewKeyDialog)
        assert dialog._made is not None
        key = dialog._made.key
        assert key.reveal() in screen_words(app)
        app.app_focus = False
        await until(pilot, lambda: key.reveal() not in screen_words(app))
        app.app_focus = True
        await pilot.press("escape")
        await until(pilot, lambda: "It cannot be shown again" in screen_words(app))
        await pilot.press("space", "escape")
        await on_top(app, pilot, Settings)
        assert dialog._made is None
        assert key.reveal() not in screen_words(app)
    program = await organisation.open(Bearer(key))
    assert (await program.perform(CountUsers(tenant="acme"))).total == 8
    await program.close()


async def test_q2_rotation_says_what_must_be_updated_and_ends_the_old_key(
    console: OpenConsole, organisation: Organisation
) -> None:
    old = await organisation.perform(RotateSecretKey(tenant="acme"))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: old.id in screen_words(app))
        await settled(pilot)
        await pilot.press("y")
        await on_top(app, pilot, SecretKeysDialog)
        await pilot.press("2")
        await on_top(app, pilot, SecretKeyDialog)
        await pilot.press("right", "enter")
        await on_top(app, pilot, RenewKeyDialog)
        assert "Every program that uses it needs the new one" in screen_words(app)
        assert app.screen.query_one("Form").focused_name == "cancel"  # type: ignore[attr-defined]
        await pilot.press("up", "9", "9", "enter", "right", "enter")
        await until(pilot, lambda: "At most 72 hours." in screen_words(app))
        await pilot.press("ctrl+u", "2", "enter", "right", "enter")
        await on_top(app, pilot, NewKeyDialog)
        assert f"The old one, {old.id}, works until" in screen_words(app)
        await pilot.press("space", "escape")
        await until(pilot, lambda: "the previous one still works" in screen_text(app))
    program = await organisation.open(Bearer(old.key))
    assert (await program.perform(ShowSecretKey(tenant="acme"))).previous_id == old.id
    organisation.clock.forward(2 * 3600)
    with pytest.raises(NotSignedIn):
        await program.perform(CountUsers(tenant="acme"))
    await program.close()


async def test_a_key_of_one_program_is_revoked_and_the_others_stay(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(RotateSecretKey(tenant="acme"))
    await organisation.perform(CreateSecretKey(tenant="acme", name="vpn", scopes=(Scope.VERIFY,)))
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "2: default, vpn" in screen_text(app))
        await settled(pilot)
        await pilot.press("y")
        await on_top(app, pilot, SecretKeysDialog)
        await pilot.press("3")
        await on_top(app, pilot, SecretKeyDialog)
        assert "verify" in screen_words(app)
        await pilot.press("right", "right", "enter")
        await on_top(app, pilot, RevokeKeyDialog)
        assert app.screen.query_one("Form").focused_name == "cancel"  # type: ignore[attr-defined]
        await pilot.press("right", "enter")
        await until(pilot, lambda: "y Secret keys   default" in screen_text(app))
    assert [key.name for key in (await organisation.perform(ListSecretKeys(tenant="acme"))).items] == ["default"]
