"""A26: the peer's address counts, and headers count only from trusted proxies."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import httpx
import pytest

from secconsole.domain.errors import Invalid
from secconsole.operations.audit import ListAudit
from secconsole.server.app import make_app
from secconsole.server.transport.peers import Callers
from secconsole.server.transport.proxies import Proxies, Unreadable, parse_networks, parse_proxies
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.store.looking import column

PROXY, CLIENT, FORGED = "10.0.0.5", "198.51.100.7", "203.0.113.99"
TRUSTING = parse_proxies(["10.0.0.0/24", "2001:db8::1"])


def client_of(proxies: Proxies, peer: str, *values: str, name: str = "x-forwarded-for") -> str:
    headers = [(name.encode(), value.encode("latin-1")) for value in values]
    return str(proxies.client_of(ipaddress.ip_address(peer), headers))


@pytest.mark.parametrize(
    "values, found",
    [
        ([], PROXY),
        ([CLIENT], CLIENT),
        ([f"{FORGED}, {CLIENT}"], CLIENT),
        ([FORGED, CLIENT], CLIENT),
        ([f"{FORGED},{CLIENT} , 10.0.0.9"], CLIENT),
        (["10.0.0.7, 10.0.0.9"], "10.0.0.7"),
        ([f"a, {CLIENT}"], CLIENT),
        ([f"{CLIENT}:4711"], CLIENT),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        ([f"::ffff:{CLIENT}"], CLIENT),
        ([f"{CLIENT}, ::ffff:10.0.0.9"], CLIENT),
    ],
)
def test_the_client_is_the_last_hop_that_is_not_a_trusted_proxy(values: list[str], found: str) -> None:
    assert client_of(TRUSTING, PROXY, *values) == found


def test_an_ipv4_peer_of_an_ipv6_socket_is_the_same_proxy() -> None:
    scope = {"headers": [(b"x-forwarded-for", CLIENT.encode())], "client": (f"::ffff:{PROXY}", 4711)}
    assert Callers(TRUSTING).of(scope).address == CLIENT


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "",
        CLIENT + ",",
        "unknown",
        "_hidden",
        "198.51.100.7:http",
        "198.51.100.256",
        "[2001:db8::7",
        "fe80::1%eth0",
        "198.51.100.7 198.51.100.8",
        "1",
        "0x7f.1",
        "\xb9.1.1.1",
    ],
)
def test_an_invalid_address_is_not_guessed(value: str) -> None:
    with pytest.raises(Unreadable):
        client_of(TRUSTING, PROXY, value)


@pytest.mark.parametrize("peer", ["10.0.1.5", "127.0.0.1", "::1", CLIENT])
def test_forwarded_headers_of_others_are_ignored(peer: str) -> None:
    for proxies in (TRUSTING, Proxies()):
        assert client_of(proxies, peer, FORGED) == peer
        assert client_of(proxies, peer, "a") == peer


def test_only_the_configured_header_is_read() -> None:
    assert client_of(TRUSTING, PROXY, f"for={FORGED}", name="forwarded") == PROXY
    standard = parse_proxies([PROXY], "forwarded")
    assert client_of(standard, PROXY, FORGED) == PROXY
    for value in (f"for={CLIENT}", f'For="{CLIENT}:1";proto=https', f"for={FORGED}, proto=https; for={CLIENT}"):
        assert client_of(standard, PROXY, value, name="forwarded") == CLIENT
    assert client_of(standard, PROXY, 'for="[2001:db8::7]:1"', name="forwarded") == "2001:db8::7"
    for value in ("for=unknown", "for=_x", "proto=https", f"{CLIENT}", 'for="a,b"'):
        with pytest.raises(Unreadable):
            client_of(standard, PROXY, value, name="forwarded")


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "proxy.example", "10.0.0.5/24", "", "unix:", "unix:nobody-here"])
def test_networks_of_all_addresses_are_refused_as_proxies(text: str) -> None:
    with pytest.raises(Invalid):
        parse_proxies([text])


async def test_the_audit_has_the_address_that_counts(organisation: Organisation, home: Path) -> None:
    app = make_app(organisation.backend, callers=Callers(TRUSTING))
    body = {"login": "root", "password": PASSWORD.reveal()}
    before = len(column(home, "audit", "address"))
    for peer in (PROXY, "192.0.2.1"):
        transport = httpx.ASGITransport(app=app, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"x-forwarded-for": f"{FORGED}, {CLIENT}", "x-real-ip": FORGED, "x-request-id": "abc-1"}
            answer = await client.post(f"/v1/tenants/{TENANT}/sign-in", json=body, headers=headers)
            assert answer.json()["status"] == "complete"
            headers["x-forwarded-for"] = "a"
            answer = await client.post(f"/v1/tenants/{TENANT}/sign-in", json=body, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (
                (400, "application/problem+json") if peer == PROXY else (200, "application/json")
            )
    assert column(home, "audit", "address")[before:] == [CLIENT, "192.0.2.1", "192.0.2.1"]
    newest, *_ = (await organisation.perform(ListAudit(tenant=TENANT))).items
    assert (newest.address, newest.request_id) == ("192.0.2.1", "abc-1")


@pytest.mark.parametrize("peer, status", [("127.0.0.1", 200), ("::1", 200), ("192.0.2.1", 200), ("192.0.3.1", 403)])
async def test_metrics_are_for_this_machine_and_named_networks(
    organisation: Organisation, peer: str, status: int
) -> None:
    app = make_app(organisation.backend, metrics_from=parse_networks(["192.0.2.0/24"], "metrics-from"))
    transport = httpx.ASGITransport(app=app, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/metrics")).status_code == status
        assert (await client.get("/healthz")).status_code == 200
