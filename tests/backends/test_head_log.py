"""Heads of the audit in logs: those that have moved, each hour and at the end."""

from __future__ import annotations

import io
import json
import logging
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from secconsole.backends.head_log import FILE, log_heads, write_lines
from secconsole.operations.audit import AuditHead, CheckAuditHeads
from secconsole.operations.head_files import heads_in
from secconsole.operations.tenants import CreateTenant
from secconsole.server.logs import Json
from tests.organisation import TENANT, organisation_in


async def test_heads_are_written_once_until_they_move_and_again_at_the_end(home: Path) -> None:
    written: list[list[tuple[str, int]]] = []

    def write(heads: Sequence[AuditHead]) -> None:
        written.append([(head.tenant, head.seq) for head in heads])

    async with organisation_in(home) as organisation:
        log = organisation.backend.head_log
        await log.write_moved()
        assert written == []
        log.stay(write)
        await organisation.perform(CreateTenant(name="beta"))
        await log.write_moved()
        await log.write_moved()
        (first,) = written
        assert [tenant for tenant, _ in first] == [TENANT, "beta"]
        await organisation.add("ana")
        await organisation.backend.close()
        assert written[1:] == [[(TENANT, dict(first)[TENANT] + 1)]]


async def test_a_changed_head_is_reported_and_not_written(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with organisation_in(home) as organisation:
        organisation.backend.head_log.stay(lambda heads: pytest.fail("it was written"))
        change = "UPDATE audit_heads SET seq = seq + 1"
        organisation.backend.store.write(lambda connection: connection.exec_driver_sql(change)).result()
        await organisation.backend.head_log.write_moved()
        assert "The signed head of the audit of acme is missing or was changed" in caplog.text


async def test_lines_of_both_logs_verify_the_store(
    home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secconsole.backends.head_log.SYSTEM_LOG", str(home / "none"))
    async with organisation_in(home) as organisation:
        log = organisation.backend.head_log
        log.stay(write_lines)
        await log.write_moved()
        path = home / "log" / FILE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with caplog.at_level(logging.INFO, "secconsole"):
            heads = [head for _, head in heads_in(io.StringIO(path.read_text()))]
            log_heads(heads)
        records = [record for record in caplog.records if hasattr(record, "facts")]
        served = "\n".join(Json().format(record) for record in records)
        assert json.loads(served.splitlines()[0])["audit_head"]["seq"] == heads[0].seq
        kept = tuple(head for _, head in heads_in(io.StringIO(served)))
        assert kept == tuple(heads)
        check = await organisation.perform(CheckAuditHeads(tenant=TENANT, heads=kept))
        assert (check.agree, check.problems) == (1, ())
