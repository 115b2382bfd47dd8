"""A1: no lock is held while text is prepared, which happens before a request's transaction begins.

A write locks its tenant, on PostgreSQL for all servers, from the beginning of its body to its COMMIT.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.domain.text import normal
from secconsole.operations.base import Operation
from secconsole.operations.caller import Nobody
from secconsole.operations.factors import VerifyCode
from secconsole.operations.signin import SignIn
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import PASSWORD, TENANT, Organisation, organisation_in
from tests.store.examples import EXAMPLES, WRITING

WORST = "a" + "\u0301\u0316" * 20
NAME = "Zo\u00eb\u0323\u0302"


class Watch:
    """Texts that were normalised while the body of a write ran. `bodies` counts those, so that none is missed."""

    def __init__(self, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inside: list[str] = []
        self.bodies = 0
        self._here = threading.local()
        write, normalize = backend.store.write, unicodedata.normalize

        def watched_write(body: Callable[[Any], Any], *args: Any, **kwargs: Any) -> Any:
            def watched(connection: Any) -> Any:
                self.bodies += 1
                self._here.writes = True
                try:
                    return body(connection)
                finally:
                    self._here.writes = False

            return write(watched, *args, **kwargs)

        def watched_normalize(form: Any, text: str) -> str:
            if getattr(self._here, "writes", False):
                self.inside.append(text)
            return normalize(form, text)

        monkeypatch.setattr(backend.store, "write", watched_write)
        monkeypatch.setattr(unicodedata, "normalize", watched_normalize)


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def organisation(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Organisation]:
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    async with organisation_in(home, postgres=postgres) as made:
        yield made


@pytest.fixture
def watch(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(organisation.backend, monkeypatch)


async def test_the_monitor_sees_work_inside_the_lock(organisation: Organisation, watch: Watch) -> None:
    await asyncio.wrap_future(organisation.backend.store.write(lambda _: normal("NFC", WORST)))
    assert "".join(watch.inside) == WORST


@pytest.mark.parametrize("name", [WORST, f" {NAME} ", "\ufb01\u00e9" * 60])
async def test_names_are_prepared_before_the_lock(organisation: Organisation, watch: Watch, name: str) -> None:
    for operation, who in (
        (SignIn(tenant=TENANT, login=name, password=Secret(name)), Nobody()),
        (VerifyCode(tenant=TENANT, user=name, code=Secret("123456")), None),
        (Unbind(tenant=TENANT, users=(name, NAME), reason=name), None),
        (AddToWhitelist(tenant=TENANT, users=(name, NAME), reason=name), None),
    ):
        before = watch.bodies
        with contextlib.suppress(SecconsoleError):
            await organisation.perform(operation, who)
        assert watch.bodies > before, operation
        assert watch.inside == [], operation


async def test_existing_users_are_found_by_prepared_names(organisation: Organisation, watch: Watch) -> None:
    await organisation.perform(
        CreateUser(tenant=TENANT, login=NAME, name=f"{NAME} Wu", email="zo\u00eb@fa\u00df.example", password=PASSWORD)
    )
    await organisation.perform(
        SignIn(tenant=TENANT, login=unicodedata.normalize("NFC", NAME), password=PASSWORD), Nobody()
    )
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=(NAME,), reason=NAME))
    assert watch.inside == []


async def test_import_lines_are_prepared_before_the_lock(organisation: Organisation, watch: Watch) -> None:
    for name in (NAME, f"{NAME} Wu"):  # new ones, then changes
        lines = tuple(NewUser(n, f"{NAME}{n}", name=name, email=f"zo\u00eb{n}@acme.example") for n in range(1, 30))
        done = await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
        assert (done.created or done.updated) == 29
    assert watch.inside == []


def variants(operation: Operation[Any]) -> Iterator[Operation[Any]]:
    """The operation with one text of it at a time in letters that have more than one form."""
    for field in dataclasses.fields(operation):
        value = getattr(operation, field.name)
        if isinstance(value, str) and type(value) is str and field.name != "tenant":
            yield dataclasses.replace(operation, **{field.name: value + NAME})
        elif isinstance(value, Secret) and isinstance(value.reveal(), str):
            yield dataclasses.replace(operation, **{field.name: Secret(value.reveal() + NAME)})
        elif isinstance(value, tuple) and value and all(type(item) is str for item in value):
            yield dataclasses.replace(operation, **{field.name: (*value, NAME)})


@pytest.mark.parametrize("operation", WRITING, ids=lambda operation: operation.spec.name)
async def test_a01_no_operation_prepares_text_under_the_tenant_lock(
    home: Path, operation: type[Operation[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with organisation_in(home) as organisation:
        asked = await EXAMPLES[operation](organisation)
        watch = Watch(organisation.backend, monkeypatch)
        for variant in variants(asked.operation):
            with contextlib.suppress(SecconsoleError):
                await organisation.perform(variant, asked.who)
            assert watch.inside == [], variant
