"""My account: its content, and the effect of its keys on the row under the cursor."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.model import FactorKind, FactorState, PolicyMode
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer
from secconsole.operations.factors import ListFactors
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.sessions import EndSession, ListSessions
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tokens import ListTokens, TokenRow
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.users import FactorRow, ShowUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.account.dialogs import LabelDialog, NewTokenDialog, PasswordDialog, RenameDialog
from secconsole.tui.screens.account.new_token import TokenDialog
from secconsole.tui.screens.account.rows import Own, codes_words, panels
from secconsole.tui.screens.account.text import about
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.factors.binding import BindingScreen
from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog
from secconsole.tui.screens.step_up import StepUpDialog
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.keyboard import typed, words
from tests.tui.test_frame import at_account, toasts

SIZE = (80, 24)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "person"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


async def factors_of(organisation: Organisation, login: str) -> tuple[FactorRow, ...]:
    items: tuple[FactorRow, ...] = (await organisation.perform(ListFactors(tenant=TENANT, user=login))).items
    return items


async def walk_to(pilot: Pilot[Any], account: Account, row: str) -> None:
    """Go down to a row as a person does, from the top."""
    await pilot.press("g")
    for _ in range(60):
        await settled(pilot)
        if account.row.startswith(row):
            await until(pilot, lambda: account.row.startswith(row))
            return
        await pilot.press("down")
    raise AssertionError(f"no row {row}\n{screen_text(pilot.app)}")


def key_of(app: SecConsole) -> Secret[bytes]:
    """The key that the binding screen shows as text."""
    key = "".join(re.findall(r"^.*  ((?:[A-Z2-7]{4} ){3}[A-Z2-7]{4})$", screen_text(app), re.M)).replace(" ", "")
    return Secret(base64.b32decode(key))


async def prove(pilot: Pilot[Any], organisation: Organisation, login: str, *, password: bool = False) -> None:
    """Answer the question for the factor, or for the password too."""
    await until(pilot, lambda: isinstance(pilot.app.screen, StepUpDialog))
    await settled(pilot)
    first = f"{organisation.password(login)}\t" if password else ""
    await typed(pilot, f"{first}{organisation.code(login)}\r")


# ---- what is shown ---------------------------------------------------------------------------------------------------


async def test_everything_of_the_account_is_visible(console: OpenConsole, organisation: Organisation) -> None:
    other = await organisation.signed_in("uma")
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        text = screen_text(app)
        assert "Uma Iyer   uma   user in acme" in text
        assert "asked for your factor at every sign-in" in text
        assert re.search(r"● authenticator app +added [0-9]+ min ago +used [0-9]+ min ago", text)
        assert "⚠ Recovery codes  none: without your phone you could not sign in" in text
        assert "Contact e-mail  uma@acme.example" in text
        assert re.search(r"\* console on this machine +since \w.* +this one", text)
        assert re.search(r"  console on this machine +since \w+.* +seen ", text)
        assert account.row.startswith("factor:")
        await pilot.press("G")
        await until(pilot, lambda: re.search(r"Tokens *▁*\n.* none +T creates one", screen_text(app)))
    await other.close()


async def test_a_key_acts_on_its_row_and_elsewhere_names_the_row(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=(200, 24)) as pilot:  # with room for keys that cannot act now
        account = await at_account(app, pilot)
        assert "n Rename" in screen_text(app).splitlines()[-1]
        await walk_to(pilot, account, "session:")
        await until(pilot, lambda: "Rename" not in screen_text(app).splitlines()[-1])
        assert "(x End)" in screen_text(app).splitlines()[-1]
        for key, why in (
            ("n", "Go to one of your factors first."),
            ("x", "This is your current session: press o to sign out."),
            ("X", "You have no other session."),
            ("d", "You have no tokens."),
            ("s", "acme shows recovery codes only once. Press c to create new ones."),
            ("m", "You need a factor: the policy of acme requires one of all users."),
            ("w", "You are not on the whitelist, so you are asked for your factor anyway."),
        ):
            await pilot.press(key)
            await settled(pilot)
            assert toasts(app) == [why]


async def test_the_cursor_stays_where_it_was_while_things_change(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        other = await organisation.signed_in("uma")
        await until(pilot, lambda: account._own is not None and len(account._own.sessions) == 2)
        await walk_to(pilot, account, "session:")
        await pilot.press("down")
        await settled(pilot)
        row = account.row
        third = await organisation.signed_in("uma")
        await until(pilot, lambda: account._own is not None and len(account._own.sessions) == 3)
        assert account.row == row
        await settled(pilot)
        await pilot.press("x")  # is not this one, for newest is first
        await settled(pilot)
        assert app.screen is not account or "your current session" in toasts(app)[0].lower()
    await other.close()
    await third.close()


async def test_the_cursor_moves_beside_a_removed_row(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        other = await organisation.signed_in("uma")
        await until(pilot, lambda: account._own is not None and len(account._own.sessions) == 2)
        await walk_to(pilot, account, "session:")
        own = account._own
        assert own is not None
        gone = next(s for s in own.sessions if not s.current)
        account.board.go_to(f"session:{gone.id}")
        await settled(pilot)
        await organisation.perform(EndSession(tenant=TENANT, user="uma", session=gone.id))
        await until(pilot, lambda: account._own is not None and len(account._own.sessions) == 1)
        assert account.row.startswith(("session:", "tokens"))
    await other.close()


def with_everything(organisation: Organisation, own: Own) -> Own:
    """Return the account with one of everything that it can have."""
    now, factor, session = organisation.clock.at(), own.detail.factors[0], own.sessions[0]
    old = now - timedelta(days=300)
    factors = (
        factor,
        replace(factor, id="1", state=FactorState.PENDING, bound=None),
        replace(factor, id="2", state=FactorState.PENDING, kind=FactorKind.SMS, masked="••• 009"),
        replace(factor, id="3", kind=FactorKind.EMAIL, masked="u•••@acme.example", exhausted=True, label="x" * 100),
        replace(factor, id="4", kind=FactorKind.EMAIL, masked="u•••@home.example", last_used=old, bound=old),
    )
    sessions = (
        session,
        replace(
            session,
            id="5",
            current=False,
            address="2001:db8:85a3:8d3:1319:8a2e:370:7348",
            channel="api",
            created=now - timedelta(hours=30),
            expires=now + timedelta(days=1),
        ),
    )
    token = TokenRow("01ARZ3NDEKTSV4RRFFQ69G5FAV", "n" * 100, tuple(Scope), "uma", "", old, now, old)
    return replace(own, detail=replace(own.detail, factors=factors), sessions=sessions, tokens=(token,))


async def test_every_line_about_a_row_fits_eighty_columns(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        assert account._own is not None
        now = organisation.clock.at()
        own = with_everything(organisation, account._own)
        rows = [cell.target for panel in panels(own, now, utf8=True) for cell in panel.cells]
        for row in [*rows, "factors", "tokens"]:
            name, *others = about(row, own, now).plain.splitlines()
            assert name
            assert len(others) == 2, row
            assert max(len(line) for line in others) <= 76, others


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("width", [54, 74, 118])
async def test_every_row_is_identifiable_in_any_width_and_alphabet(
    console: OpenConsole, organisation: Organisation, width: int, utf8: bool
) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        assert account._own is not None
        own = with_everything(organisation, account._own)
        for panel in panels(own, organisation.clock.at(), utf8=utf8):
            for cell in panel.cells:
                text = cell.content(width).plain
                if ":" in cell.target:  # of the others a board cuts what is too long
                    assert len(text) <= width
                if cell.target.startswith("factor:"):
                    state = r"not verified yet|takes no more codes|added "
                    assert re.search(state, text)
                    assert utf8 or text[0] in "*~!"


async def test_the_cursor_is_visible_without_colour(console: OpenConsole) -> None:
    app = await console("uma", place="account", theme="ansi-dark")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        (first, *_), (second, *_) = (account.board.render_line(line) for line in (1, 2))
        assert first.text.startswith("▌")
        assert first.style is not None
        assert first.style.reverse
        assert second.style is None or not second.style.reverse


# ---- factors ---------------------------------------------------------------------------------------------------------


async def test_another_phone_takes_over_once_it_is_confirmed(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        account = await at_account(app, pilot)
        old = (await factors_of(organisation, "hana"))[0].id
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, LabelDialog))
        await settled(pilot)
        assert "The current app works until the new one is confirmed" in words(app)
        await typed(pilot, "Pixel 9\r")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen) and "Bind another phone" in screen_text(app))
        assert [f.id for f in await factors_of(organisation, "hana") if f.state is FactorState.ACTIVE] == [old]
        code = code_for_step(key_of(app), time_step(organisation.clock.now))
        await pilot.press(*code, "enter")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))  # there were none so far
        (factor,) = await factors_of(organisation, "hana")
        assert factor.id != old
        assert factor.label == "Pixel 9"
        await settled(pilot)
        await pilot.press("space", "enter")
        await until(pilot, lambda: app.screen is account)
        await until(pilot, lambda: "10 left" in screen_text(app))


async def test_cancelling_the_new_key_keeps_the_old_one(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        old = (await factors_of(organisation, "hana"))[0].id
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        await until(pilot, lambda: "not verified yet" in screen_text(app))
        active = [f.id for f in await factors_of(organisation, "hana") if f.state is FactorState.ACTIVE]
        assert active == [old]
        await walk_to(pilot, account, "factor:")
        await pilot.press("down")
        await until(pilot, lambda: "v creates another one" in screen_text(app))
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, BindingScreen))


async def test_a_factor_is_renamed(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog))
        await settled(pilot)
        await typed(pilot, "my [b]old[/b] phone\r")
        await until(pilot, lambda: app.screen is account)
        await until(pilot, lambda: 'authenticator app "my [b]old[/b]' in screen_text(app))
        assert (await factors_of(organisation, "uma"))[0].label == "my [b]old[/b] phone"


async def test_a_factor_is_removed_where_none_is_required(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("r", "enter")  # Cancel has the focus
        await settled(pilot)
        assert len(await factors_of(organisation, "hana")) == 1
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await settled(pilot)
        await until(pilot, lambda: "your password alone is then enough" in words(app))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "none bound" in screen_text(app))
        assert await factors_of(organisation, "hana") == ()
        await settled(pilot)
        assert account.row == "factors"


async def test_the_last_factor_cannot_be_removed_while_required(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    await organisation.perform(RequireMfa(tenant=TENANT, user="uma"))
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        await pilot.press("r")
        await settled(pilot)
        assert "an administrator requires one of you" in toasts(app)[0]
        await pilot.press("m")
        await settled(pilot)
        assert "an administrator requires one of you" in toasts(app)[0]


async def test_w4_j4_mfa_is_cancelled_while_it_is_on_after_saying_what_ends(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    other = await organisation.signed_in("uma")
    app = await console("uma", place="account")
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="uma"))
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        organisation.clock.next_code()  # proved a moment ago, and asked for again all the same
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await settled(pilot)
        for ends in ("authenticator app stops working", "10 recovery codes", "1 other session ends", "password alone"):
            assert ends in words(app)
        await pilot.press("enter")  # Cancel has the focus
        await until(pilot, lambda: app.screen is account)
        assert len(await factors_of(organisation, "uma")) == 1
        await settled(pilot)
        await pilot.press("m", "right", "enter")
        await prove(pilot, organisation, "uma", password=True)
        await until(pilot, lambda: "none bound" in screen_text(app))
        me = await organisation.perform(ShowUser(tenant=TENANT, user="uma"))
        assert (me.factors, me.recovery_left, me.sessions) == ((), 0, 1)
        await settled(pilot)
        await pilot.press("m")
        await settled(pilot)
        assert toasts(app) == ["No factor is bound, so there is nothing to cancel."]
    await other.close()


async def test_a_whitelisted_user_may_keep_using_the_factor(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("hana",), reason="night shift"))
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        assert "night shift" in words(app)
        await pilot.press("w")
        await prove(pilot, organisation, "hana")  # signed in by password alone
        await until(pilot, lambda: "but chose to be asked for your factor" in words(app))


# ---- recovery codes --------------------------------------------------------------------------------------------------


async def test_j3_new_codes_say_how_many_old_ones_become_invalid(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="uma"))
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "10 recovery codes are left" in words(app)
        await settled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))
        await settled(pilot)
        await pilot.press("space", "enter")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert toasts(app) == ["You have ten recovery codes. 10 older ones stopped working."]
        assert account.row == "codes"


async def test_j3_codes_are_viewed_only_while_allowed_and_after_step_up(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, recovery_view=True))
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="uma"))
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        organisation.clock.forward(600)
        await pilot.press("s")
        await prove(pilot, organisation, "uma")
        await until(pilot, lambda: isinstance(app.screen, RecoveryCodesDialog))
        await settled(pilot)
        assert all(code.reveal() in screen_text(app) for code in made.codes)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is account)
        await organisation.perform(SetPolicy(tenant=TENANT, recovery_view=False))
        await until(pilot, lambda: account._own is not None and not account._own.rules.recovery_view)
        await settled(pilot)
        await pilot.press("s")
        await settled(pilot)
        assert "only once" in toasts(app)[0]


@pytest.mark.parametrize(("left", "words_"), [(0, "none: without your phone"), (2, "only 2 left"), (7, "one was used")])
async def test_few_remaining_codes_are_warned_about(
    console: OpenConsole, organisation: Organisation, left: int, words_: str
) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        assert account._own is not None
        own = replace(account._own, me=replace(account._own.me, recovery_left=left, renew_recovery=left > 0))
        text, warns = codes_words(own)
        assert warns
        assert words_ in text


# ---- contact, password -----------------------------------------------------------------------------------------------


async def test_the_contact_address_is_set(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("a")
        await settled(pilot)
        await pilot.press("ctrl+u")
        await typed(pilot, "no address\r")
        await until(pilot, lambda: "mistyped" in words(app) or "address" in words(app))
        await settled(pilot)
        await pilot.press("ctrl+u")
        await typed(pilot, "uma@home.example\r")
        await until(pilot, lambda: app.screen is account)
        await until(pilot, lambda: "Contact e-mail  uma@home.example" in screen_text(app))
        assert (await organisation.perform(ShowUser(tenant=TENANT, user="uma"))).user.email == "uma@home.example"


async def test_enter_runs_the_first_action_of_the_row(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        for row, dialog in (("factor:", RenameDialog), ("password", PasswordDialog), ("tokens", NewTokenDialog)):
            await walk_to(pilot, account, row)
            await pilot.press("enter")
            await until(pilot, partial(lambda kind: isinstance(app.screen, kind), dialog))
            await settled(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is account)
            await settled(pilot)


# ---- sessions --------------------------------------------------------------------------------------------------------


async def test_an_unknown_session_is_ended(console: OpenConsole, organisation: Organisation) -> None:
    other = await organisation.signed_in("uma")
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        assert account._own is not None
        theirs = next(session for session in account._own.sessions if not session.current)
        account.board.go_to(f"session:{theirs.id}")
        await settled(pilot)
        await until(pilot, lambda: "Not yours?" in screen_text(app))
        await pilot.press("x", "enter")  # Cancel has the focus
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert len((await organisation.perform(ListSessions(tenant=TENANT, user="uma"))).items) == 2
        await pilot.press("x", "right", "enter")
        await until(pilot, lambda: account._own is not None and len(account._own.sessions) == 1)
        items = (await organisation.perform(ListSessions(tenant=TENANT, user="uma"))).items
        assert [session.id for session in items] != [theirs.id]
        await settled(pilot)
        assert app.signed_in
    await other.close()


async def test_all_other_sessions_are_ended(console: OpenConsole, organisation: Organisation) -> None:
    others = [await organisation.signed_in("uma") for _ in range(2)]
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "2 other sessions end" in words(app)
        await settled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: account._own is not None and len(account._own.sessions) == 1)
        await settled(pilot)
        assert toasts(app) == ["2 sessions ended; this one stays."]
    for other in others:
        await other.close()


# ---- tokens ----------------------------------------------------------------------------------------------------------


async def test_j6_a_token_is_created_shown_once_and_saved(
    console: OpenConsole, organisation: Organisation, own_home: Path
) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        account = await at_account(app, pilot)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, NewTokenDialog))
        await settled(pilot)
        await pilot.press(*"backup", "tab", "tab", "space", "tab", "ctrl+u", *"soon", "enter")
        await settled(pilot)
        assert "Enter a number of days" in words(app)
        await pilot.press("ctrl+u", *"7", "enter")
        await until(pilot, lambda: isinstance(app.screen, TokenDialog))
        await settled(pilot)
        dialog = app.screen
        assert isinstance(dialog, TokenDialog)
        token = dialog.to_copy()
        assert token.reveal() in screen_text(app)
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is dialog
        assert "then tick this with space" in words(app)
        await pilot.press("tab", "enter")
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Only you can read it" in words(app))
        path = own_home / "secconsole-backup.token"
        assert path.read_text().strip() == token.reveal()
        assert path.stat().st_mode & 0o777 == 0o600
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        (row,) = (await organisation.perform(ListTokens(tenant=TENANT, user="hana"))).items
        assert row.scopes == (Scope.READ, Scope.VERIFY)
        assert account.row == f"token:{row.id}"
        assert re.search(r"backup +read verify +\d day", screen_text(app))
        program = await organisation.open(Bearer(token))
        assert (await program.perform(WhoAmI())).login == "hana"
        await program.close()
        await pilot.press("d", "enter")  # Cancel has the focus
        await until(pilot, lambda: app.screen is account)
        await settled(pilot)
        assert len((await organisation.perform(ListTokens(tenant=TENANT, user="hana"))).items) == 1
        await pilot.press("d", "right", "enter")
        await until(pilot, lambda: account.row == "tokens")
        assert (await organisation.perform(ListTokens(tenant=TENANT, user="hana"))).items == ()


async def test_a_token_may_do_no_more_than_its_owner(console: OpenConsole) -> None:
    app = await console("uma", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await at_account(app, pilot)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, NewTokenDialog))
        await settled(pilot)
        assert "read what you may see" in screen_text(app)
        assert "verify" not in screen_text(app)
        await pilot.press("x", "tab", "space", "tab", "enter")
        await settled(pilot)
        assert "Tick at least one" in words(app)
