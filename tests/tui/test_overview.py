"""Overview: counts, and their links."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit_streams import AddAuditStream
from secconsole.operations.bounds import check_limits
from secconsole.operations.delivery import SetSmtp, TryDelivery
from secconsole.operations.factors import VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.user_changes import DisableUser
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.store.schema import factors, users
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.screens.overview.acts import last_acts
from secconsole.tui.screens.users.users import Users
from secconsole.tui.widgets.bars import bar, percent
from secconsole.tui.widgets.board import Board
from tests.delivery.mail_server import mail_server
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 200), st.booleans())
def test_bars_have_the_given_width_and_are_empty_or_full_only_if_exact(
    part: int, rest: int, width: int, utf8: bool
) -> None:
    whole = part + rest
    filled, empty = bar(part, whole, width, utf8=utf8)
    assert len(filled) + len(empty) == width
    if width >= 2 and whole:
        assert bool(filled) is bool(part)
        full = filled == ("█" if utf8 else "#") * width
        assert full is (part == whole)
    assert utf8 or (filled + empty).isascii()


def test_no_share_is_rounded_to_zero() -> None:
    assert [percent(n, 1_000_000) for n in (0, 1, 500_000, 999_999, 1_000_000)] == [
        "0 %",
        "0.1 %",
        "50.0 %",
        "99.9 %",
        "100 %",
    ]
    assert percent(0, 0) == "–"


async def test_shares_roles_and_items_to_check_are_shown(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(
        CreateUser(tenant="acme", login="zoe", role=Role.TENANT_ADMIN, password=Secret("zoe has a long password"))
    )
    await organisation.perform(CreateUser(tenant="acme", login="old"))
    await organisation.perform(DisableUser(tenant="acme", user="old"))
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="x"))
    soon = organisation.clock.at() + timedelta(days=5)
    await organisation.perform(AddToWhitelist(tenant="acme", users=("newton",), reason="x", until=soon))
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 26)) as pilot:
        await until(pilot, lambda: "What to do next" in screen_text(app))
        text = screen_text(app)
        for words in (
            "A second factor is required since 15 Jan 2027",
            "no grace period",
            "9 users, and 1 disabled",
            "● bound   6 66.7 %",
            "○ unbound 3 33.3 %",
            "platform-admin 1 of 1 █",
            "tenant-admin   1 of 2",
            "1  tenant administrator has no factor",
            "1  on the whitelist with no end date",
            "1  whitelist entry ends within 7 days",
            "1  disabled",
            "1  has no password and cannot sign in yet",
            "1  overdue",
            "Have the administrator without a factor",
        ):
            assert words in text, text
        assert "only" not in text, "what there is none of is not there"


async def test_selecting_a_line_leaves_its_bar_as_it_is(console: OpenConsole, organisation: Organisation) -> None:
    """Reversed, a full bar would seem empty."""
    app = await console("tomas", place="overview")
    async with app.run_test(size=(80, 30)) as pilot:
        app.theme = "ansi-dark"
        await until(pilot, lambda: "▌ ● bound" in screen_text(app))
        board = app.screen.query_one(Board)
        line = next(s for s in map(board.render_line, range(9)) if s.text.startswith("▌"))
        reversed_text = "".join(text for text, style, _ in line if style is not None and style.reverse)
        assert "bound" in reversed_text
        assert not set("█░") & set(reversed_text)
        assert "█" in line.text


async def test_enter_opens_the_counted_users(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "What to do next" in screen_text(app))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "/ status:unbound" in screen_text(app) and "uma" not in screen_text(app))
        assert "newton" in screen_text(app)
        await pilot.press("q")
        await until(pilot, lambda: "What to do next" in screen_text(app))
        await settled(pilot)
        assert app.screen.query_one(Board).target == "users:status:unbound", "the cursor is where it was"


@pytest.mark.parametrize(("login", "advised"), [("root", True), ("hana", False)])
async def test_advice_respects_permissions(
    console: OpenConsole, organisation: Organisation, login: str, advised: bool
) -> None:
    """Only users who may change the whitelist are advised to give its entries an end."""
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="x"))
    app = await console(login, place="overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "What to do next" in screen_text(app))
        assert ("give whitelist entries an end" in screen_text(app)) is advised


async def test_whitelist_lines_open_the_whitelist(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="at sea"))
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "with no end date" in screen_text(app))
        app.screen.query_one(Board).go_to("whitelist:until:none")
        await pilot.press("enter")
        await until(pilot, lambda: "at sea" in screen_text(app))
        assert "/ until:none" in screen_text(app)


@pytest.mark.parametrize(
    ("mode", "says", "next_"),
    [
        (PolicyMode.OFF, "No user is asked for a second factor", "Press 4 to see what requiring"),
        (PolicyMode.OPTIONAL, "Users who have a second factor are asked for it", "2 users need none"),
    ],
)
async def test_policy_and_advice_follow_other_consoles(
    console: OpenConsole, organisation: Organisation, mode: PolicyMode, says: str, next_: str
) -> None:
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Tell the 2 users who must bind" in screen_text(app))
        await organisation.perform(SetPolicy(tenant="acme", mode=mode))
        await until(pilot, lambda: says in screen_text(app) and next_ in screen_text(app))


async def test_no_problems_are_reported_as_such(console: OpenConsole, organisation: Organisation) -> None:
    for login in ("newton", "nina"):
        await organisation.bind(login)
    for login in ("root", "tomas", "hana", "aida", "uma", "bob", "newton", "nina"):
        await organisation.perform(CreateRecoveryCodes(tenant="acme", user=login))
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Everyone who should have a factor has one." in screen_text(app))
        assert "Nothing: all is well." in screen_text(app)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 60)])
async def test_nothing_is_cut_or_stretched(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    app = await console("aida", place="overview")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "bound" in screen_text(app))
        await settled(pilot)
        board = app.screen.query_one(Board)
        assert board.size.width <= size[0]
        if size[1] >= 24:
            assert "What to do next" in screen_text(app)
        else:
            board.go_to("users:is:no-recovery")
            await settled(pilot)
            assert "6  bound, but no recovery code left" in screen_text(app), "the line under the cursor is in sight"


async def test_bars_and_signs_have_ascii_twins(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="overview")
    app.terminal = Terminal(utf8=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "What to do next" in screen_text(app))
        body = "\n".join(screen_text(app).splitlines()[4:-1])
        assert "* bound" in body
        assert "###" in body
        assert not set("●○◐█░") & set(body)


async def test_delivery_state_is_shown_and_opens_settings(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Sending: mail not set up, SMS not set up; 0 sent" in screen_text(app))
        assert "clock" not in screen_text(app)
        await organisation.perform(SetPolicy(tenant="acme", kinds=(FactorKind.TOTP, FactorKind.SMS)))
        await until(pilot, lambda: "1  allowed, but cannot be sent: SMS" in screen_text(app))
        async with mail_server() as mailbox:
            smtp = SetSmtp(tenant="acme", host="127.0.0.1", port=mailbox.port, sender="mfa@acme.example")
            await organisation.perform(smtp)
            await until(pilot, lambda: "1  not in effect until tested: mail" in screen_text(app))
            mailbox.at_rcpt.append("550 5.1.1 No such user here")
            await organisation.perform(TryDelivery(tenant="acme", kind=FactorKind.EMAIL, to="nobody@acme.example"))
            await until(pilot, lambda: "1  message not sent in the last 24 hours" in screen_text(app))
        assert "mail not tested" in screen_text(app)
        await settled(pilot)
        app.screen.query_one(Board).go_to("settings:failed")
        await pilot.press("enter")
        await until(pilot, lambda: "y Secret key" in screen_text(app))


async def test_different_clocks_are_reported(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("aida", place="overview")
    app.clock = lambda: organisation.clock.at() - timedelta(seconds=40)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "The server's clock is 40 s ahead of this machine's" in screen_text(app))


async def test_a_change_during_opening_blocks_no_keys(console: OpenConsole) -> None:
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "What to do next" in screen_text(app))
        await settled(pilot)
        place = app.places.here
        assert place is not None
        place.tell_changed()
        place._resumed()
        await until(pilot, lambda: not app.keys_held)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, Users))


async def keep_days(organisation: Organisation, days: int) -> None:
    """Let days pass, with a user more bound on each."""
    for number in range(days):
        organisation.clock.forward(86_400)
        login = f"user{number}"
        await organisation.perform(CreateUser(tenant="acme", login=login))
        await organisation.bind(login)


async def test_the_plot_leads_to_the_figures_of_each_day(console: OpenConsole, organisation: Organisation) -> None:
    await keep_days(organisation, 12)
    app = await console("aida", place="overview")
    async with app.run_test(size=(80, 40)) as pilot:
        await until(pilot, lambda: "Enrolled over time" in screen_text(app))
        await settled(pilot)
        for words in ("20 ┤", " 0 ┼", "╭", "18 of 20 bound now, +18 in 30 days"):
            assert words in screen_text(app), screen_text(app)
        app.screen.query_one(Board).go_to("history:")
        await pilot.press("enter")
        await until(pilot, lambda: "Day (UTC)" in screen_text(app))
        assert "2027-01-27" in screen_text(app), "it opens at the newest day"


async def test_the_plot_has_an_ascii_twin(console: OpenConsole, organisation: Organisation) -> None:
    await keep_days(organisation, 12)
    app = await console("aida", place="overview")
    app.terminal = Terminal(utf8=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Enrolled over time" in screen_text(app))
        body = "\n".join(screen_text(app).splitlines()[4:-1])
        assert "20 +" in body
        assert not set("╭╮╰╯│┤┼─") & set(body), body


async def test_an_act_is_shown_in_full(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(AddToWhitelist(tenant="acme", users=("nina",), reason="at sea"))
    app = await console("aida", place="overview")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "put on the whitelist: nina (at sea)" in screen_text(app))
        assert "signed in" not in screen_text(app)
        await settled(pilot)
        act = next(s.target for s in app.screen.query_one(Board)._live() if s.target.startswith("act:"))
        app.screen.query_one(Board).go_to(act)
        await pilot.press("enter")
        await until(pilot, lambda: "Audit entry" in screen_text(app) and "at sea" in screen_text(app))


async def test_right_and_left_move_between_columns(console: OpenConsole) -> None:
    app = await console("aida", place="overview")
    async with app.run_test(size=(200, 60)) as pilot:
        await until(pilot, lambda: "Enrolled over time" in screen_text(app))
        await settled(pilot)
        board = app.screen.query_one(Board)
        seen = [board.target]
        for key in ("right", "right", "left", "left"):
            await pilot.press(key)
            seen.append(board.target)
        assert seen[0] == "users:status:bound"
        assert seen[2] == "history:", "in the third column"
        assert seen[4].startswith(("users:status:", "users:role:")), "in the first again"


def test_the_last_acts_are_few_enough_to_ask_for() -> None:
    """Sign-ins and codes are no acts, and a query takes only so many actions."""
    wanted = last_acts("acme")
    check_limits(wanted)
    assert not {"sign-in", "verify", "code.sent", "step-up"} & set(wanted.actions)


async def test_a_receiver_of_the_audit_that_fails_is_shown_and_opens(
    console: OpenConsole, organisation: Organisation
) -> None:
    missing = str(organisation.home / "none")
    await organisation.perform(AddAuditStream(tenant="acme", name="siem", kind=StreamKind.SYSLOG_UNIX, to=missing))
    await organisation.backend.stream_worker.wait_idle()
    app = await console("root", place="overview")
    async with app.run_test(size=(120, 50)) as pilot:
        await until(pilot, lambda: "1  audit receiver failing, 3 entries behind" in screen_text(app))
        await settled(pilot)
        while app.screen.query_one(Board).target != "streams:":
            await pilot.press("down")
        await pilot.press("enter")
        await until(pilot, lambda: "failing: 3 entries behind" in screen_text(app))


async def test_damaged_secrets_open_their_reports_of_these_days(
    console: OpenConsole, organisation: Organisation
) -> None:
    def damage(connection: sa.Connection) -> None:
        uma = sa.select(users.c.pk).where(users.c.login == "uma").scalar_subquery()
        connection.execute(sa.update(factors).where(factors.c.user_pk == uma).values(sealed=b"damaged"))

    organisation.backend.store.write(damage).result()
    await organisation.perform(VerifyCode(tenant="acme", user="uma", code=Secret("123456")))
    app = await console("root", place="overview")
    async with app.run_test(size=(120, 50)) as pilot:
        await until(pilot, lambda: "secret in the store that does not open" in screen_text(app))
        await settled(pilot)
        while app.screen.query_one(Board).target != "damage:":
            await pilot.press("down")
        await pilot.press("enter")
        await until(pilot, lambda: "since 2027-01-08T" in screen_text(app) and "uma" in screen_text(app))
        assert "/ secret.damaged" in screen_text(app)
