"""Checks of `doctor` by operations: whether codes can be sent in each tenant, and whether a server responds."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secconsole.backends.base import Backend
from secconsole.backends.doctor.finding import Finding
from secconsole.backends.http import HttpBackend
from secconsole.backends.session_backend import TokenStore
from secconsole.domain.errors import NotAllowed, NotSignedIn, SecconsoleError
from secconsole.domain.messages.delivery import MessageState, SettingsState
from secconsole.domain.model import FactorKind
from secconsole.operations.caller import Credential, Nobody
from secconsole.operations.delivery import Delivery, MessageRow, ShowDelivery
from secconsole.operations.policy import ShowPolicy
from secconsole.operations.tenants import ListTenants, ShowAdoption

AGREES = timedelta(seconds=5)  # between two clocks, including the time of a slow response
STUCK = timedelta(minutes=1)  # a message that waits longer without an attempt
_WORDS = {FactorKind.EMAIL: ("mail", "set-smtp"), FactorKind.SMS: ("SMS", "set-twilio")}


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A server to check, and the caller."""

    url: str
    ca_file: str
    credential: Credential
    kept: TokenStore | None = None


async def ask_server(place: ServerPlace, now: datetime) -> list[Finding]:
    """Return findings on a server, its clock, and sending in the tenants that the caller may see."""
    backend = HttpBackend(place.url, place.credential, Path(place.ca_file) if place.ca_file else None, place.kept)
    try:
        began = time.monotonic()
        try:
            await backend.reach()
        except SecconsoleError as error:
            return [Finding("server", False, error.message, f"Check that it is running: {backend.title}")]
        took = f"{(time.monotonic() - began) * 1000:.0f} ms"
        found = [Finding("server", True, f"{backend.title} answered in {took}")]
        return found + await ask_tenants(backend, now)
    finally:
        await backend.close()


async def ask_tenants(backend: Backend, now: datetime) -> list[Finding]:
    """Return findings on the clock and on sending in each tenant that the caller may see, without changes."""
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
                found += apart("server clock", adoption.at, now, "the server's")
            if tenant is tenants[0] and delivery.inbox:
                detail = "all messages go into its own inbox, whatever the delivery settings are"
                found.append(
                    Finding(
                        "demo", True, detail, "Do not use it for real accounts. Read the inbox: secconsole demo --inbox"
                    )
                )
            found += sending(tenant.name, policy.kinds, delivery, adoption.at)
    except NotSignedIn as error:
        nobody = isinstance(backend.credential, Nobody)  # a check without a sign-in is not a failure
        advice = "Sign in to have its clock and sending checked: secconsole sign-in"
        found.append(Finding("session", nobody, "not signed in there" if nobody else error.message, advice))
    except NotAllowed:
        found.append(Finding("sending", True, "you may not see the delivery settings there"))
    except SecconsoleError as error:
        found.append(Finding("sending", False, error.message))
    return found


def sending(tenant: str, kinds: tuple[FactorKind, ...], delivery: Delivery, now: datetime) -> Iterator[Finding]:
    """Yield the problems of a tenant's delivery settings, or one finding if there are none."""
    found = [*_without_a_way(tenant, kinds, delivery), *_not_sent(tenant, delivery, now)]
    if all(finding.ok for finding in found):
        states = ", ".join(f"{_WORDS[kind][0]} {_state(delivery, kind)}" for kind in _WORDS)
        sent = sum(day.sent for day in delivery.day)
        yield Finding("sending", True, f"{tenant}: {states}; {sent:,} sent in 24 hours")
    yield from found
    for kind, (word, command) in _WORDS.items():
        if _has(delivery, kind, SettingsState.PENDING):
            test = f"Test them: secconsole delivery test --kind {kind} --to ADDRESS {_of(tenant)}"
            yield Finding("sending", True, f"{tenant}: {word} settings ({command}) are not tested yet", test)


def _without_a_way(tenant: str, kinds: tuple[FactorKind, ...], delivery: Delivery) -> Iterator[Finding]:
    for kind, (word, command) in _WORDS.items():
        if kind in kinds and not _has(delivery, kind, SettingsState.ACTIVE):
            advice = (
                f"Set it up: secconsole delivery {command} {_of(tenant)}, or disallow the kind: secconsole policy set"
            )
            yield Finding("sending", False, f"{tenant}: {kind} is allowed, but no {word} can be sent", advice)


def _not_sent(tenant: str, delivery: Delivery, now: datetime) -> Iterator[Finding]:
    """Yield a finding if more messages fail than arrive, or none leave.

    Single failures are mistyped addresses.
    """
    look = f"See their status: secconsole delivery show {_of(tenant)}"
    for day in delivery.day:
        word = _WORDS[day.kind][0]
        latest = next((_why(m) for m in delivery.recent if m.kind is day.kind and m.problem), "")
        if day.failed:
            detail = f"{tenant}: {day.failed:,} of {word} failed in 24 hours, {day.sent:,} sent{latest}"
            yield Finding("messages", day.failed <= day.sent, detail, look)
        if day.unsure:
            detail = f"{tenant}: {day.unsure:,} of {word} in 24 hours may or may not have arrived"
            yield Finding("messages", True, detail, look)
        stuck = [m for m in delivery.recent if m.kind is day.kind and _is_stuck(m, now)]
        if stuck:
            since = f"{stuck[-1].at:%H:%M} UTC"
            detail = f"{tenant}: {len(stuck):,} of {word} waiting without an attempt, the oldest since {since}"
            advice = "The process that queued them has ended: open the console, or run a server: secconsole serve"
            yield Finding("messages", False, detail, advice)
        elif day.waiting:
            yield Finding("messages", True, f"{tenant}: {day.waiting:,} of {word} waiting{latest}", look)


def _of(tenant: str) -> str:
    """Return the option for a tenant, quoted for a shell.

    A tenant of a server may have any name.
    """
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


def apart(name: str, theirs: datetime, now: datetime, whose: str) -> Iterator[Finding]:
    """Compare the clock that codes are checked against with this machine's."""
    by = theirs - now
    if abs(by) <= AGREES:
        yield Finding(name, True, f"{theirs.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, as this machine's")
        return
    which = "ahead of" if by > timedelta() else "behind"
    detail = f"{abs(by).total_seconds():,.0f} s {which} this machine's"
    yield Finding(name, False, detail, f"Correct the clock that is wrong: codes are checked against {whose}.")
