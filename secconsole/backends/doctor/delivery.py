"""What `doctor` finds out by asking: whether codes can be sent in each tenant, and whether a server is there at all."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secconsole.backends.acting import KeptToken
from secconsole.backends.base import Backend
from secconsole.backends.finding import Finding
from secconsole.backends.http import HttpBackend
from secconsole.domain.delivery import MessageState, SettingsState
from secconsole.domain.errors import NotAllowed, NotSignedIn, SecconsoleError
from secconsole.domain.model import FactorKind
from secconsole.operations.caller import Credential, Nobody
from secconsole.operations.delivery import Delivery, MessageRow, ShowDelivery
from secconsole.operations.policy import ShowPolicy
from secconsole.operations.tenants import ListTenants, ShowAdoption

AGREES = timedelta(seconds=5)  # between two clocks, a slow answer included
STUCK = timedelta(minutes=1)  # that a message waits without having been tried
_WORDS = {FactorKind.EMAIL: ("mail", "set-smtp"), FactorKind.SMS: ("SMS", "set-twilio")}


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A server to look at, and who asks it."""

    url: str
    ca_file: str
    credential: Credential
    kept: KeptToken | None = None


async def ask_server(place: ServerPlace, now: datetime) -> list[Finding]:
    """Whether a server answers, whose clock is right, and whether codes can be sent in the tenants one may see."""
    backend = HttpBackend(place.url, place.credential, Path(place.ca_file) if place.ca_file else None, place.kept)
    try:
        began = time.monotonic()
        try:
            await backend.reach()
        except SecconsoleError as error:
            return [Finding("server", False, error.message, f"Look whether it runs there: {backend.title}")]
        took = f"{(time.monotonic() - began) * 1000:.0f} ms"
        found = [Finding("server", True, f"{backend.title} answered in {took}")]
        return found + await ask_tenants(backend, now)
    finally:
        await backend.close()


async def ask_tenants(backend: Backend, now: datetime) -> list[Finding]:
    """What there is to say of the clock and of sending in each tenant that one may see; changes nothing."""
    found: list[Finding] = []
    try:
        tenants = (await backend.perform(ListTenants())).items
        for tenant in tenants:
            policy, delivery, adoption = await asyncio.gather(
                backend.perform(ShowPolicy(tenant=tenant.name)),
                backend.perform(ShowDelivery(tenant=tenant.name)),
                backend.perform(ShowAdoption(tenant=tenant.name)),
            )
            if tenant is tenants[0] and isinstance(backend, HttpBackend):
                found += _apart(adoption.at, now)
            if tenant is tenants[0] and delivery.inbox:
                detail = "whatever is set up, messages go into its own inbox, where they can be read"
                found.append(
                    Finding("demo", True, detail, "Use it for nothing real. Read them: secconsole demo --inbox")
                )
            found += sending(tenant.name, policy.kinds, delivery, adoption.at)
    except NotSignedIn as error:
        nobody = isinstance(backend.credential, Nobody)  # who is signed in nowhere may still ask whether it is there
        advice = "Sign in to have clock and sending looked at: secconsole sign-in"
        found.append(Finding("session", nobody, "nobody is signed in there" if nobody else error.message, advice))
    except NotAllowed:
        found.append(Finding("sending", True, "you may not see it there"))
    except SecconsoleError as error:
        found.append(Finding("sending", False, error.message))
    return found


def sending(tenant: str, kinds: tuple[FactorKind, ...], delivery: Delivery, now: datetime) -> Iterator[Finding]:
    """What is wrong with how a tenant sends, or one line that says that all is well."""
    found = [*_without_a_way(tenant, kinds, delivery), *_not_sent(tenant, delivery, now)]
    if all(finding.ok for finding in found):
        states = ", ".join(f"{_WORDS[kind][0]} {_state(delivery, kind)}" for kind in _WORDS)
        sent = sum(day.sent for day in delivery.day)
        yield Finding("sending", True, f"{tenant}: {states}; {sent:,} sent in 24 hours")
    yield from found
    for kind, (word, command) in _WORDS.items():
        if _has(delivery, kind, SettingsState.PENDING):
            test = f"Test them: secconsole delivery test --kind {kind} --to ADDRESS {_of(tenant)}"
            yield Finding("sending", True, f"{tenant}: {word} settings ({command}) wait for their test", test)


def _without_a_way(tenant: str, kinds: tuple[FactorKind, ...], delivery: Delivery) -> Iterator[Finding]:
    for kind, (word, command) in _WORDS.items():
        if kind in kinds and not _has(delivery, kind, SettingsState.ACTIVE):
            advice = f"Set it up: secconsole delivery {command} {_of(tenant)}, or take the kind away: policy set"
            yield Finding("sending", False, f"{tenant}: {kind} is allowed, and no {word} can be sent", advice)


def _not_sent(tenant: str, delivery: Delivery, now: datetime) -> Iterator[Finding]:
    """Some failures are addresses typed wrong: what is wrong is when more fail than arrive, or nothing leaves."""
    look = f"See what became of them: secconsole delivery show {_of(tenant)}"
    for day in delivery.day:
        word = _WORDS[day.kind][0]
        latest = next((_why(m) for m in delivery.recent if m.kind is day.kind and m.problem), "")
        if day.failed:
            detail = f"{tenant}: {day.failed:,} of {word} failed in 24 hours, {day.sent:,} sent{latest}"
            yield Finding("messages", day.failed <= day.sent, detail, look)
        if day.unsure:
            detail = f"{tenant}: of {day.unsure:,} of {word} in 24 hours nobody knows whether they arrived"
            yield Finding("messages", True, detail, look)
        stuck = [m for m in delivery.recent if m.kind is day.kind and _is_stuck(m, now)]
        if stuck:
            detail = (
                f"{tenant}: {len(stuck):,} of {word} waiting and not tried; the oldest since {stuck[-1].at:%H:%M} UTC"
            )
            advice = "Whoever wrote them ended: open the console, or have a server run: secconsole serve"
            yield Finding("messages", False, detail, advice)
        elif day.waiting:
            yield Finding("messages", True, f"{tenant}: {day.waiting:,} of {word} waiting{latest}", look)


def _of(tenant: str) -> str:
    """As it is copied into a shell: a server may have any name for a tenant."""
    return f"--tenant {shlex.quote(tenant)}"


def _why(message: MessageRow) -> str:
    return f"; the latest: {message.problem}"


def _is_stuck(message: MessageRow, now: datetime) -> bool:
    return message.state is MessageState.WAITING and not message.attempts and now - message.at > STUCK


def _has(delivery: Delivery, kind: FactorKind, state: SettingsState) -> bool:
    settings = delivery.smtp if kind is FactorKind.EMAIL else delivery.twilio
    return any(one.state is state for one in settings)


def _state(delivery: Delivery, kind: FactorKind) -> str:
    if _has(delivery, kind, SettingsState.ACTIVE):
        return "in effect"
    return "not tested" if _has(delivery, kind, SettingsState.PENDING) else "not set up"


def _apart(theirs: datetime, now: datetime) -> Iterator[Finding]:
    by = theirs - now
    if abs(by) <= AGREES:
        yield Finding("server clock", True, f"{theirs.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, as this machine's")
        return
    which = "ahead of" if by > timedelta() else "behind"
    detail = f"{abs(by).total_seconds():,.0f} s {which} this machine's"
    yield Finding("server clock", False, detail, "Set the one that is wrong: codes are checked against the server's.")
