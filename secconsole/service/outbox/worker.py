"""Delivery of the outbox: messages are claimed in one transaction, sent outside any, and their outcome recorded.

Any number of processes may do so, because each message is claimed by one of them. In the console and in commands,
sending starts when a message is queued and continues while the store is open. A server polls.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from secconsole.delivery.inbox import Inbox
from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.delivery.smtp import SmtpAccount, send_mail
from secconsole.delivery.twilio import TwilioAccount, send_sms
from secconsole.domain.errors import Unavailable
from secconsole.domain.messages.delivery import NOT_AWAITED, MessageState, Purpose
from secconsole.domain.messages.sending import retry_after
from secconsole.domain.model import FactorKind
from secconsole.domain.networks.reach import PUBLIC, Reach
from secconsole.operations.caller import Source
from secconsole.service.context import Context
from secconsole.service.damage import report_damage
from secconsole.service.outbox.accounts import account_of
from secconsole.service.outbox.notices import Notices
from secconsole.service.outbox.queue import unseal_message
from secconsole.service.reminders import is_still_due
from secconsole.service.store import Store
from secconsole.store import delivery, outbox, tenants, users
from secconsole.store.outbox import OutboxRecord
from secconsole.store.sealing.keys import DamagedSecret, KeyRing, SealedPlace
from secconsole.store.sign_in import passcodes

T = TypeVar("T")
Account = SmtpAccount | TwilioAccount | Inbox

log = logging.getLogger(__name__)

AT_ONCE = 32  # messages that one process sends concurrently
OF_ONE_TENANT = 8  # of them: a slow server delays only messages of the tenants that use it
NOTICES_AT_ONCE = 4  # of them: the rest is for messages that people wait for
LOOK_EVERY = 2.0  # seconds
LAST_WAIT = 16.0  # for messages being sent when the store is closed
PATIENCE = 3.0  # of it for an unresponsive server, as long as nobody waits for a code
_FORGOTTEN_AFTER = 24 * 3_600_000
_NO_SETTINGS = {
    FactorKind.EMAIL: "No mail server is set up. Set one up: secconsole delivery set-smtp",
    FactorKind.SMS: "No Twilio account is set up. Set one up: secconsole delivery set-twilio",
}
_STATES = {Result.SENT: MessageState.SENT, Result.FAILED: MessageState.FAILED, Result.UNSURE: MessageState.UNSURE}


@dataclass(frozen=True, slots=True)
class _OutgoingMessage:
    """Message that was claimed, or the reason why it cannot be sent."""

    record: OutboxRecord
    now: int
    account: Account | None = None
    message: Message | None = None
    login: str = ""
    problem: str = ""
    damaged: SealedPlace | None = None


class DeliveryWorker:
    """Worker for one store's outbox, bound to the event loop in which it was woken.

    With an `inbox`, as in a demo, all messages go there, whatever settings are in effect or tested: the people of a
    demo are invented, but their numbers may exist. `reach`: hosts that settings may name.
    """

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        clock: Callable[[], float] | None = None,
        inbox: Inbox | None = None,
        reach: Reach = PUBLIC,
    ) -> None:
        self._reach = reach
        self._store, self._keys, self._clock, self._inbox = store, keys, clock, inbox
        self._task: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._tenants: Counter[int] = Counter()  # of messages being sent
        self._notices = 0  # of messages being sent
        self._left = 0  # messages that were sent
        self._woken, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._calls, self._answered = 0, asyncio.Event()
        self.damaged_secrets = 0  # times that a secret could not be opened
        self._answered.set()
        self._stays = False

    def wake(self) -> None:
        """Start sending after a message was queued."""
        self._idle.clear()
        self._calls += 1
        self._answered.clear()
        self._woken.set()
        if self._task is None or self._task.done():
            # In a new context: it outlives the request that woke it, with everything cached for that.
            self._task = asyncio.create_task(self._work(), context=contextvars.Context())

    def stay(self) -> None:
        """Poll for messages from now on, including those of other processes."""
        self._stays = True
        self.wake()

    async def wait_idle(self, *, notices: bool = True) -> None:
        """Wait until all messages due at the last wake-up were tried, without `notices` only those people wait for.

        There may be notices for hundreds of people, and a slow mail server.
        """
        await (self._idle if notices else self._answered).wait()

    async def close(self) -> None:
        """Wait for messages being sent, for a limited time, and leave retries in the outbox."""
        if self._task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WAIT):
                await self._end()
        tasks = [self._task, *self._sending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self) -> None:
        """Wait for everything that is due, and for notices, which can be sent later, only while they make progress."""
        left = -1
        while left != self._left or not self._answered.is_set():
            left = self._left
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wait_idle(), PATIENCE)
                return

    async def _work(self) -> None:
        """Send until nothing waits, without letting slow messages delay others."""
        reported = ""
        while True:
            self._woken.clear()
            calls = self._calls
            wait: float | None = LOOK_EVERY
            try:
                if await self._read(self._is_due):
                    await self._begin_all()
                wait = await self._read(self._until_next)
            except Unavailable as error:
                if error.message != reported:  # once, and not every two seconds while it lasts
                    log.warning("Messages could not be sent: %s", error.message)
                reported = error.message
            else:
                reported = ""
            self._look_who_waits(calls)
            if not self._sending and not self._woken.is_set():
                self._idle.set()
                if wait is None and not self._stays:
                    return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_EVERY if wait is None else min(wait, LOOK_EVERY))

    async def _begin_all(self) -> None:
        """Claim everything that is due now and start sending it concurrently."""
        while True:
            while len(self._sending) >= AT_ONCE:
                await asyncio.wait(set(self._sending), return_when=asyncio.FIRST_COMPLETED)
            calls = self._calls
            outgoing = await self._write(self._take)
            if outgoing is None:
                return
            if outgoing.damaged is not None:
                await self._report(outgoing.damaged)
            is_notice = outgoing.record.purpose in NOT_AWAITED
            if is_notice:  # then no code waits to be claimed
                self._look_who_waits(calls)
            task = asyncio.create_task(self._send(outgoing))
            self._sending.add(task)
            self._tenants[outgoing.record.tenant_pk] += 1
            task.add_done_callback(partial(self._leave_tenant, outgoing.record.tenant_pk))
            self._notices += is_notice
            task.add_done_callback(self._notice_sent if is_notice else self._sent)

    async def _report(self, place: SealedPlace) -> None:
        """Report a secret that cannot be opened, in a separate transaction."""
        self.damaged_secrets += 1

        def report(connection: sa.Connection) -> None:
            context = Context(connection, self._keys, self._now(connection), Source("server"), Notices())
            report_damage(context, place)

        with suppress(Unavailable):
            await self._write(report)

    def _look_who_waits(self, calls: int) -> None:
        """Wake callers that wait for codes to be sent, once only notices are in progress."""
        if self._notices == len(self._sending) and calls == self._calls:
            self._answered.set()

    def _leave_tenant(self, tenant_pk: int, task: asyncio.Task[None]) -> None:
        self._tenants[tenant_pk] -= 1

    @property
    def _busy(self) -> list[int]:
        """Tenants from which nothing is claimed until one of their messages was sent."""
        return [tenant_pk for tenant_pk, number in self._tenants.items() if number >= OF_ONE_TENANT]

    def _notice_sent(self, task: asyncio.Task[None]) -> None:
        self._notices -= 1
        self._sent(task)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._woken.set()

    @property
    def _takes_notices(self) -> bool:
        return self._notices < NOTICES_AT_ONCE

    def _is_due(self, connection: sa.Connection) -> bool:
        return outbox.is_due(connection, self._now(connection), notices=self._takes_notices, but=self._busy)

    async def _send(self, outgoing: _OutgoingMessage) -> None:
        outcome = DeliveryOutcome(Result.FAILED, outgoing.problem)
        try:
            if outgoing.message is not None and outgoing.account is not None:
                outcome = await _hand_over(outgoing, outgoing.account, outgoing.message)
        except asyncio.CancelledError:
            if outgoing.record.purpose not in NOT_AWAITED:
                raise
            outcome = DeliveryOutcome(
                Result.LATER, "The program that was sending it was closed."
            )  # twice is better than never
        except Exception as error:  # no error may stop the others, or be shown with the message
            log.error("A message could not be sent: %s", type(error).__name__)
            outcome = DeliveryOutcome(
                Result.UNSURE, f"An unexpected error occurred while sending it ({type(error).__name__})."
            )
        self._left += outcome.result is Result.SENT
        # The message was sent. If this cannot be recorded, it is given up later and not sent again.
        with suppress(Unavailable):
            await self._write(lambda connection: self._note(connection, outgoing.record, outcome))

    def _take(self, connection: sa.Connection) -> _OutgoingMessage | None:
        now = self._now(connection)
        outbox.tidy(connection, now)
        passcodes.forget_old(connection, now - _FORGOTTEN_AFTER)
        record = self._take_wanted(connection, now)
        if record is None:
            return None
        settings = delivery.settings_to_send_with(connection, record.tenant_pk, record.kind, record.settings)
        if settings is None:
            changed = "The settings under test were replaced in the meantime."
            return _OutgoingMessage(record, now, problem=changed if record.settings else _NO_SETTINGS[record.kind])
        try:
            message = unseal_message(self._keys, record.tenant_pk, record.id, record.sealed)
            account = self._inbox or account_of(self._keys, settings, self._reach)
            user = users.user_by_pk(connection, record.user_pk) if self._inbox and record.user_pk else None
            return _OutgoingMessage(record, now, account, message, login=user.login if user else "")
        except Unavailable as error:
            damaged = error.place if isinstance(error, DamagedSecret) else None
            return _OutgoingMessage(record, now, problem=error.message, damaged=damaged)

    def _take_wanted(self, connection: sa.Connection, now: int) -> OutboxRecord | None:
        """Claim the next message, and void reminders of users who have begun to bind a factor meanwhile."""
        while (record := outbox.take(connection, now, notices=self._takes_notices, but=self._busy)) is not None:
            if record.purpose is not Purpose.REMINDER or record.user_pk is None:
                return record
            tenant = tenants.tenant_by_pk(connection, record.tenant_pk)
            user = users.user_by_pk(connection, record.user_pk)
            if user is not None and is_still_due(tenant, user, now):
                return record
            outbox.end(connection, record, MessageState.VOID, now=now, problem="It is no longer needed.")
        return None

    def _note(self, connection: sa.Connection, record: OutboxRecord, outcome: DeliveryOutcome) -> None:
        now = self._now(connection)
        if outcome.result is not Result.LATER:
            state = _STATES[outcome.result]
            outbox.end(connection, record, state, now=now, problem=outcome.problem)
            return
        due = now + max(retry_after(record.attempts), outcome.wait * 1000)
        if due < record.expires:
            outbox.put_back(connection, record, due=due, problem=outcome.problem)
        else:
            outbox.end(connection, record, MessageState.EXPIRED, now=now, problem=outcome.problem)

    def _until_next(self, connection: sa.Connection) -> float | None:
        """Return the seconds until a message is due, or None if none waits."""
        due = outbox.next_due(connection, notices=self._takes_notices, but=self._busy)
        return None if due is None else max(0.05, (due - self._now(connection)) / 1000)

    def _now(self, connection: sa.Connection) -> int:
        return int((self._clock() if self._clock is not None else self._store.now(connection)) * 1000)

    async def _read(self, body: Callable[[sa.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.read(body))

    async def _write(self, body: Callable[[sa.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.write(body))


async def _hand_over(outgoing: _OutgoingMessage, account: Account, message: Message) -> DeliveryOutcome:
    moment = datetime.fromtimestamp(outgoing.now / 1000, UTC)
    if isinstance(account, Inbox):
        return await asyncio.to_thread(
            account.put, outgoing.record.id, outgoing.record.kind, outgoing.login, message, moment
        )
    if isinstance(account, SmtpAccount):
        return await send_mail(account, message, moment)
    return await send_sms(account, message)
