"""An organisation that sends messages: a real mail server and a fake Twilio, set up like administrators do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, SetTwilio, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import (
    BindingStarted,
    ConfirmBinding,
    SendCode,
    SignIn,
    SignInAnswer,
    SignOut,
    StartBinding,
    VerifySignIn,
)
from tests.delivery.mail_server import Mailbox, mail_server
from tests.delivery.twilio_fake import SID, TOKEN, Twilio, twilio_fake
from tests.organisation import TENANT, Organisation

R = TypeVar("R")

NUMBER = "+15005550009"
CODE = re.compile(r"\b([A-Z]{4})-([0-9]{6})\b")
ALL_KINDS = (FactorKind.TOTP, FactorKind.EMAIL, FactorKind.SMS)


@dataclass
class Post:
    """Sent messages, and the ways in which people read them."""

    organisation: Organisation
    mailbox: Mailbox
    twilio: Twilio

    async def wait_idle(self) -> None:
        """Until all that is due was tried."""
        self.organisation.backend.delivery_worker.wake()
        await asyncio.wait_for(self.organisation.backend.delivery_worker.wait_idle(), 20)

    async def mailed(self) -> Secret[str]:
        """The digits of the newest mail."""
        await self.wait_idle()
        return digits_in(self.mailbox.text())

    async def texted(self) -> Secret[str]:
        """The digits of the newest SMS."""
        await self.wait_idle()
        return digits_in(self.twilio.text())

    async def set_up(self) -> None:
        """Set up both ways, each tested by a code typed back, with a policy that allows them."""
        perform = self.organisation.perform
        await perform(SetSmtp(tenant=TENANT, host="127.0.0.1", port=self.mailbox.port, sender="mfa@acme.example"))
        await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
        assert (await perform(ConfirmDelivery(tenant=TENANT, code=await self.mailed()))).accepted
        await perform(
            SetTwilio(
                tenant=TENANT,
                account_sid=SID,
                auth_token=Secret(TOKEN),
                sender="+15005550006",
                base_url=self.twilio.url,
            )
        )
        await perform(TryDelivery(tenant=TENANT, kind=FactorKind.SMS, to="+15005550001"))
        assert (await perform(ConfirmDelivery(tenant=TENANT, code=await self.texted()))).accepted
        await perform(SetPolicy(tenant=TENANT, kinds=ALL_KINDS, mode=PolicyMode.OPTIONAL))

    async def enroll(self, login: str, kind: FactorKind, address: str = "") -> BindingStarted:
        """Have a code sent to an address or number that a user enters, signed in by password."""
        answer = await self._sign_in(login)
        assert answer.token is not None, answer
        own = Bearer(answer.token)
        started = await self._do(EnrollFactor(tenant=TENANT, user=login, kind=kind, address=address), own)
        await self._do(SignOut(), own)
        return started

    async def bind(self, login: str, kind: FactorKind, address: str) -> str:
        """Have an administrator enter an address or number and its user prove it, and return the factor's id."""
        enter = EnrollFactor(tenant=TENANT, user=login, kind=kind, address=address)
        entered = await self.organisation.perform(enter)
        assert entered.waits, entered
        answer, factor = await self._sign_in(login), entered.enrollment
        challenge = answer.challenge or Secret("")
        if answer.status is SignInStatus.COMPLETE:
            assert (await self.enroll(login, kind, address)).enrollment == factor
            confirm = ConfirmFactor(tenant=TENANT, enrollment=factor, code=await self._code(kind))
            assert (await self.organisation.perform(confirm)).accepted
        elif answer.status is SignInStatus.ENROLL:
            begun = await self._do(StartBinding(challenge=challenge, kind=kind, address=address))
            assert begun.sent, begun
            code = await self._code(kind)
            answer = await self._do(ConfirmBinding(challenge=challenge, enrollment=factor, code=code))
        else:
            assert (await self._do(SendCode(challenge=challenge, factor=factor))).sent
            code = await self._code(kind)
            answer = await self._do(VerifySignIn(challenge=challenge, factor=factor, code=code))
        assert answer.token is not None, answer
        await self._do(SignOut(), Bearer(answer.token))
        self.organisation.clock.forward(seconds=60)
        return factor

    async def _sign_in(self, login: str) -> SignInAnswer:
        password = Secret(self.organisation.password(login))
        return await self._do(SignIn(tenant=TENANT, login=login, password=password))

    async def _do(self, operation: Operation[R], who: Credential = Nobody()) -> R:  # noqa: B008 - it has no state
        return await self.organisation.backend.perform_as(operation, who, Source("api"))

    async def _code(self, kind: FactorKind) -> Secret[str]:
        return await (self.texted() if kind is FactorKind.SMS else self.mailed())

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
