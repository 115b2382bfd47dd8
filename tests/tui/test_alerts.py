"""Alerts in the console: the line in Overview, the list, one alert with its entries, its acknowledgement, the rules."""

from __future__ import annotations

import pytest

from secconsole.domain.audit.alert_rules import AlertRule, AlertState
from secconsole.domain.secret import Secret
from secconsole.operations.alerts import ListAlertRules, ListAlerts, SetAlertRule
from secconsole.operations.caller import Nobody, Source
from secconsole.operations.signin import SignIn
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.alerts.alerts import AcknowledgeDialog, AlertDialog, AlertsDialog
from secconsole.tui.screens.alerts.rules import RuleDialog, RulesDialog
from secconsole.tui.screens.audit.dialogs import EntryDialog
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.widgets.board import Board
from tests.tui.conftest import TENANT, OpenConsole, Organisation, Pilot, screen_text, settled, until


async def guessed(organisation: Organisation, login: str = "uma") -> None:
    """Three wrong passwords of a user, which raise an alert."""
    owner = organisation.owner
    await organisation.perform(SetAlertRule(tenant=TENANT, rule=AlertRule.MANY_FAILURES, threshold=3))
    for _ in range(3):
        wrong = SignIn(tenant=TENANT, login=login, password=Secret("not her password"))
        await owner.perform_as(wrong, Nobody(), Source("api", "203.0.113.7"))
        organisation.clock.forward(120)
    await owner.alert_worker.sweep()


async def on_top(app: SecConsole, pilot: Pilot[None], kind: type) -> None:
    await until(pilot, lambda: isinstance(app.screen, kind))
    await settled(pilot)


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_from_the_overview_to_an_entry_and_to_the_acknowledgement(
    console: OpenConsole, organisation: Organisation, size: tuple[int, int]
) -> None:
    await guessed(organisation)
    app = await console("tomas")
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "alert, oldest" in screen_text(app))
        place = app.screen
        await pilot.press("i")
        await on_top(app, pilot, AlertsDialog)
        text = screen_text(app)
        assert "1 alert is open" in text
        assert "3 wrong entries for uma within 30 min" in text
        await pilot.press("enter")
        await on_top(app, pilot, AlertDialog)
        assert "3 audit entries" in screen_text(app)
        await pilot.press("down", "enter")
        await on_top(app, pilot, EntryDialog)
        assert "Audit entry" in screen_text(app)
        await pilot.press("escape")
        await on_top(app, pilot, AlertDialog)
        await pilot.press("1")
        await on_top(app, pilot, AcknowledgeDialog)
        await pilot.press(*"her phone", "tab", "right", "enter")
        await on_top(app, pilot, AlertsDialog)
        assert "No alert is open." in screen_text(app)
        await pilot.press("1")
        await on_top(app, pilot, AlertsDialog)
        await until(pilot, lambda: "tomas: her phone" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
    (alert,) = (await organisation.perform(ListAlerts(tenant=TENANT))).items
    assert (alert.state, alert.note, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, "her phone", "tomas")


async def test_the_line_opens_the_list_and_a_new_alert_appears_by_itself(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "Needs attention" in screen_text(app))
        assert "oldest" not in screen_text(app)
        await guessed(organisation)
        await until(pilot, lambda: "1  alert, oldest" in screen_text(app))
        board = app.screen.query_one(Board)
        while board.target != "alerts:":
            await pilot.press("down")
        await pilot.press("enter")
        await on_top(app, pilot, AlertsDialog)


async def test_rules_are_tried_and_changed(console: OpenConsole, organisation: Organisation) -> None:
    await guessed(organisation)
    app = await console("tomas")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "alert, oldest" in screen_text(app))
        await pilot.press("i")
        await on_top(app, pilot, AlertsDialog)
        await pilot.press("3")
        await on_top(app, pilot, RulesDialog)
        assert "on: 3 wrong entries within 30 min" in screen_text(app)
        await pilot.press("1")
        await on_top(app, pilot, RuleDialog)
        await pilot.press("tab", "backspace", *"0", "tab", "tab", "right", "right", "enter")
        await until(pilot, lambda: "must be between 3 and 500" in screen_text(app))
        await pilot.press("backspace", *"3", "tab", "tab", "right", "enter")
        await until(pilot, lambda: "Trial of many-failures" in screen_text(app))
        assert "1 alert since" in screen_text(app)
        await pilot.press("escape")
        await on_top(app, pilot, RuleDialog)
        await pilot.press("escape")
        await on_top(app, pilot, RulesDialog)
        await pilot.press("2")
        await on_top(app, pilot, RuleDialog)
        await pilot.press("space", "tab", "tab", "tab", "right", "right", "enter")
        await on_top(app, pilot, RulesDialog)
        assert "network-users is off" in screen_text(app)
    rows = {row.rule: row for row in (await organisation.perform(ListAlertRules(tenant=TENANT))).items}
    assert not rows[AlertRule.NETWORK_USERS].on


async def test_an_auditor_reads_and_tries_and_learns_who_may_change(
    console: OpenConsole, organisation: Organisation
) -> None:
    await guessed(organisation)
    app = await console("aida")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "alert, oldest" in screen_text(app))
        await pilot.press("i")
        await on_top(app, pilot, AlertsDialog)
        await pilot.press("1")
        await on_top(app, pilot, AlertDialog)
        assert "Acknowledge with" not in screen_text(app)
        assert "auditor, may not do this" in screen_text(app)
        await pilot.press("escape")
        await on_top(app, pilot, AlertsDialog)
        await pilot.press("3")
        await on_top(app, pilot, RulesDialog)
        await pilot.press("1")
        await on_top(app, pilot, RuleDialog)
        assert "Change" not in screen_text(app)
        await pilot.press("enter")
        await on_top(app, pilot, Dialog)
        await until(pilot, lambda: "Trial of many-failures" in screen_text(app))
