"""The HTTP API: strict input, one shape of errors, and no access after only half of a sign-in."""

from __future__ import annotations

import json
import logging

import httpx
import pytest

from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Permission, Role
from secconsole.operations.base import OPERATIONS
from secconsole.operations.policy import SetPolicy
from secconsole.operations.users import CreateUser
from secconsole.operations.wire import from_request, to_request
from tests.examples import example_of
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.server.conftest import GOOD, SIGN_IN


async def test_j5_two_calls_and_a_token_only_after_the_second(
    organisation: Organisation, client: httpx.AsyncClient
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    first = (await client.post(SIGN_IN, json={**GOOD, "login": "ana"})).json()
    assert (first["status"], first["token"]) == ("second-factor", None)
    half = {"authorization": f"Bearer {first['challenge']}"}
    assert (await client.get("/v1/me", headers=half)).status_code == 401
    body = {"factor": first["factors"][0]["id"], "code": organisation.code("ana").reveal()}
    second = (await client.post(f"/v1/sign-in/{first['challenge']}/verify", json=body)).json()
    assert second["status"] == "complete"
    for scheme in ("Bearer", "bearer"):  # RFC 9110 section 11.1: in either case
        whole = {"authorization": f"{scheme} {second['token']}"}
        assert (await client.get("/v1/me", headers=whole)).json()["login"] == "ana"


async def test_a10_nothing_works_with_an_unfinished_sign_in(
    organisation: Organisation, client: httpx.AsyncClient
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    challenge = (await client.post(SIGN_IN, json={**GOOD, "login": "ana"})).json()["challenge"]
    for name, kind in OPERATIONS.items():
        if kind.spec.permission is Permission.NOBODY:
            continue
        request = to_request(example_of(name))
        for headers in ({}, {"authorization": f"Bearer {challenge}"}, {"authorization": f"Basic {challenge}"}):
            answer = await client.request(
                request.method,
                request.path,
                params=list(request.query),
                content=request.body,
                headers={"content-type": "application/json", **headers},
            )
            assert answer.status_code == 401, (name, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_survives_the_wire(name: str) -> None:
    operation = example_of(name, user="ana/..%2F ?#é") if "{user}" in OPERATIONS[name].spec.path else example_of(name)
    request = to_request(operation)
    pattern = OPERATIONS[name].spec.path
    values = {part[1:-1]: getattr(operation, part[1:-1]) for part in pattern.split("/") if part.startswith("{")}
    path = {name: value.reveal() if hasattr(value, "reveal") else value for name, value in values.items()}
    assert from_request(OPERATIONS[name], path, request.query, request.body or b"") == operation


def test_default_values_are_not_sent_so_that_older_servers_understand() -> None:
    request = to_request(CreateUser(tenant=TENANT, login="ana"))
    assert json.loads(request.body or b"") == {"login": "ana"}
    request = to_request(CreateUser(tenant=TENANT, login="ana", role=Role.HELPDESK, name="Ana"))
    assert json.loads(request.body or b"") == {"login": "ana", "role": "helpdesk", "name": "Ana"}


async def test_unknown_paths_parameters_and_methods(root: httpx.AsyncClient) -> None:
    client = root
    users = f"/v1/tenants/{TENANT}/users"
    assert (await client.get("/v1/nothing")).status_code == 404
    assert (await client.get(users, params={"colour": "red"})).status_code == 422
    assert (await client.get(users, params=[("limit", "1"), ("limit", "2")])).status_code == 422
    refused = await client.put(users)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert (await client.get(users, params={"status": "unbound"})).json()["items"][0]["login"] == "root"


async def test_health_and_metrics_contain_no_secrets(client: httpx.AsyncClient) -> None:
    token = (await client.post(SIGN_IN, json=GOOD)).json()["token"]
    assert (await client.get("/healthz")).text == "ok\n"
    assert (await client.get("/readyz")).status_code == 200
    text = (await client.get("/metrics")).text
    assert 'operation="sign-in",status="200"' in text
    assert token not in text


async def test_an_unexpected_error_is_reported_without_its_text(
    organisation: Organisation,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the canary sings " + PASSWORD.reveal())

    monkeypatch.setattr(organisation.backend, "perform_as", broken)
    with caplog.at_level(logging.INFO):
        answer = await client.post(SIGN_IN, json=GOOD)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal-error"
    for text in (answer.text, caplog.text):
        assert "canary" not in text
        assert PASSWORD.reveal() not in text
