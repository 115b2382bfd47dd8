"""Invalid requests are refused with the field that is wrong, and never cause an internal error."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from secconsole.domain.errors import Invalid, NotFound
from secconsole.domain.limits import USUAL_BODY
from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Credential, Source
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.request_schema import request_schema
from secconsole.operations.tokens import CreateToken
from secconsole.operations.users import ListUsers
from secconsole.operations.wire import from_request, to_request
from secconsole.server.app import make_app
from tests.examples import example_of
from tests.organisation import TENANT
from tests.server.conftest import GOOD, SIGN_IN

DEEP = b"[" * 30_000


@pytest.mark.parametrize(
    "content, kind, status, field",
    [
        (b"{", "application/json", 400, None),
        (b"\xff\xfe", "application/json", 400, None),
        (b'{"login":"root","password":"\xff"}', "application/json", 400, None),
        (b'{"login":"root","password":"\\ud800"}', "application/json", 400, None),
        (b'{"login":NaN}', "application/json", 400, None),
        (b'{"login":"root","password":"x"} {}', "application/json", 400, None),
        (b'\xef\xbb\xbf{"login":"root","password":"x"}', "application/json", 400, None),
        (DEEP, "application/json", 422, None),
        (b'{"login":' + DEEP, "application/json", 422, "login"),
        (b'{"more":' + DEEP, "application/json", 422, "more"),
        (b"[]", "application/json", 422, None),
        (b"null", "application/json", 422, None),
        (b"", "application/json", 422, "login"),
        (b'{"login":"root"}', "application/json", 422, "password"),
        (b'{"login":1,"password":"x"}', "application/json", 422, "login"),
        (b'{"login":null,"password":"x"}', "application/json", 422, "login"),
        (b'{"login":"ro\\u0000ot","password":"x"}', "application/json", 422, "login"),
        (b'{"login":"root","password":"x","more":1}', "application/json", 422, "more"),
        (b"login=root", "application/x-www-form-urlencoded", 415, None),
        (b'{"login":"root","password":"x"}', "text/plain", 415, None),
        (b'{"login":"root","password":"x"}', "", 415, None),
        (b'{"login":"root","password":"x"}', "application/json; charset=utf-16", 415, None),
        (b'{"login":"root","password":"x"}', "application/problem+json", 415, None),
        (b'{"login":"root","password":"x"}', "application/json; charset*=utf-8''%FF", 415, None),
        (b'{"login":"root","password":"x"}', "application/json, text/plain", 415, None),
        (b'"' + b"x" * USUAL_BODY + b'"', "application/json", 413, None),
    ],
)
async def test_an_invalid_request_is_refused_with_a_message(
    client: httpx.AsyncClient, content: bytes, kind: str, status: int, field: str | None
) -> None:
    answer = await client.post(SIGN_IN, content=content, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert (problem["status"], problem.get("field")) == (status, field)
    assert problem["detail"]
    assert answer.headers["x-request-id"] == problem["request_id"]


@pytest.mark.parametrize(
    ("kind", "path", "query", "body", "detail", "field"),
    [
        (
            EnrollFactor,
            {"tenant": "acme", "user": "ana"},
            [],
            b'{"kind":"fax"}',
            "kind: 'fax' is not one of totp, email, sms.",
            "kind",
        ),
        (
            CreateToken,
            {},
            [],
            b'{"name":"ci","scopes":["read","admin"]}',
            "scopes[1]: 'admin' is not one of read, verify, challenge.",
            "scopes[1]",
        ),
        (
            ListUsers,
            {"tenant": "acme"},
            [("status", "gone")],
            b"",
            "status: 'gone' is not one of bound, pending, unbound.",
            "status",
        ),
    ],
)
def test_an_unknown_enum_value_is_refused_with_the_valid_ones(
    kind: type[Operation[Any]], path: dict[str, str], query: list[tuple[str, str]], body: bytes, detail: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        from_request(kind, path, query, body)
    assert (refused.value.message, refused.value.field) == (detail, field)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_may_declare_utf_8(client: httpx.AsyncClient, kind: str) -> None:
    content = msgspec.json.encode(GOOD)
    assert (await client.post(SIGN_IN, content=content, headers={"content-type": kind})).status_code == 200
    packed = {"content-type": kind, "content-encoding": "gzip"}
    assert (await client.post(SIGN_IN, content=gzip.compress(content), headers=packed)).status_code == 415
    twice = [("content-type", kind), ("content-type", "text/plain")]
    assert (await client.post(SIGN_IN, content=content, headers=twice)).status_code == 415


@pytest.mark.parametrize(
    "body, field",
    [
        ({"grace_days": False}, "grace_days"),
        ({"grace_days": "1"}, "grace_days"),
        ({"grace_days": 1.5}, "grace_days"),
        ({"grace_days": 366}, "grace_days"),
        ({"grace_days": 10**30}, "grace_days"),
        ({"expect": 2**53}, "expect"),
        ({"whitelist_admins": "true"}, "whitelist_admins"),
        ({"whitelist_admins": 1}, "whitelist_admins"),
        ({"kinds": "totp"}, "kinds"),
        ({"kinds": ["email"]}, "kinds"),
        ({"kinds": ["carrier-pigeon"]}, "kinds[0]"),
        ({"mode": "Required"}, "mode"),
    ],
)
async def test_values_are_not_coerced(root: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    refused = await root.put(f"/v1/tenants/{TENANT}/policy", json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
    assert (await root.get(f"/v1/tenants/{TENANT}/policy")).json()["version"] == 1


async def test_a_whole_number_may_have_a_fraction_of_zero(root: httpx.AsyncClient) -> None:
    content = b'{"grace_days":3.0}'
    done = await root.put(f"/v1/tenants/{TENANT}/policy", content=content, headers={"content-type": "application/json"})
    assert done.json()["grace_days"] == 3


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "limit=1&limit=2",
        "limit=0",
        "limit=501",
        "limit=1.0",
        "limit=%2B1",
        "limit=1_0",
        "limit=",
        "at=-1",
        "at=9999999999999999999",
        "at=null",
        "descending=1",
        "descending=True",
        "status=",
        "status=Bound",
        "words=%00",
        "words=%FF",
        "&".join(["words=a"] * 33),
        "&".join(["x=1"] * 500),
        "limit",
    ],
)
async def test_a_query_is_validated_as_strictly(root: httpx.AsyncClient, query: str) -> None:
    refused = await root.get(f"/v1/tenants/{TENANT}/users?{query}")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), refused.text


async def test_a_body_and_a_query_exclude_each_other(root: httpx.AsyncClient) -> None:
    assert (await root.post("/v1/me/sign-out?now=1", json={})).status_code == 422
    assert (await root.get("/v1/me")).status_code == 200


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        cursor_of("{}"),
        cursor_of('["at",-1]'),
        cursor_of('["at",1e300]'),
        cursor_of(f'["at",{10**30}]'),
        cursor_of('["login_key+","\\ud800","x"]'),
        cursor_of('["login_key+","\\u0000","x"]'),
        cursor_of("[" * 12_000),
    ],
)
async def test_a_forged_cursor_is_refused(root: httpx.AsyncClient, cursor: str) -> None:
    refused = await root.get(f"/v1/tenants/{TENANT}/users", params={"cursor": cursor, "words": "no"})
    again = await root.get(f"/v1/tenants/{TENANT}/users", params={"cursor": cursor})
    for answer in (refused, again):
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "invalid", "cursor")


async def test_a_conflict_names_its_field(root: httpx.AsyncClient) -> None:
    users, listed = f"/v1/tenants/{TENANT}/users", f"/v1/tenants/{TENANT}/whitelist"
    refusals = [
        await root.post(users, json={"login": "ben", "password": "aaaaaaaaaaaaaaaaaaaa"}),
        await root.post(users, json={"login": "be\u200bn"}),
        await root.post(users, json={"login": ".."}),
        await root.post(users, json={"login": "ben", "phone": "12"}),
        await root.post(listed, json={"users": ["root"], "reason": "x", "until": "2001-01-01T00:00:00Z"}),
    ]
    named = [(answer.status_code, answer.json()["code"], answer.json()["field"]) for answer in refusals]
    fields = ("password", "login", "login", "phone", "until")
    assert named == [(409, "invalid", field) for field in fields]


class Heard:
    """A executor that only remembers what it was asked for."""

    def __init__(self) -> None:
        self.operations: list[Operation[Any]] = []

    async def perform_as(self, operation: Operation[Any], credential: Credential, source: Source) -> Any:
        self.operations.append(operation)
        raise NotFound("There is no such thing.")

    async def changes_for(self, credential: Credential, source: Source) -> AsyncIterator[None]:
        yield

    async def is_ready(self) -> bool:
        return True


ODD = [
    "a/b",
    "/",
    "//",
    "a/disable",
    "x/../y",
    "a?b=c",
    "a#b",
    "a;b",
    "%2F",
    "%252F",
    "é​‮",
    "\U0001f600",
    " ",
    "\t\r\n",
    "count",
    "import",
    "preview",
    "verify",
    "-",
    "..x",
    "...x",
    "\u2044",
    "\x7f",
    "'\"<>",
    "a" * 64,
]


@pytest.mark.parametrize("name", [name for name in sorted(OPERATIONS) if "{" in OPERATIONS[name].spec.path])
async def test_no_path_parameter_leads_to_another_operation(name: str) -> None:
    heard = Heard()
    kind = OPERATIONS[name]
    transport = httpx.ASGITransport(app=make_app(heard))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for placeholder in request_schema(kind).in_path:
            for odd in ODD:
                meant = example_of(name, **{placeholder: Secret(odd) if placeholder == "challenge" else odd})
                request = to_request(meant)
                answer = await client.request(
                    request.method,
                    request.path,
                    params=list(request.query),
                    content=request.body,
                    headers={"content-type": "application/json"},
                )
                assert answer.status_code == 404
                assert heard.operations.pop() == meant
            for broken in ("%00", "%FF", "%C0%AF", "%ED%A0%80", "", "a/b"):
                path = to_request(example_of(name)).path.replace(quoted(name, placeholder), f"/{broken}", 1)
                answer = await client.request(kind.spec.method, path, json={})
                assert answer.status_code in (404, 405), (path, answer.text)
                assert not [found for found in heard.operations if isinstance(found, kind)]


def quoted(name: str, placeholder: str) -> str:
    value = getattr(example_of(name), placeholder)
    return f"/{value.reveal() if isinstance(value, Secret) else value}"


@pytest.mark.parametrize("user", ["", ".", ".."])
def test_a_name_that_is_invalid_in_a_path_is_not_found(user: str) -> None:
    with pytest.raises(NotFound):
        to_request(example_of("user.disable", user=user))


async def test_unsupported_methods_are_refused(root: httpx.AsyncClient) -> None:
    users = f"/v1/tenants/{TENANT}/users"
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "QUERY"):
        refused = await root.request(method, users)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
        assert refused.json()["code"] == "method-not-allowed"
    shown = await root.options(users)
    assert (shown.status_code, shown.headers["allow"], shown.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    for path in (users, "/v1/me", "/v1/changes", "/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert (await root.head(path)).status_code == 200, path
    assert (await root.options("/v1/nothing")).status_code == 404
    assert (await root.get("/v1%2Fme")).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer")],
        [("authorization", "Bearer a b")],
        [("authorization", "Bearer é".encode())],
        [("authorization", "Bearer " + "x" * 4000)],
        [("authorization", "")],
        [("authorization", "Bearer \x7f")],
        [("authorization", "bearer x")],
        [("authorization", "Bearer x"), ("authorization", "Bearer y")],
    ],
)
async def test_an_invalid_header_is_not_ignored(
    client: httpx.AsyncClient, headers: list[tuple[str, str | bytes]]
) -> None:
    raw = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers]
    refused = await client.get("/v1/me", headers=raw)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert (await client.post(SIGN_IN, json=GOOD, headers=raw)).status_code == 200  # who signs in needs none


@pytest.mark.parametrize("given", ["", " ", "a b", "é", "x" * 65, "a\x00b"])
async def test_headers_with_invalid_names(root: httpx.AsyncClient, given: str) -> None:
    raw = given.encode()
    kept = await root.post("/v1/me/keep-factor", json={}, headers=[(b"idempotency-key", raw)])
    assert (kept.status_code, kept.json()["field"]) == (422, "Idempotency-Key")
    answer = await root.get("/v1/me", headers=[(b"x-request-id", raw)])
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
