"""The place of incidents: its line of alerts, and the actions of its steps."""

from __future__ import annotations

from secconsole.operations.incident import ShowIncident
from secconsole.operations.jobs import ListJobs
from secconsole.tui.runtime.clipboard import SENT
from secconsole.tui.screens.alerts.alerts import AlertsDialog
from secconsole.tui.screens.incident.advice import AdviceDialog
from secconsole.tui.screens.incident.dialogs import EndAllDialog, FreezeDialog, RoleDialog, ThawDialog
from secconsole.tui.screens.incident.incident import IncidentPlace
from secconsole.tui.screens.incident.steps_text import Step
from secconsole.tui.screens.jobs.start import StartDialog
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
        await settled(pilot)
        await pilot.press("enter")
        await on_top(app, pilot, AlertsDialog)
        await until(pilot, lambda: "3 wrong entries for uma" in screen_text(app))
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


async def test_a_new_binding_is_previewed_by_role_and_needs_the_name(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("tomas", place="incident")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Require new binding" in screen_text(app))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, RoleDialog))
        await settled(pilot)
        assert "platform-admin" not in screen_text(app), "they outrank this administrator"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, IncidentPlace))
        await settled(pilot)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, RoleDialog))
        await settled(pilot)
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, StartDialog))
        await settled(pilot)
        assert "Organisation" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, IncidentPlace))
        assert (await organisation.perform(ListJobs(tenant=TENANT))).items == ()


async def test_the_advice_is_shown_and_copied_and_says_why_it_cannot_be_mailed(console: OpenConsole) -> None:
    app = await console("tomas", place="incident")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "Advice for devices" in screen_text(app))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AdviceDialog))
        await settled(pilot)
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: SENT in screen_text(app))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "Mail is not set up here" in screen_text(app))
