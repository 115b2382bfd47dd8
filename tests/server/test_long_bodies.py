"""A long body is read only for a caller with a session, and does not block other requests."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from secconsole.domain.limits import USUAL_BODY
from secconsole.operations.base import OPERATIONS
from secconsole.server import routes
from tests.organisation import TENANT

LONG = [operation.spec for operation in OPERATIONS.values() if operation.spec.body > USUAL_BODY]
IMPORT = f"/v1/tenants/{TENANT}/user-import"
BEARERS = [None, "made-up", "secconsole_pat_made-up", "secconsole_key_made-up"]


class Body:
    """A body that tells whether it was asked for."""

    def __init__(self) -> None:
        self.is_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield b"{}"


@pytest.mark.parametrize("bearer", BEARERS)
@pytest.mark.parametrize("spec", LONG, ids=lambda spec: spec.name)
@pytest.mark.parametrize("announced", [None, USUAL_BODY + 1])
async def test_a_strangers_long_body_is_not_read(
    client: httpx.AsyncClient, spec: Any, bearer: str | None, announced: int | None
) -> None:
    body = Body()
    headers = {"content-type": "application/json"}
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    if announced is not None:
        headers["content-length"] = str(announced)
    path = spec.path.replace("{tenant}", TENANT).replace("{event}", "0")
    answer = await client.request(spec.method, path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"], body.is_read) == (401, "not-signed-in", False)


async def test_thousands_of_lines_are_read_beside_the_event_loop(
    root: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, threads = routes.from_request, set[str]()

    def noted(*given: Any) -> Any:
        threads.add(threading.current_thread().name)
        return real(*given)

    monkeypatch.setattr(routes, "from_request", noted)
    lines = [{"line": n, "login": f"u{n:05}", "name": "A Name That Takes Some Room"} for n in range(2, 1502)]
    answer = await root.post(IMPORT, json={"users": lines})
    assert (answer.status_code, answer.json()["created"]) == (200, 1500)
    assert threads
    assert threading.main_thread().name not in threads


async def test_errors_in_a_long_body_are_reported_as_in_a_short_one(root: httpx.AsyncClient) -> None:
    for padding in ("", " " * (USUAL_BODY + 1)):
        head = {"content-type": "application/json"}
        wrong = await root.post(IMPORT, content='{"users": 1}' + padding, headers=head)
        assert (wrong.status_code, wrong.json()["field"]) == (422, "users")
        broken = await root.post(IMPORT, content='{"users": ' + padding, headers=head)
        assert (broken.status_code, broken.json()["code"]) == (400, "not-json")
