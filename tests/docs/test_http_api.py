"""The requests on the page about the HTTP API do what it says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest_asyncio

from secconsole.domain.errors import NotAllowed
from secconsole.domain.roles import Role
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.wire import from_request
from tests.delivery.post import post_for
from tests.organisation import TENANT, Organisation, organisation_in

PAGE = Path(__file__).parents[2] / "docs" / "http-api.md"
REQUEST = re.compile(r"^(GET|POST|PUT|DELETE) (/v1/\S+)(?: +(\{.*\}))?$", re.M)


def operation_of(method: str, target: str, body: str) -> Operation[Any]:
    """Return the operation that a request asks for, as the server would read it."""
    path, _, query = target.partition("?")
    parts = path.split("/")
    for kind in OPERATIONS.values():
        wanted = kind.spec.path.split("/")
        pairs = list(zip(wanted, parts, strict=False))
        same = all(one == other or one.startswith("{") for one, other in pairs)
        if kind.spec.method == method and len(wanted) == len(parts) and same:
            values = {one[1:-1]: other for one, other in pairs if one.startswith("{")}
            return from_request(kind, values, parse_qsl(query), body.encode())
    raise AssertionError(f"no operation has {method} {target}")


@pytest_asyncio.fixture
async def organisation(home: Path) -> AsyncIterator[Organisation]:
    async with organisation_in(home) as made, post_for(made) as post:
        await post.set_up()
        yield made


async def test_the_requests_for_a_caller_are_accepted_in_their_order(organisation: Organisation) -> None:
    await organisation.add("ana", email="ana@acme.example")
    await organisation.bind("ana")
    await organisation.add("hana", Role.HELPDESK)
    hana = await organisation.sign_in("hana")
    done = []
    for method, target, body in REQUEST.findall(PAGE.read_text(encoding="utf-8")):
        if TENANT in target:
            operation = operation_of(method, target, body)
            await organisation.perform(operation, hana)
            done.append(operation.spec.name)
    assert done == [
        "caller-check.start",
        "caller-check.confirm",
        "unbind.preview",
        "user.reset",
        "unbind",
        "bypass.issue",
        "approval.request",
        "approval.list",
        "bypass.revoke",
    ]


async def test_a_refused_example_would_be_noticed(organisation: Organisation) -> None:
    await organisation.add("otto", Role.HELPDESK)
    await organisation.add("hana", Role.HELPDESK)
    operation = operation_of("POST", "/v1/tenants/acme/users/otto/reset", '{"reason":"lost"}')
    try:
        await organisation.perform(operation, await organisation.sign_in("hana"))
    except NotAllowed:
        return
    raise AssertionError("a helpdesk operator reset another one")
