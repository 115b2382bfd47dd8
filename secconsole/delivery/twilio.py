"""Delivery of one text message to Twilio: one request of its REST API, and the meaning of its answers.

https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secconsole.config.certificates import are_named, machine_trust
from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.delivery.surroundings import unusable_proxy
from secconsole.domain.errors import Unavailable
from secconsole.domain.messages.delivery import is_loopback
from secconsole.domain.secret import Secret

if TYPE_CHECKING:
    import httpx

BASE_URL = "https://api.twilio.com"
CONNECT, TIMEOUT = 5.0, 15.0  # seconds
_LONGEST_WAIT = 300
_LONGEST_ANSWER = 64 * 1024

_UNREACHABLE = "Twilio cannot be reached."
_CREDENTIALS = "Twilio refuses the Account SID or the auth token"
_SENDER = "Twilio refuses the sender, which is not a number or messaging service of this account"
_WORDS = {
    20003: _CREDENTIALS,
    20404: "Twilio does not know this account",
    21211: "Twilio reports that this is not a phone number. Check it for a mistyped digit",
    21212: _SENDER,
    21408: "Twilio is not allowed to send to that country. An administrator can enable it in Twilio's console",
    21606: _SENDER,
    21608: "Twilio's trial accounts send only to verified numbers. Verify the number, or upgrade the account",
    21610: "The owner of this number answered STOP. No SMS is delivered until they send START",
    21612: "Twilio cannot reach that number from this sender",
    21614: "Twilio reports that this is not a mobile number",
    21659: _SENDER,
    21701: _SENDER,
}


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Credentials and a sender: a number, or a messaging service that chooses one.

    `anywhere`: messages may be delivered to a server other than Twilio's.
    """

    account_sid: str
    auth_token: Secret[str]
    sender: str = ""
    service: str = ""
    base_url: str = BASE_URL
    anywhere: bool = False


async def send_sms(account: TwilioAccount, message: Message, *, timeout: float = TIMEOUT) -> DeliveryOutcome:
    """Send one text message, without raising for anything the other side does."""
    import httpx  # imported late: only sending needs it

    if account.base_url != BASE_URL and not account.anywhere:
        return DeliveryOutcome(Result.LATER, _UNREACHABLE)
    sender = {"MessagingServiceSid": account.service} if account.service else {"From": account.sender}
    url = f"{account.base_url.rstrip('/')}/2010-04-01/Accounts/{account.account_sid}/Messages.json"
    abroad = not is_loopback(urlsplit(account.base_url).hostname or "")
    try:
        trust = machine_trust() if abroad and are_named() else True
    except Unavailable as error:
        return DeliveryOutcome(Result.LATER, error.message)
    if abroad and (wrong := unusable_proxy()):
        return DeliveryOutcome(Result.LATER, wrong)
    sending = _Sending()
    waits = httpx.Timeout(timeout, connect=CONNECT)
    try:
        async with (
            asyncio.timeout(timeout),
            httpx.AsyncClient(timeout=waits, trust_env=abroad, verify=trust) as client,
            client.stream(
                "POST",
                url,
                data={"To": message.to, "Body": message.text.reveal(), **sender},
                auth=(account.account_sid, account.auth_token.reveal()),
                headers={"accept-encoding": "identity"},
                extensions={"trace": sending.note},
            ) as response,
        ):
            return _outcome(response, await _beginning(response))
    except (httpx.HTTPError, TimeoutError):
        if not sending.has_begun:  # a proxy may not answer, or its look-up may be slow
            return DeliveryOutcome(Result.LATER, _UNREACHABLE)
        return DeliveryOutcome(Result.UNSURE, "Twilio received the message but did not answer.")


class _Sending:
    """Record of when the request itself is sent, as opposed to the connection through a proxy."""

    def __init__(self) -> None:
        self.has_begun = False

    async def note(self, event: str, facts: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started" and facts["request"].method == b"POST":
            self.has_begun = True


async def _beginning(response: httpx.Response) -> bytes:
    """Return the answer up to the maximum length, without decompressing it: a few bytes could fill the memory."""
    text = b""
    async for part in response.aiter_raw():
        text += part
        if len(text) > _LONGEST_ANSWER:
            break
    return text


def _outcome(response: httpx.Response, body: bytes) -> DeliveryOutcome:
    status = response.status_code
    if status in (200, 201):
        return DeliveryOutcome(Result.SENT)
    code = _code(body)
    number = f"{code}" if code else f"HTTP {status}"
    if status == 429 or code == 20429:
        return DeliveryOutcome(Result.LATER, f"Twilio asks to send more slowly ({number}).", _wait(response))
    if status == 503:
        return DeliveryOutcome(Result.LATER, f"Twilio is currently not available ({number}).", _wait(response))
    if status >= 500:  # the message may have been accepted before the failure
        return DeliveryOutcome(
            Result.UNSURE, f"Twilio failed and did not report whether it sent the message ({number})."
        )
    message = _WORDS.get(code) or (_CREDENTIALS if status == 401 else "Twilio refuses the message")
    return DeliveryOutcome(Result.FAILED, f"{message} ({number}).")


def _code(body: bytes) -> int:
    """Return Twilio's number for an error, 0 if there is none."""
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
    return code if isinstance(code, int) and 0 < code < 100_000 else 0


def _wait(response: httpx.Response) -> int:
    seconds = response.headers.get("Retry-After", "")
    return min(int(seconds), _LONGEST_WAIT) if seconds.isascii() and seconds.isdigit() and len(seconds) < 6 else 0
