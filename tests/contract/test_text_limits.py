"""A1: a text that is too long is refused before any other work, on every backend.

It takes no lock, causes no read or write, and is in no log, audit or error.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from secconsole.domain.errors import Invalid, NotSignedIn
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, IdempotencyKey, Nobody, Source
from secconsole.operations.signin import SignIn, WhoAmI
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import ListUsers, ShowUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import PASSWORD, TENANT, Organisation

WORST = "a" + "\u0301\u0316" * 40_000
_LONG: list[tuple[Operation[Any], str]] = [
    (SignIn(tenant=TENANT, login=WORST, password=PASSWORD), "login"),
    (SignIn(tenant=TENANT, login="root", password=Secret(WORST)), "password"),
    (SignIn(tenant=WORST, login="root", password=PASSWORD), "tenant"),
    (ShowUser(tenant=TENANT, user=WORST), "user"),
    (ListAudit(tenant=TENANT, search=WORST), "search"),
    (ListUsers(tenant=TENANT, cursor=WORST), "cursor"),
    (AddToWhitelist(tenant=TENANT, users=("root", WORST), reason="x"), "users[1]"),
    (ImportUsers(tenant=TENANT, users=(NewUser(2, "ana"), NewUser(3, "ben", name=WORST))), "users[1].name"),
]
LONG = [pytest.param(*case, id=f"{case[0].spec.name} {case[1]}") for case in _LONG]


def no_transactions(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the store fail the test if it is asked for anything."""

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a transaction was begun")

    monkeypatch.setattr(organisation.backend.store, "read", asked)
    monkeypatch.setattr(organisation.backend.store, "write", asked)


@pytest.mark.parametrize(("operation", "field"), LONG)
async def test_long_text_is_refused_before_any_work(
    organisation: Organisation,
    operation: Operation[Any],
    field: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    who: Credential = Nobody() if isinstance(operation, SignIn) else Bearer(Secret("s" * 43))
    with monkeypatch.context() as patch:
        no_transactions(organisation, patch)
        for ask in (
            organisation.perform(operation, who),
            organisation.backend.perform_as(operation, who, Source("api", key=IdempotencyKey("once"))),
        ):
            with pytest.raises(Invalid) as refused:
                await ask
            assert refused.value.field == field
            assert len(refused.value.message) < 100
    assert "\u0301" not in caplog.text
    audit = await organisation.perform(ListAudit(tenant=TENANT))
    assert all("\u0301" not in repr(entry) for entry in audit.items)


async def test_an_overlong_bearer_is_unauthenticated(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_transactions(organisation, monkeypatch)
    with pytest.raises(NotSignedIn):
        await organisation.backend.perform_as(WhoAmI(), Bearer(Secret("x" * 100_000)), Source("api"))


async def test_a_login_in_another_normal_form_is_still_found(organisation: Organisation) -> None:
    await organisation.add("ä" * 120)
    answer = await organisation.start("a\u0308" * 120)
    assert answer.token is not None
