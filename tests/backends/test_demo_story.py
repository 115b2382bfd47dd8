"""The demo's incident raises its two alerts, and its ordinary history raises none."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.backends.demo import story
from secconsole.backends.demo.fill import create_demo
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import open_embedded
from secconsole.backends.owner import store_owner
from secconsole.domain.audit.alert_rules import AlertRule
from secconsole.operations.alerts import Alert, ListAlertRules, ListAlerts, SetAlertRule, ShowAlert
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.caller import Nobody


async def alerts_of_demo(home: Path) -> list[tuple[Alert, list[str]]]:
    """Return the alerts of a new demo with every rule on that can be, each with its actions."""
    await create_demo(home, users=300, seed=3)
    backend = await open_embedded(store_owner() or Nobody(), "command")
    try:
        for row in (await backend.perform(ListAlertRules(tenant=TENANT))).items:
            assert row.on or row.rule is AlertRule.OUT_OF_HOURS
        hours = {"on": True, "hours": "mon-sun 00:00-24:00"}
        await backend.perform(SetAlertRule(tenant=TENANT, rule=AlertRule.OUT_OF_HOURS, **hours))  # type: ignore[arg-type]
        await backend.alert_worker.sweep()
        assert (await backend.perform(VerifyAudit(tenant=TENANT))).whole
        found = []
        for alert in (await backend.perform(ListAlerts(tenant=TENANT))).items:
            entries = (await backend.perform(ShowAlert(tenant=TENANT, alert=alert.id))).entries
            found.append((alert, [entry.action for entry in entries]))
        return found
    finally:
        await backend.close()


async def test_the_story_of_a_demo_has_two_alerts_with_their_causes(home: Path) -> None:
    network, takeover = sorted(await alerts_of_demo(home), key=lambda pair: pair[0].rule)
    assert (network[0].rule, network[0].name) == (AlertRule.NETWORK_USERS, f"{story.NETWORK}0/24")
    assert network[0].number == story.GUESSED
    assert network[1] == ["sign-in"] * story.GUESSED
    assert (takeover[0].rule, takeover[0].name) == (AlertRule.RESET_AND_ACT, "hana")
    assert takeover[1] == ["unbind", "factor.confirmed", "bypass.issued"]


async def test_the_story_of_a_demo_has_a_caller_who_was_checked(home: Path) -> None:
    await create_demo(home, users=30, seed=3)
    backend = await open_embedded(store_owner() or Nobody(), "command")
    try:
        issued = (await backend.perform(ListAudit(tenant=TENANT, action="bypass.issued"))).items
        assert [(entry.actor, entry.details["caller"]) for entry in issued] == [
            ("hana", "not checked"),
            ("hana", "email"),
        ]
        (checked,) = (await backend.perform(ListAudit(tenant=TENANT, action="caller-check.confirmed"))).items
        assert (checked.target, checked.details["check"]) == ("uma", issued[1].details["caller_check"])
    finally:
        await backend.close()


async def test_the_ordinary_history_of_a_demo_raises_no_alert(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "write", lambda *_: None)
    assert await alerts_of_demo(home) == []
