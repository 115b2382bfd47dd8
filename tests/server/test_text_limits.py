"""A1: the size of a request is limited before it is read, to 64 KiB or what its operation declares."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from secconsole.domain.limits import IMPORT_BODY, USUAL_BODY
from tests.organisation import PASSWORD, TENANT
from tests.server.conftest import SIGN_IN

WORST = "a" + "\u0301\u0316" * 40_000


@pytest.mark.parametrize("field", ["login", "password"])
async def test_a_body_of_160_kb_is_not_read(client: httpx.AsyncClient, field: str) -> None:
    given = {"login": "root", "password": PASSWORD.reveal()} | {field: WORST}
    answer = await client.post(SIGN_IN, json=given)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


@pytest.mark.parametrize("field", ["login", "password"])
async def test_a_long_text_within_the_body_is_refused_by_its_field(client: httpx.AsyncClient, field: str) -> None:
    given = {"login": "root", "password": PASSWORD.reveal()} | {field: WORST[:10_000]}
    answer = await client.post(SIGN_IN, json=given)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert len(answer.content) < 400


async def test_a_declared_length_is_refused_before_the_body_arrives(client: httpx.AsyncClient) -> None:
    came = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal came
        for _ in range(100):
            came += 1
            yield b"x" * 1024

    for announced in (USUAL_BODY + 1, 10**30):
        headers = {"content-length": str(announced), "content-type": "application/json"}
        answer = await client.post(SIGN_IN, content=body(), headers=headers)
        assert answer.status_code == 413
    assert came == 0


async def test_a_body_without_a_length_is_read_up_to_the_limit(client: httpx.AsyncClient) -> None:
    came = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal came
        for _ in range(1000):
            came += 1
            yield b"x" * 1024

    answer = await client.post(SIGN_IN, content=body(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert came <= 66


async def test_an_import_declares_more(root: httpx.AsyncClient) -> None:
    lines = [{"line": n, "login": f"user{n}", "name": "n" * 180} for n in range(1000)]
    answer = await root.post(f"/v1/tenants/{TENANT}/user-import", json={"users": lines, "check_only": True})
    assert answer.status_code == 200
    over = await root.post(
        f"/v1/tenants/{TENANT}/user-import",
        content=b" " * (IMPORT_BODY + 1),
        headers={"content-type": "application/json"},
    )
    assert over.status_code == 413


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"/v1/tenants/{'t' * 5_000}/policy", "tenant"),
        (f"/v1/tenants/{TENANT}/users/{'u' * 5_000}", "user"),
        (f"/v1/tenants/{TENANT}/users?words={'w' * 5_000}", "words[0]"),
        (f"/v1/tenants/{TENANT}/audit?search={'w' * 5_000}", "search"),
    ],
)
async def test_a_path_or_query_that_is_too_long_is_refused(root: httpx.AsyncClient, path: str, field: str) -> None:
    answer = await root.get(path)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert len(answer.content) < 400


@pytest.mark.parametrize(
    "body",
    [
        {"login": "ana", "role": "x" * 30_000},
        {"login": "ana", "role": "` - at `$.x" * 3_000},
        {"login": "ana", "y" * 30_000: 1},
        {"login": "ana", "name": 1, "z" * 30_000: " - at `$\n" * 3_000},
    ],
)
async def test_no_refusal_repeats_unlimited_input(root: httpx.AsyncClient, body: dict[str, object]) -> None:
    answer = await root.post(f"/v1/tenants/{TENANT}/users", json=body)
    assert answer.status_code == 422
    assert len(answer.content) < 500


async def test_no_refusal_repeats_an_unknown_parameter(root: httpx.AsyncClient) -> None:
    answer = await root.get(f"/v1/tenants/{TENANT}/users", params={"p" * 5_000: "1"})
    assert answer.status_code == 422
    assert len(answer.content) < 500


async def test_an_overlong_token_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/me", headers={"authorization": "Bearer " + "x" * 513})
    assert answer.status_code == 401


async def test_an_idempotency_key_has_a_limit(client: httpx.AsyncClient) -> None:
    given = {"login": "root", "password": PASSWORD.reveal()}
    answer = await client.post(SIGN_IN, json=given, headers={"idempotency-key": "k" * 65})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
