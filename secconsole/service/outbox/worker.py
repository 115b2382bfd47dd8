"""Sending what is in the outbox: taken in one transaction, handed on outside of any, and what came of it noted.

One process or several may be at it: a message is taken by one of them. In the console and in commands sending begins
once something was put in, and goes on while the store is open; a server looks again and again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa

from secconsole.delivery.inbox import Inbox
from secconsole.delivery.message import Message, Outcome, Result
from secconsole.delivery.smtp import SmtpAccount, send_mail
from secconsole.delivery.twilio import TwilioAccount, send_sms
from secconsole.domain.delivery import MessageState, Purpose
from secconsole.domain.errors import Unavailable
from secconsole.domain.model import FactorKind
from secconsole.domain.sending import retry_after
from secconsole.service.delivery_accounts import account_of
from secconsole.service.outgoing import unseal_message
from secconsole.service.store import Store
from secconsole.store import delivery, outbox, passcodes, users
from secconsole.store.keys import KeyRing
from secconsole.store.outbox import OutboxRecord

T = TypeVar("T")
Account = SmtpAccount | TwilioAccount | Inbox

log = logging.getLogger(__name__)

AT_ONCE = 8  # messages that one process hands on at a time
NOTICES_AT_ONCE = 4  # of them: the rest is for what somebody waits for
LOOK_EVERY = 2.0  # seconds
LAST_WAIT = 16.0  # for what is being handed on when the store is closed
PATIENCE = 3.0  # of it with a server that takes no notice, as long as nobody waits for a code
_FORGOTTEN_AFTER = 24 * 3_600_000
_NO_SETTINGS = {
    FactorKind.EMAIL: "No mail server is set up. Set one: secconsole delivery set-smtp",
    FactorKind.SMS: "No account at Twilio is set up. Set one: secconsole delivery set-twilio",
}
_STATES = {Result.SENT: MessageState.SENT, Result.FAILED: MessageState.FAILED, Result.UNSURE: MessageState.UNSURE}


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message that was taken, or why it cannot be sent."""

    record: OutboxRecord
    now: int
    account: Account | None = None
    message: Message | None = None
    login: str = ""
    problem: str = ""


class Courier:
    """Sends what is in one store's outbox. Belongs to the event loop that it was woken in.

    With an `inbox`, as a demo has, all goes there, whatever settings are in effect or being tested: the people of a
    demo are invented, and so are their numbers, which may be somebody's.
    """

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        clock: Callable[[], float] | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        self._store, self._keys, self._clock, self._inbox = store, keys, clock, inbox
        self._task: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._notices = 0  # of those being sent
        self._left = 0  # messages that were handed over
        self._woken, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._calls, self._answered = 0, asyncio.Event()
        self._answered.set()
        self._stays = False

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._idle.clear()
        self._calls += 1
        self._answered.clear()
        self._woken.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    def stay(self) -> None:
        """From now on look for messages again and again, also for those of other processes."""
        self._stays = True
        self.wake()

    async def rest(self, *, notices: bool = True) -> None:
        """Wait until all that was due when this was last woken was tried; without `notices` all that people wait for.

        There may be notices for hundreds of people, and a mail server that takes its time for each.
        """
        await (self._idle if notices else self._answered).wait()

    async def close(self) -> None:
        """Let what is being handed on end, for a while; what waits for another try stays in the outbox."""
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
        """Wait for all that is due; of notices, which can leave later as well, only as long as some do leave."""
        left = -1
        while left != self._left or not self._answered.is_set():
            left = self._left
            with suppress(TimeoutError):
                await asyncio.wait_for(self.rest(), PATIENCE)
                return

    async def _work(self) -> None:
        """Send until nothing waits any more; what is slow to send holds nothing else up."""
        told = ""
        while True:
            self._woken.clear()
            calls = self._calls
            wait: float | None = LOOK_EVERY
            try:
                if await self._read(self._is_due):
                    await self._begin_all()
                wait = await self._read(self._until_next)
            except Unavailable as error:
                if error.message != told:  # once, not every two seconds as long as it lasts
                    log.warning("Messages could not be sent: %s", error.message)
                told = error.message
            else:
                told = ""
            self._look_who_waits(calls)
            if not self._sending and not self._woken.is_set():
                self._idle.set()
                if wait is None and not self._stays:
                    return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_EVERY if wait is None else min(wait, LOOK_EVERY))

    async def _begin_all(self) -> None:
        """Take all that is due now, and begin to hand it on: several at a time."""
        while True:
            while len(self._sending) >= AT_ONCE:
                await asyncio.wait(set(self._sending), return_when=asyncio.FIRST_COMPLETED)
            calls = self._calls
            letter = await self._write(self._take)
            if letter is None:
                return
            is_notice = letter.record.purpose is Purpose.NOTICE
            if is_notice:  # then no code waits to be taken
                self._look_who_waits(calls)
            task = asyncio.create_task(self._send(letter))
            self._sending.add(task)
            self._notices += is_notice
            task.add_done_callback(self._notice_sent if is_notice else self._sent)

    def _look_who_waits(self, calls: int) -> None:
        """Tell those who wait for a code to leave, if nothing else is on its way than notices."""
        if self._notices == len(self._sending) and calls == self._calls:
            self._answered.set()

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
        return outbox.is_due(connection, self._now(connection), notices=self._takes_notices)

    async def _send(self, letter: _Letter) -> None:
        outcome = Outcome(Result.FAILED, letter.problem)
        try:
            if letter.message is not None and letter.account is not None:
                outcome = await _hand_over(letter, letter.account, letter.message)
        except asyncio.CancelledError:
            if letter.record.purpose is not Purpose.NOTICE:
                raise
            outcome = Outcome(Result.LATER, "The program that was sending it was closed.")  # twice is better than never
        except Exception as error:  # whatever it is, it must not hold up the others, nor be told with the message
            log.error("A message could not be sent: %s", type(error).__name__)
            outcome = Outcome(
                Result.UNSURE, f"Something unexpected happened while sending it ({type(error).__name__})."
            )
        self._left += outcome.result is Result.SENT
        # What was handed over is: if this cannot be noted, the message is given up later and not sent again.
        with suppress(Unavailable):
            await self._write(lambda connection: self._note(connection, letter.record, outcome))

    def _take(self, connection: sa.Connection) -> _Letter | None:
        now = self._now(connection)
        outbox.tidy(connection, now)
        passcodes.forget_old(connection, now - _FORGOTTEN_AFTER)
        record = outbox.take(connection, now, notices=self._takes_notices)
        if record is None:
            return None
        settings = delivery.settings_to_send_with(connection, record.tenant_pk, record.kind, record.settings)
        if settings is None:
            changed = "The settings that this was to test were replaced meanwhile."
            return _Letter(record, now, problem=changed if record.settings else _NO_SETTINGS[record.kind])
        try:
            message = unseal_message(self._keys, record.tenant_pk, record.id, record.sealed)
            account = self._inbox or account_of(self._keys, settings)
            user = users.user_by_pk(connection, record.user_pk) if self._inbox and record.user_pk else None
            return _Letter(record, now, account, message, login=user.login if user else "")
        except Unavailable as error:
            return _Letter(record, now, problem=error.message)

    def _note(self, connection: sa.Connection, record: OutboxRecord, outcome: Outcome) -> None:
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
        """Seconds until a message is due; None if none waits."""
        due = outbox.next_due(connection, notices=self._takes_notices)
        return None if due is None else max(0.05, (due - self._now(connection)) / 1000)

    def _now(self, connection: sa.Connection) -> int:
        return int((self._clock() if self._clock is not None else self._store.now(connection)) * 1000)

    async def _read(self, body: Callable[[sa.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.read(body))

    async def _write(self, body: Callable[[sa.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.write(body))


async def _hand_over(letter: _Letter, account: Account, message: Message) -> Outcome:
    moment = datetime.fromtimestamp(letter.now / 1000, UTC)
    if isinstance(account, Inbox):
        return await asyncio.to_thread(account.put, letter.record.id, letter.record.kind, letter.login, message, moment)
    if isinstance(account, SmtpAccount):
        return await send_mail(account, message, moment)
    return await send_sms(account, message)
