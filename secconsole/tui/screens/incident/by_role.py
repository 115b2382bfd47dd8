"""Steps that act on all users of a role: a job for each role, which can be paused, resumed and read."""

from __future__ import annotations

from textual import events

from secconsole.operations.incident import ShowIncident
from secconsole.operations.job_kinds import KINDS
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.incident.dialogs import RoleDialog
from secconsole.tui.screens.incident.incident_view import IncidentView
from secconsole.tui.screens.incident.steps_text import STEPS, Step, role_number, roles_of
from secconsole.tui.screens.jobs.jobs import show_jobs
from secconsole.tui.screens.jobs.start import PreviewedJob, Selection, preview_job, start_job
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.widgets.pick_list import Pick, PickList

_MAIL, _LIST = "mail", "list"


class WayDialog(PickDialog["str | None"]):
    """Asks how users get their new passwords."""

    def __init__(self) -> None:
        picks = [
            Pick(_MAIL, "By mail", "To the address on record of each user; you never see them."),
            Pick(_LIST, "On a list in a file", "If mail cannot be trusted or is not set up: print it, hand them over."),
        ]
        super().__init__("Reset passwords", "How do users get their one-time passwords?", picks)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class DryRunDialog(Dialog[None]):
    """Shows what a job would do."""

    def __init__(self, found: PreviewedJob, *, low: bool) -> None:
        self._found = found
        super().__init__(f"Dry run: {KINDS[found.kind].title.lower()}", found.about(low=low, dry=True))

    async def on_key(self, event: events.Key) -> None:
        if event.key == "f2":
            event.stop()
            await self._found.list_users(self.app)


async def reset_passwords(place: IncidentView) -> None:
    """Reset the passwords of a role."""
    chosen = await _pick_role(place, Step.PASSWORDS)
    if chosen is None:
        return
    way = await place.app.ask(WayDialog())
    if way is not None:
        await _start(place, Step.PASSWORDS, chosen, listed=way == _LIST)


async def require_binding(place: IncidentView) -> None:
    """Unbind the factors of a role, whose users bind again at their next sign-in."""
    chosen = await _pick_role(place, Step.BINDING)
    if chosen is not None:
        await _start(place, Step.BINDING, chosen)


async def dry_run(place: IncidentView, step: Step) -> None:
    """Show what one of these steps would do to a role."""
    chosen, kind = await _pick_role(place, step), STEPS[step].kind
    if chosen is None or kind is None:
        return
    found = await preview_job(place.app, kind, chosen)
    if found is not None:
        await place.app.ask(DryRunDialog(found, low=place.is_low))


async def _pick_role(place: IncidentView, step: Step) -> Selection | None:
    app = place.app
    found = await app.perform(ShowIncident(tenant=app.tenant))
    roles = roles_of(step, found, app.identity.role)
    if not roles:
        app.forget_typed()
        app.notify_refused("There are no users below your rank who have one.")
        return None
    role = await app.ask(RoleDialog(STEPS[step].name, roles, lambda each: role_number(step, each)))
    # A filter and no list of ids: the job freezes who has the role when it starts.
    return Selection((), f"role:{role}") if role is not None else None


async def _start(place: IncidentView, step: Step, chosen: Selection, *, listed: bool = False) -> None:
    app, kind = place.app, STEPS[step].kind
    assert kind is not None
    job = await start_job(app, kind, chosen, name=app.tenant, listed=listed)
    if job is not None:
        await show_jobs(app, job.id)
        await place.read()
