"""Text messages sent to a fake Twilio."""

from __future__ import annotations

import asyncio

import pytest

from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.delivery.twilio import TwilioAccount, send_sms
from secconsole.domain.messages.delivery import is_loopback
from secconsole.domain.secret import Secret
from tests.delivery.twilio_fake import SID, TOKEN, Twilio, twilio_fake

MESSAGE = Message("+15005550009", "", Secret("acme: XYWD-581883 is your code"))


async def sent(fake: Twilio, *, token: str = TOKEN, service: str = "", timeout: float = 5) -> DeliveryOutcome:
    account = TwilioAccount(SID, Secret(token), "" if service else "+15005550006", service, fake.url, anywhere=True)
    return await send_sms(account, MESSAGE, timeout=timeout)


async def test_one_request_carries_number_text_and_sender() -> None:
    async with twilio_fake() as fake:
        assert await sent(fake) == DeliveryOutcome(Result.SENT)
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
async def test_provider_errors_become_messages_for_a_helpdesk(
    status: int, code: int, result: Result, words: str
) -> None:
    async with twilio_fake() as fake:
        fake.answers.append((status, code, 0))
        found = await sent(fake)
        assert (found.result, words in found.problem) == (result, True), found
        assert "581883" not in found.problem
        assert (await sent(fake)).result is Result.SENT


async def test_retry_after_of_the_provider_is_used() -> None:
    async with twilio_fake() as fake:
        fake.answers += [(429, 20429, 30), (429, 20429, 99999)]
        assert [(await sent(fake)).wait for _ in range(2)] == [30, 300]


async def test_a_wrong_token_is_reported() -> None:
    async with twilio_fake() as fake:
        found = await sent(fake, token="0" * 32)
    assert found == DeliveryOutcome(Result.FAILED, "Twilio refuses the Account SID or the auth token (20003).")


async def test_a_message_sent_without_a_reply_is_not_reported_as_unsent() -> None:
    async with twilio_fake() as fake:
        fake.hold = asyncio.Event()
        for seconds in (0.3, 2, 20):  # a busy machine may need longer than the first until the request is there
            outcome = await sent(fake, timeout=seconds)
            if fake.asked.is_set():
                break
        assert fake.asked.is_set()
        assert outcome.result is Result.UNSURE


async def test_an_unreachable_provider_was_sent_nothing() -> None:
    async with twilio_fake() as fake:
        pass
    assert (await sent(fake)).result is Result.LATER


def test_this_machine_is_recognized_in_every_spelling() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST")))
    assert all(map(is_loopback, ("0.0.0.0", "::", "[::]", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "::ffff:10.0.0.1")))
    assert not any(map(is_loopback, ("localhost.evil.example", "127.0.0.1.evil.example", "")))


async def test_b10_a_base_url_of_another_server_must_be_allowed() -> None:
    """Without permission neither another base URL nor the target of a redirect is contacted."""
    async with twilio_fake() as fake:
        named = await send_sms(TwilioAccount(SID, Secret(TOKEN), "+15005550006", "", fake.url), MESSAGE)
        assert named == DeliveryOutcome(Result.LATER, "Twilio cannot be reached.")
        assert fake.messages == []
        fake.answers.append((307, 0, 0))
        assert (await sent(fake)).result is Result.FAILED
        assert fake.messages == []
