"""Handing one text message to Twilio: one request of its REST API, and what its answers mean.

https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from secconsole.delivery.message import Message, Outcome, Result
from secconsole.domain.delivery import is_loopback
from secconsole.domain.secret import Secret

if TYPE_CHECKING:
    import httpx

BASE_URL = "https://api.twilio.com"
CONNECT, TIMEOUT = 5.0, 15.0  # seconds
_LONGEST_WAIT = 300
_LONGEST_ANSWER = 64 * 1024

_CREDENTIALS = "Twilio refuses the Account SID or the auth token"
_SENDER = "Twilio refuses the sender: it is no number or messaging service of this account"
_WORDS = {
    20003: _CREDENTIALS,
    20404: "Twilio knows no such account",
    21211: "Twilio says that this is not a phone number. Check it for a mistyped digit",
    21212: _SENDER,
    21408: "Twilio is not allowed to send to that country: an administrator switches it on in Twilio's console",
    21606: _SENDER,
    21608: "Twilio's trial accounts only send to numbers that were verified there. Verify it, or upgrade the account",
    21610: "The owner of this number answered STOP to us: no SMS reaches it until they send START",
    21612: "Twilio cannot reach that number from this sender",
    21614: "Twilio says that this number is no mobile phone",
    21659: _SENDER,
    21701: _SENDER,
}


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Credentials and a sender: a number, or else the messaging service that picks one."""

    account_sid: str
    auth_token: Secret[str]
    sender: str = ""
    service: str = ""
    base_url: str = BASE_URL


async def send_sms(account: TwilioAccount, message: Message, *, timeout: float = TIMEOUT) -> Outcome:
    """Send one text message; never raises for what the other side does."""
    import httpx  # only where something is sent

    sender = {"MessagingServiceSid": account.service} if account.service else {"From": account.sender}
    url = f"{account.base_url.rstrip('/')}/2010-04-01/Accounts/{account.account_sid}/Messages.json"
    proxies = not is_loopback(urlsplit(account.base_url).hostname or "")
    try:
        async with (
            asyncio.timeout(timeout),
            httpx.AsyncClient(timeout=httpx.Timeout(timeout, connect=CONNECT), trust_env=proxies) as client,
            client.stream(
                "POST",
                url,
                data={"To": message.to, "Body": message.text.reveal(), **sender},
                auth=(account.account_sid, account.auth_token.reveal()),
            ) as response,
        ):
            return _outcome(response, await _beginning(response))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
        return Outcome(Result.LATER, "Twilio cannot be reached.")
    except (httpx.HTTPError, TimeoutError):
        return Outcome(Result.UNSURE, "Twilio was given the message and did not answer.")


async def _beginning(response: httpx.Response) -> bytes:
    """The answer, as long as one of Twilio's can be."""
    text = b""
    async for part in response.aiter_bytes():
        text += part
        if len(text) > _LONGEST_ANSWER:
            break
    return text


def _outcome(response: httpx.Response, body: bytes) -> Outcome:
    status = response.status_code
    if status in (200, 201):
        return Outcome(Result.SENT)
    code = _code(body)
    number = f"{code}" if code else f"HTTP {status}"
    if status == 429 or code == 20429:
        return Outcome(Result.LATER, f"Twilio asks to send more slowly ({number}).", _wait(response))
    if status == 503:
        return Outcome(Result.LATER, f"Twilio is not available just now ({number}).", _wait(response))
    if status >= 500:  # it may have been taken before whatever went wrong
        return Outcome(Result.UNSURE, f"Twilio failed and did not say whether it sent the message ({number}).")
    words = _WORDS.get(code) or (_CREDENTIALS if status == 401 else "Twilio refuses the message")
    return Outcome(Result.FAILED, f"{words} ({number}).")


def _code(body: bytes) -> int:
    """Twilio's own number for what is wrong; 0 where there is none."""
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
    return code if isinstance(code, int) and 0 < code < 100_000 else 0


def _wait(response: httpx.Response) -> int:
    asked = response.headers.get("Retry-After", "")
    return min(int(asked), _LONGEST_WAIT) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
