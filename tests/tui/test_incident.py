"""The place of incidents: its line of alerts, and the actions of its steps."""

from __future__ import annotations

from secconsole.operations.incident import ShowIncident
from secconsole.tui.screens.alerts.alerts import AlertsDialog
from secconsole.tui.screens.incident.dialogs import EndAllDialog, FreezeDialog, ThawDialog
from secconsole.tui.screens.incident.incident import IncidentPlace
from secconsole.tui.screens.incident.text import Step
from tests.organisation import TENANT
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


async def test_sign_ins_are_frozen_and_thawed_by_keyboard(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("tomas", place="incident")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Freeze sign-ins" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FreezeDialog))
        await settled(pilot)
        await pilot.press("shift+tab", *"other", "tab", "right", "enter")  # Cancel has the focus
        await until(pilot, lambda: "That is not acme" in screen_text(app))
        await settled(pilot)
        assert (await organisation.perform(ShowIncident(tenant=TENANT))).frozen_since is None
        await pilot.press("ctrl+u", *TENANT, "tab", "right", "enter")
        await until(pilot, lambda: "SIGN-INS FROZEN" in screen_text(app).splitlines()[0])
        found = await organisation.perform(ShowIncident(tenant=TENANT))
        assert (found.frozen_since is not None, found.frozen_by) == (True, "tomas")
        await until(pilot, lambda: "Thaw sign-ins" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, ThawDialog))
        await settled(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: "FROZEN" not in screen_text(app))
        assert (await organisation.perform(ShowIncident(tenant=TENANT))).frozen_since is None


async def test_all_sessions_end_but_the_own_one(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.signed_in("uma")
    app = await console("tomas", place="incident")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "End sessions" in screen_text(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EndAllDialog))
        await settled(pilot)
        await pilot.press("shift+tab", *TENANT, "tab", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, IncidentPlace))
        assert (await organisation.perform(ShowIncident(tenant=TENANT))).sessions == 1
