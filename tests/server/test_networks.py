"""A26: allowed networks over HTTP: the peer counts, and a header only from a trusted proxy."""

from __future__ import annotations

import httpx
import pytest

from secconsole.operations.networks import AddNetwork
from secconsole.server.app import make_app
from secconsole.server.transport.peers import Callers, OsUser
from secconsole.server.transport.proxies import Proxies, parse_proxies
from tests.organisation import PASSWORD, TENANT, Organisation

PROXY, OFFICE, INSIDE, OUTSIDE = "192.0.2.5", "10.0.0.0/8", "10.1.2.3", "198.51.100.7"
TRUSTING = parse_proxies([PROXY])
BODY = {"login": "root", "password": PASSWORD.reveal()}


async def status(organisation: Organisation, peer: str, forwarded: str = "", proxies: Proxies = TRUSTING) -> str:
    app = make_app(organisation.backend, callers=Callers(proxies))
    transport = httpx.ASGITransport(app=app, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        headers = {"x-forwarded-for": forwarded} if forwarded else {}
        answer = await client.post(f"/v1/tenants/{TENANT}/sign-in", json=BODY, headers=headers)
        return str(answer.json()["status"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "outcome"),
    [
        (INSIDE, "", "complete"),
        (OUTSIDE, "", "refused"),
        (f"::ffff:{INSIDE}", "", "complete"),
        (OUTSIDE, INSIDE, "refused"),
        (INSIDE, OUTSIDE, "complete"),
        (PROXY, INSIDE, "complete"),
        (PROXY, OUTSIDE, "refused"),
        (PROXY, f"{INSIDE}, {OUTSIDE}", "refused"),
        (PROXY, "", "refused"),
        ("127.0.0.1", "", "refused"),
        ("", "", "refused"),
    ],
)
async def test_a26_a_forged_header_opens_no_network(
    organisation: Organisation, peer: str, forwarded: str, outcome: str
) -> None:
    await organisation.perform(AddNetwork(tenant=TENANT, network=OFFICE))
    assert await status(organisation, peer, forwarded) == outcome
    if forwarded and peer == PROXY:
        assert await status(organisation, peer, forwarded, Proxies()) == "refused", "it is not named"


async def test_a26_elsewhere_a_session_is_answered_with_a_code_and_words(organisation: Organisation) -> None:
    await organisation.perform(AddNetwork(tenant=TENANT, network=OFFICE))
    app = make_app(organisation.backend)
    inside, outside = (httpx.ASGITransport(app=app, client=(peer, 4711)) for peer in (INSIDE, OUTSIDE))
    async with (
        httpx.AsyncClient(transport=inside, base_url="http://localhost") as at_home,
        httpx.AsyncClient(transport=outside, base_url="http://localhost") as away,
    ):
        token = (await at_home.post(f"/v1/tenants/{TENANT}/sign-in", json=BODY)).json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        assert (await at_home.get("/v1/me", headers=headers)).status_code == 200
        answer = await away.get("/v1/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong-network")
        assert OUTSIDE in answer.json()["detail"]


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_a26_a_proxy_on_the_socket_that_was_not_named_is_not_this_machine(header: str) -> None:
    scope = {"headers": [], "client": None, "state": {"os_user": OsUser(1000)}}
    assert not Callers().of(scope).relayed
    caller = Callers().of({**scope, "headers": [(header.encode(), b"10.1.2.3")]})
    assert (caller.relayed, caller.network) == (True, None)
