"""Refused sign-ins cost only their origin tokens, and successful ones cost nothing (A19: known or unknown alike)."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.errors import Throttled
from secconsole.domain.model import PolicyMode
from secconsole.domain.throttling.token_bucket import Rate
from secconsole.operations.audit import ListAudit
from secconsole.operations.policy import SetPolicy
from secconsole.server.app import make_app
from secconsole.server.transport import gate
from secconsole.server.transport.gate import AT_ONCE, Gate
from secconsole.server.transport.peers import Callers
from secconsole.server.transport.proxies import parse_proxies
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.server.conftest import GOOD, SIGN_IN

FEW = Rate(5, 6)
PROXY = "198.51.100.1"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PENALTY", 0.0)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def client(organisation: Organisation, address: str) -> httpx.AsyncClient:
    app = make_app(organisation.backend, refused=FEW, callers=Callers(parse_proxies([PROXY])))
    transport = httpx.ASGITransport(app=app, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def from_(address: str) -> dict[str, str]:
    return {"x-forwarded-for": address}


async def guess(client: httpx.AsyncClient, address: str, login: str = "nobody") -> httpx.Response:
    return await client.post(SIGN_IN, json={"login": login, "password": "wrong, of course"}, headers=from_(address))


async def sign_in(client: httpx.AsyncClient, address: str) -> httpx.Response:
    return await client.post(SIGN_IN, json=GOOD, headers=from_(address))


async def test_too_many_guesses_are_refused_with_retry_after(organisation: Organisation) -> None:
    async with client(organisation, PROXY) as proxied:
        for _ in range(FEW.burst):
            answer = await guess(proxied, "192.0.2.1")
            assert (answer.status_code, answer.json()["status"]) == (200, "refused")
        answer = await guess(proxied, "192.0.2.1")
        assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
        assert 1 <= int(answer.headers["retry-after"]) <= 60 / FEW.per_minute
        assert f"{answer.headers['retry-after']} second" in answer.json()["detail"]


async def test_another_origin_is_not_charged(organisation: Organisation) -> None:
    async with client(organisation, PROXY) as proxied:
        for _ in range(FEW.burst + 1):
            last = await guess(proxied, "192.0.2.1")
        assert last.status_code == 429
        assert (await sign_in(proxied, "192.0.2.2")).json()["status"] == "complete"
        assert (await guess(proxied, "192.0.2.2")).status_code == 200


@pytest.mark.parametrize(
    "addresses",
    [["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:3"], ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"]],
)
async def test_addresses_of_one_origin_share_a_budget(organisation: Organisation, addresses: list[str]) -> None:
    async with client(organisation, PROXY) as proxied:
        for number in range(FEW.burst):
            assert (await guess(proxied, addresses[number % len(addresses)])).status_code == 200
        for address in addresses:
            assert (await guess(proxied, address)).status_code == 429


async def test_a_forged_header_changes_nothing(organisation: Organisation) -> None:
    async with client(organisation, "192.0.2.9") as direct:
        statuses = [(await guess(direct, f"203.0.113.{number}")).status_code for number in range(FEW.burst + 1)]
    assert statuses == [200] * FEW.burst + [429]


async def test_successful_sign_ins_cost_nothing(organisation: Organisation) -> None:
    async with client(organisation, PROXY) as proxied:
        for _ in range(3 * FEW.burst):
            assert (await sign_in(proxied, "192.0.2.1")).json()["status"] == "complete"


async def test_known_and_unknown_logins_cost_the_same(organisation: Organisation) -> None:
    await organisation.add("ana")
    replies = []
    for login in ("ana", "nobody"):
        async with client(organisation, PROXY) as proxied:
            answers = [await guess(proxied, "192.0.2.1", login) for _ in range(FEW.burst + 2)]
        replies.append([(a.status_code, a.json().get("detail"), a.headers.get("retry-after")) for a in answers])
    assert replies[0] == replies[1]


async def test_concurrent_guesses_are_limited_to_the_bucket(organisation: Organisation) -> None:
    """None of them is answered yet when the last one comes."""
    async with client(organisation, PROXY) as proxied:
        answers = await asyncio.gather(*(guess(proxied, "192.0.2.1", f"nobody{n}") for n in range(150)))
    assert sorted(answer.status_code for answer in answers) == [200] * FEW.burst + [429] * (150 - FEW.burst)


async def test_a_refused_guess_reaches_neither_store_nor_hash(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client(organisation, PROXY) as proxied:
        for _ in range(FEW.burst):
            await guess(proxied, "192.0.2.1")
        before = (await organisation.perform(ListAudit(tenant=TENANT))).items

        async def never(*args: object) -> None:
            raise AssertionError("it was let through")

        monkeypatch.setattr(organisation.backend, "perform_as", never)
        for _ in range(20):
            assert (await guess(proxied, "192.0.2.1")).status_code == 429
        monkeypatch.undo()
    assert (await organisation.perform(ListAudit(tenant=TENANT))).items == before


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("verify", {"factor": "", "code": "123456"}),
        ("send-code", {"factor": "0123456789ABCDEFGHJKMNPQRS"}),
        ("new-password", {"password": PASSWORD.reveal()}),
    ],
)
async def test_steps_of_unknown_sign_ins_cost_the_same(
    organisation: Organisation, step: str, body: dict[str, str]
) -> None:
    async with client(organisation, PROXY) as proxied:
        path = f"/v1/sign-in/made-up/{step}"
        answers = [await proxied.post(path, json=body, headers=from_("192.0.2.1")) for _ in range(FEW.burst + 1)]
        assert [answer.status_code == 429 for answer in answers] == [False] * FEW.burst + [True]
        assert (await guess(proxied, "192.0.2.1")).status_code == 429, "it is one bucket"


async def test_wrong_codes_cost_and_right_ones_do_not(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    async with client(organisation, PROXY) as proxied:
        ana = {"login": "ana", "password": PASSWORD.reveal()}

        async def verify(code: str) -> httpx.Response:
            challenge = (await proxied.post(SIGN_IN, json=ana, headers=from_("192.0.2.1"))).json()["challenge"]
            path = f"/v1/sign-in/{challenge}/verify"
            return await proxied.post(path, json={"factor": "", "code": code}, headers=from_("192.0.2.1"))

        for _ in range(2 * FEW.burst):
            assert (await verify(organisation.code("ana").reveal())).json()["status"] == "complete"
            organisation.clock.forward(seconds=30)
        challenge = (await proxied.post(SIGN_IN, json=ana, headers=from_("192.0.2.1"))).json()["challenge"]
        path, wrong = f"/v1/sign-in/{challenge}/verify", {"factor": "", "code": "000000"}
        answers = [await proxied.post(path, json=wrong, headers=from_("192.0.2.1")) for _ in range(FEW.burst + 1)]
    assert [answer.status_code for answer in answers] == [200] * FEW.burst + [429]


async def test_invalid_bearers_have_to_wait_and_valid_ones_never(organisation: Organisation) -> None:
    async with client(organisation, PROXY) as proxied:
        token = (await sign_in(proxied, "192.0.2.1")).json()["token"]
        good, bad = ({"authorization": f"Bearer {text}"} | from_("192.0.2.1") for text in (token, "made-up"))
        statuses = {(await proxied.get("/v1/me", headers=bad)).status_code for _ in range(400)}
        assert statuses == {401, 429}
        last = await proxied.get("/v1/changes", headers=bad)
        assert (last.status_code, last.json()["code"]) == (429, "throttled")
        assert (await proxied.get("/v1/me", headers=good)).status_code == 200
        assert (await guess(proxied, "192.0.2.1")).status_code == 200, "sign-ins have a bucket of their own"


# ---- the gate alone ----------------------------------------------------------------------------------------------


async def drive(guarding: Gate, time: Time, steps: list[tuple[float, bool]]) -> tuple[int, int]:
    """Return how many callers of one origin were admitted, all at once after each pause, and the most at a time."""
    inside = most = let_in = 0

    async def call(refused: bool) -> None:
        nonlocal inside, most, let_in
        try:
            await guarding.enter("a")
        except Throttled:
            return
        inside, let_in = inside + 1, let_in + 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        guarding.leave("a", refused=refused)

    tasks = []
    for pause, refused in steps:
        time.now += pause
        tasks.append(asyncio.create_task(call(refused)))
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await asyncio.gather(*tasks)
    return let_in, most


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60), st.integers(1, 12))
def test_waits_are_bounded_and_guesses_stay_limited(steps: list[tuple[float, bool]], burst: int) -> None:
    time = Time()
    guarding = Gate(Rate(burst, 6), time)
    wrong = [(pause, True) for pause, _ in steps]
    let_in, most = asyncio.run(drive(guarding, time, wrong))
    assert let_in <= burst + time.now * 6 / 60 + 1e-6
    assert most <= min(AT_ONCE, burst)
    assert not guarding._lines

    time = Time()
    guarding = Gate(Rate(burst, 6), time)
    let_in, most = asyncio.run(drive(guarding, time, [(pause, False) for pause, _ in steps]))
    assert let_in == len(steps)
    asyncio.run(drive(guarding, time, steps))
    assert not guarding._lines


async def test_a_client_that_leaves_the_queue_delays_no_other() -> None:
    guarding = Gate(Rate(1, 1), Time())
    await guarding.enter("a")
    waiting = [asyncio.create_task(guarding.enter("a")) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    guarding.leave("a", refused=False)
    waiting[1].cancel()  # admitted, and cancelled before it knew
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    async with asyncio.timeout(30):
        await waiting[2]
    guarding.leave("a", refused=False)
    assert not guarding._lines
