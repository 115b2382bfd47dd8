"""An organisation that sends: a real mail server and a Twilio, set up the way administrators do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, SetTwilio, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SendCode, SignInAnswer, VerifySignIn
from tests.delivery.mail_server import Mailbox, mail_server
from tests.delivery.twilio_fake import SID, TOKEN, Twilio, twilio_fake
from tests.organisation import TENANT, Organisation

NUMBER = "+15005550009"
CODE = re.compile(r"\b([A-Z]{4})-([0-9]{6})\b")
ALL_KINDS = (FactorKind.TOTP, FactorKind.EMAIL, FactorKind.SMS)


@dataclass
class Post:
    """What was sent, and the ways to get at it that people have."""

    organisation: Organisation
    mailbox: Mailbox
    twilio: Twilio

    async def rest(self) -> None:
        """Until all that is due was tried."""
        self.organisation.backend.courier.wake()
        await asyncio.wait_for(self.organisation.backend.courier.rest(), 20)

    async def mailed(self) -> Secret[str]:
        """The digits of the newest mail."""
        await self.rest()
        return digits_in(self.mailbox.text())

    async def texted(self) -> Secret[str]:
        """The digits of the newest SMS."""
        await self.rest()
        return digits_in(self.twilio.text())

    async def set_up(self) -> None:
        """Both ways, each tested by a code typed back; and the policy lets people use them."""
        perform = self.organisation.perform
        await perform(
            SetSmtp(tenant=TENANT, host="127.0.0.1", port=self.mailbox.port, sender="mfa@acme.example")
        )  # fmt: skip
        await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
        assert (await perform(ConfirmDelivery(tenant=TENANT, code=await self.mailed()))).accepted
        await perform(
            SetTwilio(
                tenant=TENANT, account_sid=SID, auth_token=Secret(TOKEN), sender="+15005550006",
                base_url=self.twilio.url,
            )
        )  # fmt: skip
        await perform(TryDelivery(tenant=TENANT, kind=FactorKind.SMS, to="+15005550001"))
        assert (await perform(ConfirmDelivery(tenant=TENANT, code=await self.texted()))).accepted
        await perform(SetPolicy(tenant=TENANT, kinds=ALL_KINDS, mode=PolicyMode.OPTIONAL))

    async def bind(self, login: str, kind: FactorKind, address: str) -> str:
        """Give somebody a confirmed address or number; its factor's id."""
        started = await self.organisation.perform(
            EnrollFactor(tenant=TENANT, user=login, kind=kind, address=address)
        )  # fmt: skip
        assert started.sent, started
        code = await (self.texted() if kind is FactorKind.SMS else self.mailed())
        confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code)
        assert (await self.organisation.perform(confirm)).accepted
        self.organisation.clock.forward(seconds=60)
        return started.enrollment

    async def asked(self, login: str) -> tuple[Secret[str], SignInAnswer]:
        """A sign-in that waits for a code."""
        answer = await self.organisation.start(login)
        assert answer.status is SignInStatus.SECOND_FACTOR, answer
        assert answer.challenge is not None
        return answer.challenge, answer

    async def send(self, challenge: Secret[str], factor: str) -> SignInAnswer:
        return await self.organisation.perform(SendCode(challenge=challenge, factor=factor), Nobody())

    async def verify(self, challenge: Secret[str], factor: str, code: Secret[str]) -> SignInAnswer:
        return await self.organisation.perform(VerifySignIn(challenge=challenge, factor=factor, code=code), Nobody())


def digits_in(text: str) -> Secret[str]:
    found = CODE.search(text)
    assert found is not None, text
    return Secret(found[2])


def prefix_in(text: str) -> str:
    found = CODE.search(text)
    assert found is not None, text
    return found[1]


def other(code: Secret[str]) -> Secret[str]:
    """A code that is not this one."""
    return Secret(f"{(int(code.reveal()) + 1) % 1_000_000:06}")


@asynccontextmanager
async def post_for(organisation: Organisation) -> AsyncIterator[Post]:
    async with mail_server() as mailbox, twilio_fake() as twilio:
        yield Post(organisation, mailbox, twilio)
