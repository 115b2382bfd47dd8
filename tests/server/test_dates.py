"""Dates and numbers at their extremes over HTTP never cause an internal error."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.organisation import TENANT

MOMENTS = (
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999+00:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "2027-06-30T23:59:60Z",
    "2027-01-31T18:00:00+24:00",
    "2027-01-31T18:00:00",
    "2027-01-31",
    "",
    "now",
    "1" * 400,
)
NUMBERS = (0, -1, 1.5, 2**31, 2**63 - 1, 2**63, 10**30, -(2**63) - 1, 1e308, "7", None, True)
EXPECTED = {200, 400, 401, 403, 404, 409, 422}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_an_extreme_time_is_answered(root: httpx.AsyncClient, moment: str) -> None:
    asked = {"users": ["root"], "reason": "x", "until": moment}
    added = await root.post(f"/v1/tenants/{TENANT}/whitelist", json=asked)
    assert added.status_code in EXPECTED - {200}, added.text
    listed = await root.get(f"/v1/tenants/{TENANT}/audit", params={"since": moment})
    assert listed.status_code in EXPECTED, listed.text


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("PUT", f"/v1/tenants/{TENANT}/policy", "grace_days"),
        ("PUT", f"/v1/tenants/{TENANT}/policy", "expect"),
        ("POST", "/v1/me/tokens", "days"),
        ("POST", f"/v1/tenants/{TENANT}/secret-key/rotate", "overlap_hours"),
    ],
)
async def test_an_extreme_number_is_answered(
    root: httpx.AsyncClient, method: str, path: str, field: str, number: object
) -> None:
    body = {field: number, **{"days": {"name": "ci"}, "expect": {"mode": "off"}}.get(field, {})}
    answer = await root.request(method, path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code in EXPECTED, answer.text


@pytest.mark.parametrize("number", NUMBERS)
async def test_an_extreme_number_in_a_query_is_answered(root: httpx.AsyncClient, number: object) -> None:
    for path in ("users", "audit", "whitelist", "tokens"):
        for name in ("limit", "cursor", "at"):
            answer = await root.get(f"/v1/tenants/{TENANT}/{path}", params={name: str(number)})
            assert answer.status_code in EXPECTED, (path, name, answer.text)
