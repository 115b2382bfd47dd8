"""The inbox of a demo: new messages are shown where they are awaited, and other stores have none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest_asyncio

from secconsole.backends.demo.factors import add_delivery
from secconsole.backends.demo.inbox import make_demo
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.delivery.inbox import Inbox as InboxFile
from secconsole.delivery.message import Message, Result
from secconsole.domain.factors.otpauth import otpauth_uri
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import TryDelivery
from secconsole.operations.policy import SetPolicy
from secconsole.tui.app import SecConsole
from secconsole.tui.demo.hints import post_words
from secconsole.tui.screens.account.account import Account
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.inbox import Inbox, InboxList
from secconsole.tui.screens.step_up import StepUpDialog
from secconsole.tui.sign_in.screen import SignInScreen
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.form import Form
from tests.organisation import OWNER
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_sign_in import typed

SIZE = (80, 24)
SigningIn = Callable[..., SecConsole]


@pytest_asyncio.fixture
async def demo(organisation: Organisation) -> AsyncIterator[EmbeddedBackend]:
    """Turn the organisation into a demo with hana to pick, and run another process in it."""
    owner, uri = organisation.owner, otpauth_uri(seed=organisation.seeds["hana"], account="hana", issuer=TENANT)
    await asyncio.wrap_future(owner.store.write(lambda connection: make_demo(connection, owner.keys)))
    account = {
        "login": "hana",
        "password": organisation.password("hana"),
        "role": "helpdesk",
        "note": "unbinds",
        "totp_uri": uri.reveal(),
    }
    path = organisation.home / "demo.json"
    path.write_text(json.dumps({"tenant": TENANT, "accounts": [account]}))
    path.chmod(0o600)
    backend = await organisation.open(OWNER)
    await backend.perform(SetPolicy(tenant=TENANT, kinds=tuple(FactorKind)))
    await asyncio.wrap_future(
        backend.store.write(lambda connection: add_delivery(connection, backend.keys, 1, 1_800_000_000_000, Random(7)))
    )
    yield backend
    await backend.close()


def arrive(
    home: Path, number: int, text: str, *, to: str = "+15005550009", login: str = "hana", mail: str = ""
) -> None:
    """Put a message for a user into the inbox, like the delivery worker does."""
    kind = FactorKind.EMAIL if mail else FactorKind.SMS
    at = datetime.fromtimestamp(1_800_000_000 + number, UTC)
    outcome = InboxFile(home / "inbox.jsonl").put(str(number), kind, login, Message(to, mail, Secret(text)), at)
    assert outcome.result is Result.SENT


def toasts(app: SecConsole) -> str:
    return "\n".join(f"{one.title} {one.message}" for one in app._notifications)


async def test_only_a_demo_has_an_inbox(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("hana", place="account")
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "Inbox" not in screen_text(app)
        arrive(organisation.home, 1, "acme: ABCD-123456 is your code")
        await pilot.press("8")
        await settled(pilot)
        assert isinstance(app.screen, Account)
        app.places.go("inbox")
        await until(pilot, lambda: "Only a demo has an inbox" in toasts(app))
        assert isinstance(app.screen, Account)
        assert "ABCD-123456" not in toasts(app)
        assert post_words(app, "hana") == []


async def test_the_sign_in_screen_shows_the_message_with_the_code(
    signing_in: SigningIn, demo: EmbeddedBackend, organisation: Organisation
) -> None:
    arrive(organisation.home, 1, "acme: WXYZ-000111 is your code")
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "codes until" in screen_text(app) and app.has_backend)
        await typed(pilot, f"hana\t{organisation.password('hana')}\r")
        await until(pilot, lambda: "code" in app.screen.query_one(Form).values)
        assert "WXYZ-000111" not in screen_text(app), "what came before is nobody's code now"
        arrive(organisation.home, 2, "acme: BCDF-123456 is your code")
        await until(pilot, lambda: "SMS to +15005550009  BCDF-123456" in screen_text(app))
        assert toasts(app) == "", "it is in sight anyway"
        assert [words.plain[9:] for words in post_words(app, "hana")] == ["SMS to +15005550009  BCDF-123456"]
        assert post_words(app, "nobody") == []


async def test_a_code_is_shown_over_any_screen(
    signing_in: SigningIn, demo: EmbeddedBackend, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
        await typed(pilot, "17")
        await until(pilot, lambda: isinstance(app.screen, Account))
        app.push_screen(ConfirmDialog("Really?", "About to.", "Do it"))
        await until(pilot, lambda: "Really?" in screen_text(app))
        arrive(organisation.home, 1, "Your code for acme is BCDF-123456\n", to="hana@acme.example", mail="Code BCDF")
        await until(pilot, lambda: "Demo: mail to hana@acme.example" in screen_text(app))
        assert "BCDF-123456" in screen_text(app)
        assert "Really?" in screen_text(app)
        arrive(organisation.home, 2, "Somebody signed in as you.\n", mail="New sign-in")
        await until(pilot, lambda: app.post is not None and len(app.post.messages) == 2)
        assert "in the demo's inbox" not in toasts(app), "nobody waits for it in a dialog"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Account))
        for number in range(3, 8):
            arrive(organisation.home, number, "Somebody signed in as you.\n", mail="New sign-in")
        await until(pilot, lambda: "in the demo's inbox: press 8" in toasts(app))
        assert "Somebody signed in" not in toasts(app)


async def test_messages_appear_in_the_inbox_and_the_cursor_stays(
    signing_in: SigningIn, demo: EmbeddedBackend, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
        await typed(pilot, "18")
        await until(pilot, lambda: isinstance(app.screen, Inbox) and "Nothing has arrived yet" in screen_text(app))
        assert "8 Inbox" in screen_text(app)
        await pilot.press("n")
        await until(pilot, lambda: "Nothing has arrived yet." in toasts(app))
        arrive(organisation.home, 1, "Your code for acme is BCDF-123456\n\nTell it to nobody.\n", mail="Code BCDF")
        await until(pilot, lambda: "Subject  Code BCDF" in screen_text(app))
        await until(pilot, lambda: "Tell it to nobody." in screen_text(app) and "for hana" in screen_text(app))
        arrive(organisation.home, 2, "acme: GHJK-654321 is your code")
        await until(pilot, lambda: "GHJK-654321 is your code" in screen_text(app))  # on the first line it follows
        await pilot.press("down")
        await until(pilot, lambda: "Tell it to nobody." in screen_text(app))
        arrive(organisation.home, 3, "acme: LMNP-111222 is your code", login="")
        await until(pilot, lambda: "LMNP-111222" in screen_text(app))
        assert "Tell it to nobody." in screen_text(app)
        assert app.screen.query_one(InboxList).highlighted == 2
        await pilot.press("n")
        await until(pilot, lambda: "a test of settings" in screen_text(app))
        test = TryDelivery(tenant=TENANT, kind=FactorKind.SMS, to="+15005550001")
        started = await demo.perform(test)
        await until(pilot, lambda: "To       +15005550001" in screen_text(app))
        await until(pilot, lambda: f"{started.prefix}-" in screen_text(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "Help: Inbox" in screen_text(app))
        await pilot.press(*["pagedown"] * 2)  # past the keys
        await until(pilot, lambda: "Only a demo has an inbox" in screen_text(app))


async def test_hostile_text_in_a_message_stays_text(
    signing_in: SigningIn, demo: EmbeddedBackend, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
        await typed(pilot, "18")
        await until(pilot, lambda: isinstance(app.screen, Inbox))
        arrive(
            organisation.home,
            1,
            "[@click=app.exit]x[/] \x1b]0;pwn\x07 \u202eBCDF-123456",
            to="[b]a\x1b[31m@b.example",
            mail="[red]s\u202e",
            login="[i]l\x07",
        )
        await until(pilot, lambda: "[@click=app.exit]x[/] \\x1b]0;pwn\\x07 \\u202eBCDF-123456" in screen_text(app))
        await until(pilot, lambda: "[b]a\\x1b[31m@b.example, for [i]l\\x07" in screen_text(app))
        assert "[red]s\\u202e" in screen_text(app)
        await pilot.press("7")
        arrive(organisation.home, 2, "BCDF-123457", to="[b]a\x1b[31m@b.example")
        await until(pilot, lambda: "SMS to [b]a\\x1b[31m@b.example" in toasts(app))


async def test_an_arriving_code_covers_no_input(
    signing_in: SigningIn, demo: EmbeddedBackend, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
        await typed(pilot, "17")
        await until(pilot, lambda: isinstance(app.screen, Account))

        async def row_of_code(height: int, number: int) -> int:
            """Return the position of the code over a dialog of so many lines."""
            dialog = ConfirmDialog("Really?", lines(*(f"line {line}" for line in range(height))), "Do it")
            app.push_screen(dialog)
            await until(pilot, lambda: "Really?" in screen_text(app) and dialog.form.has_focus)
            arrive(organisation.home, number, f"acme: BCDF-00000{number} is your code")
            await until(pilot, lambda: f"BCDF-00000{number}" in screen_text(app))
            typed_at = dialog.form.region
            at = next(y for y, row in enumerate(screen_text(app).split("\n")) if f"BCDF-00000{number}" in row)
            assert not typed_at.y <= at < typed_at.bottom
            dialog.dismiss(False)
            await until(pilot, lambda: f"BCDF-00000{number}" not in screen_text(app))  # nor what comes next
            assert isinstance(app.screen, Account)
            return at

        assert await row_of_code(2, 1) > 18
        assert await row_of_code(17, 2) < 3


async def test_overview_and_settings_mention_the_inbox_of_a_demo(signing_in: SigningIn, demo: EmbeddedBackend) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
        await typed(pilot, "11")
        await until(pilot, lambda: "Sending: into this demo's own inbox" in screen_text(app))
        await settled(pilot)
        await pilot.press("4")
        await until(pilot, lambda: "in effect: the demo's mailbox" in screen_text(app))
        assert "in effect: the demo's phone" in screen_text(app)


async def test_in_a_demo_a_key_fills_in_the_code_of_a_step_up(
    signing_in: SigningIn, demo: EmbeddedBackend, organisation: Organisation
) -> None:
    app = signing_in()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SignInScreen) and app.has_backend)
        await typed(pilot, "17")
        await until(pilot, lambda: isinstance(app.screen, Account))
        proved: list[bool | None] = []
        app.push_screen(StepUpDialog(bound=True, password=False), proved.append)
        await until(pilot, lambda: isinstance(app.screen, StepUpDialog) and "f2 fills it in" in screen_text(app))
        await settled(pilot)
        await pilot.press("f2")
        assert app.screen.query_one(Form).values["code"] == organisation.code("hana")  # the sign-in has used it up
        await pilot.press("f2", "enter")
        await until(pilot, lambda: proved == [True])
