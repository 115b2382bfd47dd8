"""Advice for devices that may be infected: shown, copied, or mailed to the users that a search finds."""

from __future__ import annotations

from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import LONGEST_SEARCH
from secconsole.domain.users.search import filter_text, parse_search
from secconsole.operations.incident import Advice, ShowAdvice
from secconsole.tui.actions import READ_ONLY
from secconsole.tui.runtime.clipboard import SENT
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.incident.incident_view import IncidentView
from secconsole.tui.screens.jobs.jobs import show_jobs
from secconsole.tui.screens.jobs.start import Selection, start_job
from secconsole.tui.text.safe import join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, TextField, cancel

_WHOLE = 44  # rows of a window that shows all of it


class AdviceDialog(Dialog["str | None"]):
    """Shows the text, and returns the search line of those to mail it to, or None."""

    AUTO_FOCUS = ""

    def __init__(self, advice: Advice, *, read_only: bool, low: bool) -> None:
        """`low`: the window has no room for all of it."""
        self._advice, self._read_only = advice, read_only
        field = TextField(
            name="filter",
            label="To",
            max_length=LONGEST_SEARCH,
            help="Which users get it by mail: role:helpdesk, is:must-reset, a name. Empty: all.",
        )
        buttons = [cancel("Close"), Button("copy", "Copy"), Button("mail", "Mail it", main=True)]
        hint = [join(("pgdn shows the rest, with the buttons to copy and mail it.", "$muted")), safe("")] if low else []
        body = lines(*hint, (advice.subject, "bold"), "", *advice.body.rstrip("\n").split("\n"))
        super().__init__("Advice for devices", body, [field], buttons)

    def on_mount(self) -> None:
        super().on_mount()
        self.focus_from_top()

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "copy":
            self.app.copy_to_clipboard(f"{self._advice.subject}\n\n{self._advice.body}")
            self.app.notify_done(f"{SENT}.")
        elif self._read_only:
            self.app.notify_refused(READ_ONLY)
        else:
            wanted, problems = parse_search(str(event.values["filter"]))
            if problems:
                event.form.set_error("filter", problems[0])
            else:
                self.dismiss(filter_text(wanted))


async def show_advice(place: IncidentView) -> None:
    """Show the advice, and mail it if that is wanted."""
    app = place.app
    advice = await app.perform(ShowAdvice(tenant=app.tenant))
    wanted = await app.ask(AdviceDialog(advice, read_only=app.read_only, low=app.size.height < _WHOLE))
    if wanted is None:
        return
    job = await start_job(app, JobKind.ADVISE, Selection((), wanted), name=app.tenant)
    if job is not None:
        await show_jobs(app, job.id)
        await place.read()
