"""Text messages, handed to something that answers as Twilio does."""

from __future__ import annotations

import asyncio

import pytest

from secconsole.delivery.message import Message, Outcome, Result
from secconsole.delivery.twilio import TwilioAccount, send_sms
from secconsole.domain.delivery import is_loopback
from secconsole.domain.secret import Secret
from tests.delivery.twilio_fake import SID, TOKEN, Twilio, twilio_fake

MESSAGE = Message("+15005550009", "", Secret("acme: XYWD-581883 is your code"))


async def sent(fake: Twilio, *, token: str = TOKEN, service: str = "", timeout: float = 5) -> Outcome:
    account = TwilioAccount(SID, Secret(token), "" if service else "+15005550006", service, fake.url)
    return await send_sms(account, MESSAGE, timeout=timeout)


async def test_one_request_carries_number_text_and_sender() -> None:
    async with twilio_fake() as fake:
        assert await sent(fake) == Outcome(Result.SENT)
        assert (await sent(fake, service="MG1")).result is Result.SENT
    body = "acme: XYWD-581883 is your code"
    assert fake.messages == [
        {"To": "+15005550009", "From": "+15005550006", "Body": body},
        {"To": "+15005550009", "MessagingServiceSid": "MG1", "Body": body},
    ]


@pytest.mark.parametrize(
    ("status", "code", "result", "words"),
    [
        (400, 21211, Result.FAILED, "not a phone number"),
        (400, 21608, Result.FAILED, "trial accounts"),
        (400, 21610, Result.FAILED, "STOP"),
        (401, 20003, Result.FAILED, "auth token"),
        (400, 99999, Result.FAILED, "refuses the message (99999)"),
        (429, 20429, Result.LATER, "more slowly"),
        (503, 0, Result.LATER, "not available"),
        (500, 20500, Result.UNSURE, "20500"),
        (502, 0, Result.UNSURE, "HTTP 502"),
    ],
)
async def test_its_errors_become_words_for_a_helpdesk(status: int, code: int, result: Result, words: str) -> None:
    async with twilio_fake() as fake:
        fake.answers.append((status, code, 0))
        found = await sent(fake)
        assert (found.result, words in found.problem) == (result, True), found
        assert "581883" not in found.problem
        assert (await sent(fake)).result is Result.SENT


async def test_it_says_itself_how_long_to_wait() -> None:
    async with twilio_fake() as fake:
        fake.answers += [(429, 20429, 30), (429, 20429, 99999)]
        assert [(await sent(fake)).wait for _ in range(2)] == [30, 300]


async def test_a_wrong_token_is_told_as_such() -> None:
    async with twilio_fake() as fake:
        found = await sent(fake, token="0" * 32)
    assert found == Outcome(Result.FAILED, "Twilio refuses the Account SID or the auth token (20003).")


async def test_a_message_that_was_given_and_not_answered_is_not_said_to_be_unsent() -> None:
    async with twilio_fake() as fake:
        fake.hold = asyncio.Event()
        sending = asyncio.create_task(sent(fake, timeout=0.3))
        await fake.asked.wait()
        assert (await sending).result is Result.UNSURE


async def test_who_cannot_be_reached_was_sent_nothing() -> None:
    async with twilio_fake() as fake:
        pass
    assert (await sent(fake)).result is Result.LATER


def test_this_machine_is_told_by_its_spelling() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST")))
    assert all(map(is_loopback, ("0.0.0.0", "::", "[::]", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "::ffff:10.0.0.1")))
    assert not any(map(is_loopback, ("localhost.evil.example", "127.0.0.1.evil.example", "")))
