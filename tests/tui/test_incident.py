"""The place of incidents: its line of alerts, and the actions of its steps."""

from __future__ import annotations

from secconsole.tui.screens.alerts.alerts import AlertsDialog
from secconsole.tui.screens.incident.incident import IncidentPlace
from secconsole.tui.screens.incident.text import Step
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_alerts import guessed, on_top


async def test_enter_on_the_line_of_alerts_opens_them(console: OpenConsole, organisation: Organisation) -> None:
    await guessed(organisation)
    app = await console("tomas")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "1  open alert, latest" in screen_text(app))
        await pilot.press("enter")
        await on_top(app, pilot, AlertsDialog)
        assert "3 wrong entries for uma" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "What to do" in screen_text(app))


async def test_each_step_has_an_action_that_enter_takes(console: OpenConsole) -> None:
    app = await console("tomas")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "What to do" in screen_text(app))
        place = app.screen
        assert isinstance(place, IncidentPlace)
        known = {action.id for action in place.ACTIONS}
        assert {f"incident.{step}" for step in Step} <= known
