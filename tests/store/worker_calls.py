"""A process that opens a store and makes the same call many times at once, from many threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import argon2

from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.owner import store_owner
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Nobody
from secconsole.operations.factors import ConfirmFactor, VerifyCode
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.service.context import PasswordCheck
from secconsole.service.factors import codes
from secconsole.service.handlers.sign_in import signin
from tests.organisation import TENANT, cheap_passwords

Call = tuple[str, ...]  # what to ask, and its secrets as plain text


def operation_of(call: Call) -> Operation[Any]:
    match call:
        case ("verify", user, code):
            return VerifyCode(tenant=TENANT, user=user, code=Secret(code))
        case ("confirm", enrollment, code):
            return ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=Secret(code))
        case ("second-factor", challenge, code):
            return VerifySignIn(challenge=Secret(challenge), factor="", code=Secret(code))
        case ("sign-in", login, password):
            return SignIn(tenant=TENANT, login=login, password=Secret(password))
        case _:
            raise ValueError(call[0])


async def opened(now: float) -> EmbeddedBackend:
    owner = store_owner()
    assert owner is not None
    return await open_embedded(owner, "command", clock=lambda: now, passwords=cheap_passwords())


def call_at_once(home: Path, pipe: Connection, calls: list[Call], now: float) -> None:
    """Report ready, wait for the start, make every call in a separate thread, and send the replies and counts."""
    looked = _Looked()
    backend = asyncio.run(opened(now))
    if calls[0][0] in ("second-factor", "sign-in"):
        backend.credential = Nobody()
    pipe.send("ready")
    pipe.recv()
    answers: list[str] = []
    together = threading.Barrier(len(calls))

    def ask(call: Call) -> None:
        operation = operation_of(call)
        together.wait()
        answers.append(asyncio.run(_answer(backend, operation)))

    threads = [threading.Thread(target=ask, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(backend.close())
    pipe.send((answers, looked.codes, looked.passwords, looked.hashes))


async def _answer(backend: EmbeddedBackend, operation: Operation[Any]) -> str:
    try:
        reply = await backend.perform(operation)
    except SecconsoleError as error:
        return error.code
    if hasattr(reply, "accepted"):
        return "accepted" if reply.accepted else "refused"
    return str(reply.status)


class _Looked:
    """Counts of the codes compared, and of the passwords in a way that can admit a user."""

    def __init__(self) -> None:
        self.codes = self.passwords = self.hashes = 0
        self._lock = threading.Lock()
        self._watch(codes, "matching_step", "codes")
        self._watch(argon2.PasswordHasher, "verify", "hashes")
        looked = self

        class Noted(PasswordCheck):
            def __init__(self, stored: str | None, allowed: bool, reserved: int = 0) -> None:
                super().__init__(stored, allowed, reserved)
                looked.count("passwords", int(allowed))

        setattr(signin, "PasswordCheck", Noted)  # noqa: B010

    def count(self, name: str, more: int = 1) -> None:
        with self._lock:
            setattr(self, name, getattr(self, name) + more)

    def _watch(self, where: object, name: str, counter: str) -> None:
        original: Callable[..., Any] = getattr(where, name)

        def noting(*args: Any, **kwargs: Any) -> Any:
            self.count(counter)
            return original(*args, **kwargs)

        setattr(where, name, noting)
