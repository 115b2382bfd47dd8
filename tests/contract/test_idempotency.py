"""Writes repeated with the same `Idempotency-Key`: the same reply, and nothing done twice."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterable
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.backends import http
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.http_errors import wait_asked_for
from secconsole.domain.errors import StillRunning, Unavailable
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Permission, Role
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword
from secconsole.operations.audit import VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, IdempotencyKey, Nobody, Source
from secconsole.operations.factors import EnrollFactor, VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.request_schema import request_schema
from secconsole.operations.sessions import EndSession
from secconsole.operations.signin import SignIn, SignOut, VerifySignIn
from secconsole.operations.step_up import StepUp
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, ResetPassword
from secconsole.operations.users import CreateUser
from secconsole.operations.wire import decode, to_request
from secconsole.service.idempotency import RUNNING
from secconsole.store import users as user_store
from secconsole.store.schema import audit, idempotency, metadata, sessions, unknown_logins, users
from tests.extent import POSTGRES, further
from tests.organisation import PASSWORD, SOCKET, TENANT, Organisation, open_store, organisation_in
from tests.store.examples import ANOTHER, EXAMPLES, WRITING, secrets_in
from tests.store.looking import Tables, differing

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
TYPICAL = (CreateUser, EnrollFactor, SetPolicy, SignIn, StepUp)  # what a usual run tries on SQLite too
USE = ("sessions.last_seen",)  # moved by every caller, whatever the request
REPLAY = "idempotent-replay"


@pytest_asyncio.fixture(params=["http", POSTGRES])
async def organisation(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Organisation]:
    postgres = request.getfixturevalue("postgres") if request.param == POSTGRES else None
    async with organisation_in(home, over_http=True, postgres=postgres) as made:
        yield made


@pytest_asyncio.fixture
async def client(organisation: Organisation) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(organisation.home / SOCKET), verify=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


async def send(
    client: httpx.AsyncClient, operation: Operation[Any], who: Credential, key: str | None = KEY
) -> httpx.Response:
    request = to_request(operation)
    headers = headers_of(who) | ({} if key is None else {"idempotency-key": key})
    query = httpx.QueryParams(list(request.query))
    return await client.request(request.method, request.path, params=query, content=request.body, headers=headers)


def headers_of(who: Credential) -> dict[str, str]:
    bearer = {"authorization": f"Bearer {who.token.reveal()}"} if isinstance(who, Bearer) else {}
    return {"content-type": "application/json", **bearer}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def asked(organisation: Organisation, operation: type[Operation[Any]]) -> tuple[Operation[Any], Credential]:
    """Return the example of an operation and a caller who may request it over HTTP."""
    example = await EXAMPLES[operation](organisation)
    return example.operation, example.who or await organisation.sign_in("root")


def different(operation: Operation[Any]) -> Operation[Any] | None:
    """Return another request of the same kind by the same caller, or None if there is only one."""
    for field in dataclasses.fields(operation):  # type: ignore[arg-type]
        value = getattr(operation, field.name)
        nobodys = operation.spec.permission is Permission.NOBODY and field.name in ("tenant", "challenge")
        if nobodys or value is None:
            continue
        if isinstance(value, Enum):
            other: object = next(member for member in type(value) if member is not value)
        elif isinstance(value, Secret):
            other = Secret(value.reveal() + "7")
        elif isinstance(value, str):
            other = value + "x"
        elif isinstance(value, tuple):
            other = value * 2
        else:
            other = not value
        return dataclasses.replace(operation, **{field.name: other})  # type: ignore[type-var]
    return None


async def rows(organisation: Organisation, but: Iterable[str] = ()) -> Tables:
    """Everything in the store, but for some tables or `table.column`s."""
    left_out = {*but, *USE, "outbox", "audit_streams"}  # what is in there is sent meanwhile
    left_out |= {"audit_heads.turn"}  # counts the transactions that locked the tenant, those that changed nothing too

    def body(connection: sa.Connection) -> Tables:
        found: Tables = {}
        for table in metadata.sorted_tables:
            columns = [column for column in table.c if f"{table.name}.{column.name}" not in left_out]
            if table.name not in left_out:
                found[table.name] = sorted((tuple(row) for row in connection.execute(sa.select(*columns))), key=repr)
        return found

    return await asyncio.wrap_future(organisation.backend.store.read(body))


async def values(organisation: Organisation, column: sa.Column[Any]) -> list[Any]:
    """All values of one column."""
    query = sa.select(column)
    found = organisation.backend.store.read(lambda connection: list(connection.execute(query).scalars()))
    return await asyncio.wrap_future(found)


async def stored(organisation: Organisation, texts: Iterable[str]) -> list[str]:
    """Return those of the texts that are in the store, or in its files, unencrypted."""
    cells = [cell for table in (await rows(organisation)).values() for row in table for cell in row]
    content = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells]
    content += [path.read_bytes() for path in organisation.home.glob("console.db*")]
    return [text for text in texts if any(text.encode() in part for part in content)]


async def kept(organisation: Organisation) -> int:
    """Return the number of replies that the store keeps."""
    return sum(bool(sealed) for sealed in await values(organisation, idempotency.c.sealed))


async def failures_of(organisation: Organisation, login: str) -> int:
    query = sa.select(users.c.failures).where(users.c.login == login)
    found = organisation.backend.store.read(lambda connection: int(connection.execute(query).scalar_one()))
    return await asyncio.wrap_future(found)


@pytest.mark.parametrize(
    ("organisation", "operation"),
    [
        *((POSTGRES, operation) for operation in WRITING),
        *(("http", operation) if operation in TYPICAL else further("http", operation) for operation in WRITING),
    ],
    ids=lambda value: value if isinstance(value, str) else value.spec.name,
    indirect=["organisation"],
)
async def test_every_write_runs_once_per_key(
    organisation: Organisation, client: httpx.AsyncClient, operation: type[Operation[Any]]
) -> None:
    request, who = await asked(organisation, operation)
    others = await kept(organisation)  # those of the client that got us here
    first = await send(client, request, who)
    assert first.status_code in (200, 204), first.text
    assert REPLAY not in first.headers
    after = await rows(organisation)
    reply = decode(first.content, request_schema(operation).reply) if first.content else None
    shown = [text for text in (*secrets_in(request), *secrets_in(reply), KEY) if len(text) > 6]
    assert await stored(organisation, shown) == []
    organisation.clock.forward(seconds=5)
    if operation in (SignOut, EndSession):  # the session has ended, and a caller without one learns nothing
        assert code_of(await send(client, request, who)) == (401, "not-signed-in")
        assert differing(after, await rows(organisation)) == set()
        return
    again = await send(client, request, who)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers[REPLAY] == "true"
    assert again.headers.get("content-type") == first.headers.get("content-type")
    assert differing(after, await rows(organisation)) == set()  # no second entry in the audit either
    refused = await send(client, different(request) or ChangePassword(password=ANOTHER), who)
    # The step-up has replaced the token of its request, which is only accepted for the very same request.
    expected = (401, "not-signed-in") if operation is StepUp else (409, "key-reused")
    assert code_of(refused) == expected
    # From now on the key reveals nothing, as it would reveal, uncounted, whether a guess was right.
    assert code_of(await send(client, request, who)) == expected
    assert await kept(organisation) == others
    assert differing(after, await rows(organisation)) == {"idempotency"}
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


async def test_a_key_is_refused_for_another_operation_with_the_same_content(
    organisation: Organisation, client: httpx.AsyncClient
) -> None:
    await organisation.add("ana")
    root = await organisation.sign_in("root")
    assert (await send(client, DisableUser(tenant=TENANT, user="ana"), root)).is_success
    assert code_of(await send(client, EnableUser(tenant=TENANT, user="ana"), root)) == (409, "key-reused")


@pytest.mark.parametrize("again_at_once", [False, True])
async def test_a_lost_reply_is_replayed(
    organisation: Organisation, client: httpx.AsyncClient, again_at_once: bool
) -> None:
    """The connection is cut when the request is out and before anything came back."""
    root = await organisation.sign_in("root")
    create = CreateUser(tenant=TENANT, login="ana", password=ANOTHER)
    request = to_request(create)
    assert request.body is not None
    head = {**headers_of(root), "host": "localhost", "idempotency-key": KEY, "content-length": str(len(request.body))}
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    _, writer = await asyncio.open_unix_connection(organisation.home / SOCKET)
    writer.write("\r\n".join([*lines, "", ""]).encode() + request.body)
    await writer.drain()
    writer.transport.abort()
    while not again_at_once and "ana" not in await values(organisation, users.c.login):
        await asyncio.sleep(0.01)
    answer = await send(client, create, root)
    assert (answer.status_code, answer.json()["user"]["login"]) == (200, "ana")
    assert answer.headers.get(REPLAY) == "true" or again_at_once  # at once, either may be the one that is done
    again = await send(client, create, root)
    assert (again.headers[REPLAY], again.content) == ("true", answer.content)
    assert (await values(organisation, users.c.login)).count("ana") == 1
    assert (await values(organisation, audit.c.action)).count("user.created") == 2  # root is the other


async def test_of_concurrent_requests_one_runs(organisation: Organisation, client: httpx.AsyncClient) -> None:
    await organisation.add("ana")
    root = await organisation.sign_in("root")
    reset = ResetPassword(tenant=TENANT, user="ana")
    answers = await asyncio.gather(*(send(client, reset, root) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["password"] for answer in answers}) == 1
    assert [answer.headers.get(REPLAY) for answer in answers].count("true") == 7
    assert (await values(organisation, audit.c.action)).count("user.password-reset") == 1


async def test_of_concurrent_requests_on_several_servers_one_runs(organisation: Organisation) -> None:
    await organisation.add("ana")
    other = await open_store(organisation.clock, organisation.place)
    reset, wrong = ResetPassword(tenant=TENANT, user="ana"), SignIn(tenant=TENANT, login="ana", password=ANOTHER)

    async def ask(backend: EmbeddedBackend, operation: Operation[Any], who: Credential) -> tuple[object, bool]:
        key = IdempotencyKey(KEY)
        try:
            return await backend.perform_as(operation, who, Source("api", key=key)), key.replayed
        except StillRunning:
            return None, True

    try:
        for operation, who in ((reset, organisation.backend.credential), (wrong, Nobody())):
            both = [organisation.backend, other] * 4
            answers = await asyncio.gather(*(ask(backend, operation, who) for backend in both))
            done = [reply for reply, replayed in answers if not replayed]
            assert len(done) == 1
            assert all(reply in (done[0], None) for reply, _ in answers)
            assert operation is wrong or None not in [reply for reply, _ in answers]  # they waited for the first
    finally:
        await other.close()
    assert (await values(organisation, audit.c.action)).count("user.password-reset") == 1
    assert await failures_of(organisation, "ana") == 1


async def test_of_concurrent_sign_ins_one_runs_and_counts(
    organisation: Organisation, client: httpx.AsyncClient
) -> None:
    await organisation.add("ana")
    for password in (Secret("not the password, sorry"), PASSWORD):
        right = password is PASSWORD
        before = len(await values(organisation, sessions.c.pk))
        request = SignIn(tenant=TENANT, login="ana", password=password)
        answers = await asyncio.gather(*(send(client, request, Nobody(), f"{KEY}-{right}") for _ in "1234"))
        done = [answer for answer in answers if answer.status_code == 200]
        assert len({answer.content for answer in done}) == 1
        for answer in answers:
            if answer not in done:
                assert code_of(answer) == (409, "still-running")
                assert int(answer.headers["retry-after"]) >= 1
        assert len(await values(organisation, sessions.c.pk)) == before + right
        assert await failures_of(organisation, "ana") == (not right)  # none once they are in


async def test_a_retry_waits_for_the_request_in_progress(
    organisation: Organisation, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await organisation.add("ana")
    request = SignIn(tenant=TENANT, login="ana", password=PASSWORD)
    check, slow, go_on = organisation.backend.passwords.check, asyncio.Event(), asyncio.Event()

    async def checked(*given: Any) -> bool:
        slow.set()
        await go_on.wait()
        return await check(*given)

    def asked_to_wait(answer: httpx.Response) -> float:
        if seconds := wait_asked_for(answer):
            go_on.set()
        return min(seconds, 0.01)

    monkeypatch.setattr(organisation.backend.passwords, "check", checked)
    monkeypatch.setattr(http, "wait_asked_for", asked_to_wait)
    monkeypatch.setattr(http.HttpBackend, "_key_for", lambda *_: KEY)
    first = asyncio.create_task(send(client, request, Nobody()))
    await slow.wait()
    answer = await organisation.perform(request, Nobody())
    assert answer.token is not None
    assert answer.token.reveal() == (await first).json()["token"]


async def test_another_caller_with_the_same_key_gets_no_replay(
    organisation: Organisation, client: httpx.AsyncClient
) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
    ana, ben = [await organisation.sign_in(login) for login in ("ana", "ben")]
    keys = []
    for login, who in (("ana", ana), ("ben", ben)):
        answer = await send(client, EnrollFactor(tenant=TENANT, user=login), who)
        assert REPLAY not in answer.headers
        keys.append(answer.json()["key"])
    assert keys[0] != keys[1]
    again = await organisation.sign_in("ana")  # another session of the same person is another caller too
    assert REPLAY not in (await send(client, EnrollFactor(tenant=TENANT, user="ana"), again)).headers
    for nobody in (Nobody(), Bearer(Secret("made-up"))):
        assert (await send(client, EnrollFactor(tenant=TENANT, user="ana"), nobody)).status_code == 401


async def test_another_challenge_does_not_share_a_key(organisation: Organisation, client: httpx.AsyncClient) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
        await organisation.bind(login)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    tokens = []
    for login in ("ana", "ben"):
        challenge = (await organisation.start(login)).challenge
        assert challenge is not None
        verify = VerifySignIn(challenge=challenge, factor="", code=organisation.code(login))
        tokens.append((await send(client, verify, Nobody())).json()["token"])
    assert len({*tokens}) == 2
    assert None not in tokens


async def test_an_ended_session_gets_no_replay(organisation: Organisation, client: httpx.AsyncClient) -> None:
    await organisation.add("ada", Role.TENANT_ADMIN)
    await organisation.add("ana")
    ada = await organisation.sign_in("ada")
    reset = ResetPassword(tenant=TENANT, user="ana")
    assert (await send(client, reset, ada)).is_success
    await organisation.perform(SignOut(), ada)
    assert code_of(await send(client, reset, ada)) == (401, "not-signed-in")


async def test_a_changed_role_gets_no_replay(organisation: Organisation, client: httpx.AsyncClient) -> None:
    await organisation.add("ada", Role.TENANT_ADMIN)
    await organisation.add("ana")
    ada = await organisation.sign_in("ada")
    reset = ResetPassword(tenant=TENANT, user="ana")
    assert (await send(client, reset, ada)).is_success
    await organisation.perform(ChangeRole(tenant=TENANT, user="ada", role=Role.AUDITOR))
    after = await rows(organisation)
    again = await send(client, reset, ada)
    assert again.status_code in (401, 409)
    assert "password" not in again.json()
    assert differing(after, await rows(organisation)) == set()


async def test_a_wrong_code_is_counted_once(organisation: Organisation, client: httpx.AsyncClient) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    root = await organisation.sign_in("root")
    verify = VerifyCode(tenant=TENANT, user="ana", code=Secret("000000"))
    for _ in range(6):  # one more than lock for a while
        answer = await send(client, verify, root)
        assert answer.json()["accepted"] is False
    assert await failures_of(organisation, "ana") == 1
    right = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert (await send(client, right, root, "another-key")).json()["accepted"] is True
    assert (await send(client, right, root, "another-key")).json()["accepted"] is True
    assert (await send(client, right, root, "a-third-key")).json()["accepted"] is False  # a code works once


@pytest.mark.parametrize("login", ["ana", "nobody-has-this"])
async def test_a_wrong_password_is_counted_once(
    organisation: Organisation, client: httpx.AsyncClient, login: str
) -> None:
    await organisation.add("ana")
    for _ in range(6):
        wrong = SignIn(tenant=TENANT, login=login, password=Secret("not the password, sorry"))
        answer = await send(client, wrong, Nobody())
        assert answer.json()["status"] == "refused"
        assert answer.json()["retry_at"] is None
    counted = await failures_of(organisation, "ana"), await values(organisation, unknown_logins.c.failures)
    assert counted == ((1, []) if login == "ana" else (0, [1]))


async def test_a_wrong_step_up_is_counted_once(organisation: Organisation, client: httpx.AsyncClient) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    for _ in range(6):
        answer = await send(client, StepUp(password=Secret("not the password, sorry")), ana)
        assert answer.json()["accepted"] is False
    assert await failures_of(organisation, "ana") == 1


async def test_a_guess_with_the_key_of_a_sign_in_reveals_nothing(
    organisation: Organisation, client: httpx.AsyncClient
) -> None:
    """Otherwise the key could be used to guess the password without being counted."""
    await organisation.add("ana")
    right = SignIn(tenant=TENANT, login="ana", password=PASSWORD)
    assert (await send(client, right, Nobody())).json()["status"] == "complete"
    for guess in ("guess one is wrong", "guess two is wrong", PASSWORD.reveal()):
        guessed = dataclasses.replace(right, password=Secret(guess))
        assert code_of(await send(client, guessed, Nobody())) == (409, "key-reused")


async def test_a_refusal_is_not_stored(organisation: Organisation, client: httpx.AsyncClient) -> None:
    root = await organisation.sign_in("root")
    disable = DisableUser(tenant=TENANT, user="ana")
    assert (await send(client, disable, root)).status_code == 404
    await organisation.add("ana")
    done = await send(client, disable, root)
    assert done.status_code == 200
    assert REPLAY not in done.headers


async def test_a_sign_in_refused_by_the_store_can_be_retried(
    organisation: Organisation, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is entered before the password is checked, and must not stay entered."""
    await organisation.add("ana")
    request = SignIn(tenant=TENANT, login="ana", password=PASSWORD)

    def full(*_: object) -> None:
        raise Unavailable("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(user_store, "note_sign_in", full)
        assert (await send(client, request, Nobody())).status_code == 503
    answer = await send(client, request, Nobody())
    assert answer.json()["status"] == "complete"
    assert REPLAY not in answer.headers


async def test_an_interrupted_sign_in_completes_on_retry(
    organisation: Organisation, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ended between counting a try and looking at its password leaves the key entered, for a while."""
    await organisation.add("ana")
    request = SignIn(tenant=TENANT, login="ana", password=PASSWORD)

    async def ends(*_: object) -> bool:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(organisation.backend.passwords, "check", ends)
        assert (await send(client, request, Nobody())).status_code == 500
    assert code_of(await send(client, request, Nobody())) == (409, "still-running")
    organisation.clock.forward(seconds=RUNNING / 1000)
    answer = await send(client, request, Nobody())
    assert answer.json()["status"] == "complete"
    assert (await send(client, request, Nobody())).content == answer.content
    assert (await values(organisation, sessions.c.user_pk)).count(2) == 1


async def test_secret_replies_are_replayed_for_minutes_and_then_wiped(
    organisation: Organisation, client: httpx.AsyncClient
) -> None:
    await organisation.add("ana")
    root = await organisation.sign_in("root")
    reset = ResetPassword(tenant=TENANT, user="ana")
    first = await send(client, reset, root)
    organisation.clock.forward(minutes=9)
    assert (await send(client, reset, root)).content == first.content
    organisation.clock.forward(minutes=3)
    noted = ["idempotency", "facts"]  # the store notes the latest time at every request
    after = await rows(organisation, noted)
    gone = await send(client, reset, root)
    assert code_of(gone) == (409, "reply-gone")
    assert differing(after, await rows(organisation, noted)) == set()
    assert (await send(client, CreateUser(tenant=TENANT, login="ben"), root, "another-key")).is_success
    assert await kept(organisation) == 1  # the other user's
    assert code_of(await send(client, reset, root)) == (409, "reply-gone")


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "größe", "a\tb"])
async def test_an_invalid_key_is_refused(organisation: Organisation, client: httpx.AsyncClient, key: str) -> None:
    headers = [(b"idempotency-key", key.encode())]
    answer = await client.post("/v1/me/sign-out", headers=headers)
    assert code_of(answer) == (422, "invalid")
    assert answer.json()["field"] == "Idempotency-Key"


async def test_two_keys_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/me/sign-out", headers=[("idempotency-key", "a"), ("idempotency-key", "b")])
    assert code_of(answer) == (422, "invalid")


async def test_reads_take_no_key_and_store_nothing(organisation: Organisation, client: httpx.AsyncClient) -> None:
    root = await organisation.sign_in("root")
    before = await values(organisation, idempotency.c.name)
    for _ in "12":
        answer = await client.get("/v1/me", headers=headers_of(root) | {"idempotency-key": KEY})
        assert answer.status_code == 200
        assert REPLAY not in answer.headers
    assert await values(organisation, idempotency.c.name) == before
