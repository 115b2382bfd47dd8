"""Receivers of the audit: who may add which, what is shown of them, and what is kept secret."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.domain.audit.audit_stream import MOST_STREAMS, StreamKind
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, SecconsoleError, Unavailable, Unfit
from secconsole.domain.roles import Role
from secconsole.operations.audit import ListAudit
from secconsole.operations.audit_streams import (
    AddAuditStream,
    AuditStream,
    ListAuditStreams,
    RemoveAuditStream,
    StreamAdded,
    StreamState,
    TestAuditStream,
)
from secconsole.operations.caller import Credential
from secconsole.operations.tenants import CreateTenant
from secconsole.server.metrics import Metrics
from secconsole.store.schema import metadata
from tests.delivery.stream_receivers import unix_stream, verified, webhook
from tests.organisation import TENANT, Organisation


async def add(
    organisation: Organisation,
    to: str,
    kind: StreamKind = StreamKind.SYSLOG_TLS,
    who: Credential | None = None,
    name: str = "siem",
    tenant: str = TENANT,
) -> StreamAdded:
    added = await organisation.perform(AddAuditStream(tenant=tenant, name=name, kind=kind, to=to), who)
    await organisation.backend.stream_worker.wait_idle()
    return added


async def listed(organisation: Organisation, who: Credential | None = None) -> tuple[AuditStream, ...]:
    return (await organisation.perform(ListAuditStreams(tenant=TENANT), who)).items


async def test_every_entry_arrives(organisation: Organisation, tmp_path: Path) -> None:
    async with unix_stream(tmp_path / "log") as received:
        await add(organisation, str(tmp_path / "log"), StreamKind.SYSLOG_UNIX)
        for number in range(3):
            await organisation.add(f"u{number}")
        organisation.backend.stream_worker.wake()
        await organisation.backend.stream_worker.wait_idle()
        (one,) = await listed(organisation)
        assert (one.state, one.sent, one.behind) == (StreamState.CURRENT, one.newest, 0)
        assert received.seqs == list(range(one.newest - 3, one.newest + 1))


async def test_a_webhooks_secret_is_shown_once_and_signs(organisation: Organisation) -> None:
    async with webhook() as received:
        added = await add(organisation, f"http://127.0.0.1:{received.port}/token-4711", StreamKind.WEBHOOK)
        assert added.secret is not None
        secret = added.secret.reveal()
        headers, body = received.requests[0]
        assert verified(secret, headers, body)["data"]["action"] == "audit.stream-added"

        def texts(connection: sa.Connection) -> str:
            return str([connection.execute(sa.select(table)).all() for table in metadata.sorted_tables])

        stored = await asyncio.wrap_future(organisation.backend.store.read(texts))
        assert secret.removeprefix("whsec_") not in stored
        assert "token-4711" not in stored
        assert "token-4711" not in str(await listed(organisation))


@pytest.mark.alike
@pytest.mark.parametrize(
    ("kind", "to"),
    [
        (StreamKind.SYSLOG_TLS, "10.0.0.1"),
        (StreamKind.SYSLOG_TLS, "localhost"),
        (StreamKind.SYSLOG_TLS, "[::1]:6514"),
        (StreamKind.SYSLOG_TLS, "[::ffff:127.0.0.1]:6514"),
        (StreamKind.SYSLOG_TLS, "169.254.169.254:443"),
        (StreamKind.SYSLOG_TLS, "siem.acme.example:22"),
        (StreamKind.SYSLOG_UNIX, "/dev/log"),
        (StreamKind.WEBHOOK, "https://192.168.1.1/"),
        (StreamKind.WEBHOOK, "http://127.0.0.1/"),
        (StreamKind.WEBHOOK, "https://siem.acme.example:8443/"),
    ],
)
async def test_a_tenant_administrator_reaches_only_public_receivers(
    organisation: Organisation, kind: StreamKind, to: str
) -> None:
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    with pytest.raises(NotAllowed, match="Only a platform-admin may"):
        await add(organisation, to, kind, tina)
    assert await listed(organisation) == ()


@pytest.mark.alike
@pytest.mark.parametrize(
    ("kind", "to", "error"),
    [
        (StreamKind.SYSLOG_TLS, "", Unfit),
        (StreamKind.SYSLOG_TLS, "siem.acme.example:0x1", Unfit),
        (StreamKind.SYSLOG_TLS, "siem.acme.example:99999", Unfit),
        (StreamKind.SYSLOG_TLS, "2130706433", Unfit),
        (StreamKind.SYSLOG_TLS, "user@siem.acme.example", Unfit),
        (StreamKind.SYSLOG_TLS, "siem\x1b[31m", Unfit),
        (StreamKind.SYSLOG_UNIX, "log", Unfit),
        (StreamKind.SYSLOG_UNIX, "/" + "x" * 200, Unfit),
        (StreamKind.WEBHOOK, "http://siem.acme.example/", Unfit),
        (StreamKind.WEBHOOK, "https://user:secret@siem.acme.example/", Unfit),
        (StreamKind.WEBHOOK, "https://siem.acme.example/?token=1", Unfit),
        (StreamKind.WEBHOOK, "file:///etc/passwd", Unfit),
        (StreamKind.WEBHOOK, "https://0x7f000001/", Unfit),
        (StreamKind.WEBHOOK, "https://siem.acme.example/" + "x" * 2_000, Invalid),
    ],
)
async def test_a_malformed_address_is_refused(
    organisation: Organisation, kind: StreamKind, to: str, error: type[SecconsoleError]
) -> None:
    with pytest.raises(error):
        await add(organisation, to, kind)


@pytest.mark.alike
async def test_certificates_are_checked_when_they_are_given(organisation: Organisation) -> None:
    wanted = AddAuditStream(tenant=TENANT, name="siem", kind=StreamKind.SYSLOG_TLS, to="siem.acme.example", ca="none")
    with pytest.raises(Unfit, match="not certificates"):
        await organisation.perform(wanted)


async def test_names_are_unique_and_their_number_is_limited(organisation: Organisation, tmp_path: Path) -> None:
    for number in range(MOST_STREAMS):
        await add(organisation, str(tmp_path / "none"), StreamKind.SYSLOG_UNIX, name=f"S{number}")
    with pytest.raises(Conflict, match="can have 5 streams"):
        await add(organisation, str(tmp_path / "none"), StreamKind.SYSLOG_UNIX, name="more")
    with pytest.raises(Conflict, match="named s1 already"):
        await add(organisation, str(tmp_path / "none"), StreamKind.SYSLOG_UNIX, name="s1")
    removed = await organisation.perform(RemoveAuditStream(tenant=TENANT, stream="s1"))
    assert removed.behind == MOST_STREAMS - 1
    with pytest.raises(NotFound):
        await organisation.perform(RemoveAuditStream(tenant=TENANT, stream=removed.id))
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="audit.stream-removed"))).items[0]
    assert entry.details["unsent"] == MOST_STREAMS - 1


@pytest.mark.alike
@pytest.mark.parametrize("role", [Role.AUDITOR, Role.HELPDESK])
async def test_others_may_look_and_change_nothing(organisation: Organisation, tmp_path: Path, role: Role) -> None:
    await add(organisation, str(tmp_path / "none"), StreamKind.SYSLOG_UNIX)
    await organisation.add("olga", role)
    olga = await organisation.sign_in("olga")
    assert [one.name for one in await listed(organisation, olga)] == ["siem"]
    for wanted in (
        AddAuditStream(tenant=TENANT, name="x", kind=StreamKind.SYSLOG_TLS, to="siem.acme.example"),
        TestAuditStream(tenant=TENANT, stream="siem"),
        RemoveAuditStream(tenant=TENANT, stream="siem"),
    ):
        with pytest.raises(NotAllowed):
            await organisation.perform(wanted, olga)


async def test_a_tenant_learns_nothing_of_anothers_streams(organisation: Organisation, tmp_path: Path) -> None:
    await organisation.perform(CreateTenant(name="other", admin="otto"))
    added = await add(organisation, str(tmp_path / "none"), StreamKind.SYSLOG_UNIX, tenant="other")
    assert await listed(organisation) == ()
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    with pytest.raises(SecconsoleError):
        await organisation.perform(ListAuditStreams(tenant="other"), tina)
    with pytest.raises(NotFound):
        await organisation.perform(RemoveAuditStream(tenant=TENANT, stream=added.stream.id), tina)


async def test_a_metric_shows_the_lag_of_each_stream(organisation: Organisation, tmp_path: Path) -> None:
    metrics = Metrics()
    added = await add(organisation, str(tmp_path / "away"), StreamKind.SYSLOG_UNIX)
    organisation.clock.now += 60
    await organisation.add("ana")
    (one,) = await listed(organisation)
    assert one.behind >= 2
    await metrics.read_lags(organisation.backend.stream_lags)
    label = f'{{stream="{added.stream.id}"}}'
    assert f"secconsole_audit_stream_lag_entries{label} {float(one.behind)}" in metrics.text()
    assert f"secconsole_audit_stream_lag_seconds{label} 60.0" in metrics.text()

    async def away() -> dict[str, tuple[int, float]]:
        raise Unavailable("The store does not answer.")

    await metrics.read_lags(away)
    assert label not in metrics.text(), "no values rather than old ones"
