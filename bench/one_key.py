"""Operations and availability checks of one key, counted and not timed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from textual.pilot import Pilot

from bench.console import Account, take_accounts
from bench.figure import Bench, Result
from secconsole.backends.base import Backend
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import open_embedded
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.model import BindingStatus
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.screens.users.users import Users

USERS = 100
_AFTER = 2.0  # seconds after Enter, as the store's notice of the change comes within one


def counts(bench: Bench) -> Iterator[Result]:
    """Measure Enter on Unbind in the Users place, including the store's notice that follows it."""
    bench.say("one key: Enter on Unbind")
    with bench.stores.copy(USERS, "one-key") as home:
        operations, checks, actions = asyncio.run(_unbind(home))
    yield Result(
        "operations per unbind",
        len(operations),
        3,
        "",
        f"{', '.join(operations)}; from Enter until {_AFTER:.0f} s later",
    )
    yield Result(
        "availability checks per key",
        checks / actions,
        1,
        "",
        f"Enter on Unbind: {checks} checks of {actions} actions; once each is needed for cursor, role and details",
    )


async def _unbind(home: Path) -> tuple[list[str], int, int]:
    """Return the operations that Enter on Unbind performs, its availability checks, and the number of actions."""
    os.environ[HOME_VARIABLE] = str(home)
    backend = await open_embedded(Nobody(), "console")
    await _sign_in(backend, next(iter(take_accounts(home).values())))
    app = SecConsole(Terminal(), opener=_never, session=backend, first_place="users")
    operations: list[str] = []
    checks = 0
    perform, why_not = backend.perform, Users.why_not

    async def counted(operation: Operation[Any]) -> Any:
        operations.append(type(operation).__name__)
        return await perform(operation)

    def checked(place: Users, action: Any) -> str:
        nonlocal checks
        checks += 1
        return why_not(place, action)

    async with app.run_test(size=(80, 24)) as pilot:
        await _until(pilot, lambda: isinstance(app.screen, Users) and app.screen.detail is not None)
        place = app.screen
        assert isinstance(place, Users)
        while place.person is None or place.person.status is not BindingStatus.BOUND or place.person.role != "user":
            place.table.move_to(place.table.cursor_index + 1)
            await pilot.pause(0.05)
        await _until(pilot, lambda: place.detail is not None and place.detail.user == place.person)
        await pilot.press("u", *"lost phone", "tab", "tab", "right")
        await _until(pilot, lambda: app.keys_settled and not app.keys_held)
        with mock.patch.object(backend, "perform", counted), mock.patch.object(Users, "why_not", checked):
            await pilot.press("enter")
            await pilot.pause(_AFTER)
        actions = len(place.actions)
    await backend.close()
    return operations, checks, actions


async def _sign_in(backend: Backend, account: Account) -> None:
    answer = await backend.perform(SignIn(tenant=TENANT, login=account.login, password=Secret(account.password)))
    if answer.challenge is not None:
        assert account.seed is not None
        code = Secret(code_for_step(account.seed, time_step(time.time())))
        factor = next(factor for factor in answer.factors if factor.kind == "totp")
        answer = await backend.perform(VerifySignIn(challenge=answer.challenge, factor=factor.id, code=code))
    assert answer.token is not None
    backend.credential = Bearer(answer.token)


async def _never() -> Backend:
    raise AssertionError("signed in already")


async def _until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    for _ in range(2000):
        if condition():
            return
        await pilot.pause(0.005)
    raise TimeoutError("the console did not get there")
