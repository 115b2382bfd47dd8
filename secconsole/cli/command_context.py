"""The context of a command: a backend with credentials, the tenant, and the output."""

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
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from secconsole.backends.base import Backend
from secconsole.cli.command import Call, current_call
from secconsole.cli.credentials import resolve_credentials
from secconsole.cli.diagnostics import ask, ask_hidden, can_ask, say
from secconsole.cli.output import Output
from secconsole.cli.sending import wait_until_sent
from secconsole.config.contexts import NamedContext
from secconsole.domain.errors import Invalid, NotAllowed, NotSignedIn, StepUpNeeded
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Nobody
from secconsole.operations.factors import ListFactors
from secconsole.operations.signin import Identity, WhoAmI
from secconsole.operations.step_up import SendStepUpCode, ShowStepUpSending, StepUp
from secconsole.operations.tenants import ListTenants

if TYPE_CHECKING:
    from secconsole.backends.stores import StorePlace

P = ParamSpec("P")
R = TypeVar("R")

TENANT_VARIABLE = "SECCONSOLE_TENANT"


@dataclass(slots=True)
class CommandContext:
    """The connection, credentials and output of one command.

    `named_tenant` is the given or configured tenant, or empty.
    """

    backend: Backend
    target: NamedContext
    out: Output
    named_tenant: str

    async def tenant(self) -> str:
        """Return the tenant to work on: the named one, or the only one.

        Raise `Invalid` if there are several and none was named.
        """
        if not self.named_tenant:
            tenants = (await self.backend.perform(ListTenants())).items
            if len(tenants) != 1:
                names = ", ".join(t.name for t in tenants[:10]) or "none yet"
                raise Invalid(f"Name the tenant with --tenant NAME. Tenants: {names}.", "tenant")
            self.named_tenant = tenants[0].name
        return self.named_tenant

    async def perform(self, operation: Operation[R]) -> R:
        """Perform an operation, and ask at the terminal for a password and code where step-up is required."""
        try:
            reply = await self.backend.perform(operation)
        except StepUpNeeded as error:
            if not can_ask():
                raise StepUpNeeded(f"{error.message} To prove both, sign in again: secconsole sign-in") from None
            await self._step_up()
            reply = await self.backend.perform(operation)
        self.out.changed |= operation.spec.writes
        return reply

    async def _step_up(self) -> None:
        who = await self.backend.perform(WhoAmI())
        if who.bound:
            say(f"This operation requires a code of {who.login} again.")
            await self._send_code(who)
            asked = StepUp(code=Secret(ask("Code:")))
        else:
            say(f"This operation requires the password of {who.login} again.")
            asked = StepUp(password=ask_hidden("Password:"))
        proof = await self.backend.perform(asked)
        if not proof.accepted:
            raise NotAllowed(proof.message or "The password or code was wrong. Nothing was changed.")

    async def _send_code(self, who: Identity) -> None:
        """Send a code to a user who has no authenticator app."""
        factors = (await self.backend.perform(ListFactors(tenant=who.tenant, user=who.id))).items
        active = [factor for factor in factors if factor.state is FactorState.ACTIVE]
        if active and all(factor.kind is not FactorKind.TOTP for factor in active):
            sent = await self.backend.perform(SendStepUpCode(factor=active[0].id))
            if sent.sent:
                await wait_until_sent(self.backend, ShowStepUpSending())
            say(f"A code is on its way to {sent.masked}." if sent.sent else sent.message)
            if sent.prefix:
                say(f"Enter the digits after {sent.prefix}-")


def with_backend(command: Callable[Concatenate[CommandContext, P], Awaitable[int | None]]) -> Callable[P, int]:
    """Turn a coroutine into a command that opens the backend, runs it, and flushes the output before closing."""
    return with_backend_as("command")(command)


def with_backend_as(
    channel: str,
) -> Callable[[Callable[Concatenate[CommandContext, P], Awaitable[int | None]]], Callable[P, int]]:
    """Do the same with another channel for the audit, which does not wait until messages are sent."""

    def turn(command: Callable[Concatenate[CommandContext, P], Awaitable[int | None]]) -> Callable[P, int]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> int:
            with interruptible():
                return asyncio.run(_run(current_call(), channel, lambda context: command(context, *args, **kwargs)))

        return run

    return turn


def run_in_store(store: StorePlace, command: Callable[[CommandContext], Awaitable[int | None]]) -> int:
    """Run a coroutine on the given store as its owner."""
    with interruptible():
        return asyncio.run(_run_in_store(current_call(), store, command))


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a prompt or a read at once, where the handler of asyncio would wait for the answer."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _run(call: Call, channel: str, command: Callable[[CommandContext], Awaitable[int | None]]) -> int:
    from secconsole.backends.open import open_backend

    target = call.target()
    resolved = resolve_credentials(target, call.token_file)
    if call.tenant == "":
        raise Invalid("--tenant must not be empty.", "tenant")
    named = call.tenant or os.environ.get(TENANT_VARIABLE, "") or target.tenant or resolved.tenant
    out = Output(call.format)
    backend = await open_backend(
        target.backend, credential=resolved.credential, channel=channel, ca_file=target.ca_file, kept=resolved.kept
    )
    try:
        code = await command(CommandContext(backend, target, out, named))
        out.flush()
    except NotSignedIn as error:
        if not error.message.endswith("Sign in first.") or call.token_file:
            raise
        raise NotSignedIn(f"{error.message[:-1]}: {_sign_in_command(target)}") from None
    finally:
        await backend.close()
    return code or 0


async def _run_in_store(
    call: Call, store: StorePlace, command: Callable[[CommandContext], Awaitable[int | None]]
) -> int:
    from secconsole.backends.stores import open_store

    out = Output(call.format)
    backend = await open_store(store, store.owner or Nobody(), "command")
    try:
        code = await command(CommandContext(backend, NamedContext(), out, call.tenant or ""))
        out.flush()
    finally:
        await backend.close()
    return code or 0


def _sign_in_command(target: NamedContext) -> str:
    """Return the command that signs in there, ready to copy."""
    if target.name:
        return f"secconsole --context {shlex.quote(target.name)} sign-in"
    return f"secconsole --backend {shlex.quote(target.backend)} sign-in" if target.backend else "secconsole sign-in"
