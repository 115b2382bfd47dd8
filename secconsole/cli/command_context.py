"""What a command works with: a backend acting as somebody, the tenant, and where the answer goes."""

from __future__ import annotations

import asyncio
import functools
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Concatenate, ParamSpec, TypeVar

from secconsole.backends.base import Backend
from secconsole.cli.acting import acts_in
from secconsole.cli.command import Call, current_call
from secconsole.cli.diagnostics import ask, ask_hidden, can_ask, say
from secconsole.cli.output import Output
from secconsole.config.contexts import Context
from secconsole.domain.errors import Invalid, NotAllowed, NotSignedIn, StepUpNeeded
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.factors import ListFactors
from secconsole.operations.signin import Identity, SendStepUpCode, StepUp, WhoAmI
from secconsole.operations.tenants import ListTenants

P = ParamSpec("P")
R = TypeVar("R")

TENANT_VARIABLE = "SECCONSOLE_TENANT"


@dataclass(slots=True)
class Work:
    """One command's means; `named_tenant` is the tenant that was said or configured (empty: none)."""

    backend: Backend
    place: Context
    out: Output
    named_tenant: str

    async def tenant(self) -> str:
        """The tenant to work on: the one that was named, else the only one there is."""
        if not self.named_tenant:
            tenants = (await self.backend.perform(ListTenants())).items
            if len(tenants) != 1:
                names = ", ".join(t.name for t in tenants[:10]) or "none yet"
                raise Invalid(f"Say which tenant with --tenant NAME. There are: {names}.", "tenant")
            self.named_tenant = tenants[0].name
        return self.named_tenant

    async def perform(self, operation: Operation[R]) -> R:
        """Do what is asked; where password and factor must be proved again, ask for them at the terminal."""
        try:
            return await self.backend.perform(operation)
        except StepUpNeeded as error:
            if not can_ask():
                raise StepUpNeeded(f"{error.message} Give them by signing in: secconsole sign-in") from None
        await self._step_up()
        return await self.backend.perform(operation)

    async def _step_up(self) -> None:
        who = await self.backend.perform(WhoAmI())
        say(f"This needs the password of {who.login} again.")
        password = ask_hidden("Password:")
        code = Secret("")
        if who.bound:
            await self._send_code(who)
            code = Secret(ask("Code:"))
        proof = await self.backend.perform(StepUp(password=password, code=code))
        if not proof.accepted:
            raise NotAllowed(proof.message or "That was not right, so nothing was done.")

    async def _send_code(self, who: Identity) -> None:
        """Have a code sent to whoever has no app that shows one."""
        factors = (await self.backend.perform(ListFactors(tenant=who.tenant, user=who.id))).items
        active = [factor for factor in factors if factor.state is FactorState.ACTIVE]
        if active and all(factor.kind is not FactorKind.TOTP for factor in active):
            sent = await self.backend.perform(SendStepUpCode(factor=active[0].id))
            say(f"A code is on its way to {sent.masked}." if sent.sent else sent.message)
            if sent.prefix:
                say(f"Give the digits after {sent.prefix}-")


def working(command: Callable[Concatenate[Work, P], Awaitable[int | None]]) -> Callable[P, int]:
    """Make a command of a coroutine: open the backend, run, and write all of the answer before closing."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        with _interruptible():
            return asyncio.run(_run(current_call(), lambda work: command(work, *args, **kwargs)))

    return run


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question or a read at once: asyncio's own handler would wait until it is answered."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _run(call: Call, command: Callable[[Work], Awaitable[int | None]]) -> int:
    from secconsole.backends.open import open_backend

    place = call.place()
    acts = acts_in(place, call.token_file)
    if call.tenant == "":
        raise Invalid("--tenant is empty.", "tenant")
    named = call.tenant or os.environ.get(TENANT_VARIABLE, "") or place.tenant or acts.tenant
    out = Output(call.format)
    backend = await open_backend(
        place.backend, credential=acts.credential, channel="command", ca_file=place.ca_file, kept=acts.kept
    )
    try:
        code = await command(Work(backend, place, out, named))
        out.flush()
    except NotSignedIn as error:
        if not error.message.endswith("Sign in first.") or call.token_file:
            raise
        raise NotSignedIn(f"{error.message[:-1]}: {_sign_in_at(place)}") from None
    finally:
        await backend.close()
    return code or 0


def _sign_in_at(place: Context) -> str:
    """The command that signs in there, to be copied."""
    if place.name:
        return f"secconsole --context {shlex.quote(place.name)} sign-in"
    return f"secconsole --backend {shlex.quote(place.backend)} sign-in" if place.backend else "secconsole sign-in"
