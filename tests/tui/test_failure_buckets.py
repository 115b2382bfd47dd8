"""B5: table, details and help show for whom wrong entries lock an account, and what the caller can do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secconsole.domain.caller_words import tell_caller
from secconsole.domain.model import SignInStatus
from secconsole.domain.policy import Decision, Rule
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import Bucket
from secconsole.operations.caller import Nobody, Source
from secconsole.operations.sample.settings import EXPLAIN_SIGN_IN_REPLY
from secconsole.operations.signin import SignIn
from secconsole.operations.users import Hold
from secconsole.tui.text.users import lock_words, locked_word
from secconsole.tui.widgets.user_detail import UserStrip
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled
from tests.tui.test_users import on, opened

NOW = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)
SOON = NOW + timedelta(minutes=4)
AWAY, HOME = Hold(Bucket.STRANGERS, 50, None), Hold(Bucket.KNOWN, 7, SOON)
HELD = replace(EXPLAIN_SIGN_IN_REPLY.facts, held_back=True)
EVERYWHERE = tuple(Hold(bucket, 50, None) for bucket in Bucket)


async def guessed(organisation: Organisation, login: str) -> None:
    """As many wrong passwords from elsewhere as lock strangers out."""
    for _ in range(50):
        organisation.clock.forward(3601)
        wrong = SignIn(tenant=TENANT, login=login, password=Secret("not this one"))
        await organisation.backend.perform_as(wrong, Nobody(), Source("api", "203.0.113.9"))


async def test_the_console_names_the_locked_networks(console: OpenConsole, organisation: Organisation) -> None:
    await guessed(organisation, "nina")
    app = await console("hana", place="users")
    async with app.run_test(size=(140, 30)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "nina")
        await settled(pilot)
        text = screen_text(app)
        assert "locked: st" in text
        assert "locked for strangers until" in text
        await pilot.press("h")
        await settled(pilot)
        about = " ".join(screen_text(app).split())
        assert "Sign-ins from networks that nina has not signed in from are" in about


async def test_the_strip_of_a_small_window_names_them_too(console: OpenConsole, organisation: Organisation) -> None:
    await guessed(organisation, "nina")
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "nina")
        await settled(pilot)
        assert place.query_one(UserStrip).display
        assert "locked for strangers" in screen_text(app)


class Detail:
    """As much of a user as the words need."""

    def __init__(self, holds: tuple[Hold, ...], known: int, failures: int) -> None:
        self.holds, self.known_networks, self.failures, self.locked = holds, known, failures, bool(holds)
        self.locked_for = tuple(hold.bucket for hold in holds)


@pytest.mark.parametrize(
    ("holds", "failures", "words", "word"),
    [
        ((), 0, "", "locked"),
        ((), 3, "3 wrong entries", "locked"),
        ((AWAY,), 50, "locked for strangers until unlocked, after 50 wrong entries", "locked: strangers"),
        (EVERYWHERE, 100, "locked until unlocked, after 100 wrong entries", "locked"),
    ],
)
def test_locks_are_described(holds: tuple[Hold, ...], failures: int, words: str, word: str) -> None:
    detail: Any = Detail(holds, 1, failures)
    assert lock_words(detail, NOW) == words
    assert locked_word(detail) == word


def test_both_locked_buckets_are_named() -> None:
    detail: Any = Detail((AWAY, HOME), 1, 57)
    answer = lock_words(detail, NOW)
    assert answer.startswith("locked for strangers until unlocked, after 50 wrong entries; for known networks")
    assert answer.endswith("after 7 wrong entries")
    assert locked_word(detail) == "locked"


def words_for(known: int, *held: Bucket) -> tuple[str, ...]:
    refused = Decision(SignInStatus.REFUSED, Rule.REFUSED)
    return tell_caller(
        refused,
        None,
        HELD,
        (),
        recovery_left=0,
        known_networks=known,
        locked_for=held,
        first_time=False,
        has_password=True,
    )


def test_the_caller_hears_where_they_can_still_sign_in() -> None:
    wait = "Too many wrong entries. Wait, or let me unlock it once I know it is you."
    elsewhere = "You can sign in from where you did before: at work, or at home."
    assert words_for(1, Bucket.STRANGERS) == (elsewhere, wait)
    assert words_for(0, Bucket.STRANGERS) == words_for(1, *Bucket) == (wait,)
