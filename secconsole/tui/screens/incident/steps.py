"""Steps against a breach, as the keys of the place take them."""

from __future__ import annotations

from secconsole.operations.incident import Incident, ShowIncident
from secconsole.tui.screens.incident.dialogs import EndAllDialog, FreezeDialog, RotateDialog, ThawDialog
from secconsole.tui.screens.incident.incident_view import IncidentView
from secconsole.tui.screens.incident.steps_text import Step, effect
from secconsole.tui.screens.settings.secret_key import NewKeyDialog
from secconsole.tui.text.format import plural


async def freeze_or_thaw(place: IncidentView) -> None:
    """Freeze sign-ins, or thaw them if they are frozen now."""
    app, found = place.app, await _fresh(place)
    body = effect(Step.FREEZE, found)
    thaws = found.frozen_since is not None
    done = await app.ask(ThawDialog(body) if thaws else FreezeDialog(body, app.tenant))
    if done is None:
        return
    if done.frozen_since is None:
        app.notify_done(f"Users can sign in to {app.tenant} again.")
    else:
        app.notify_done("Sign-ins are frozen. Open sessions go on: e ends them.")
    await app.session.renew(places=False)
    await place.read()


async def end_all(place: IncidentView) -> None:
    """End all sessions and tokens."""
    app, found = place.app, await _fresh(place)
    done = await app.ask(EndAllDialog(effect(Step.SESSIONS, found), app.tenant))
    if done is None:
        return
    if done.own_ended:
        app.lose_session("You ended all sessions, and yours with them.")
        return
    words = f"{plural(done.sessions, 'session')} and {plural(done.tokens, 'token')} ended."
    if done.left:
        words += f" {done.left:,} are still open: press e again to go on."
    if done.spared:
        words += f" {done.spared:,} of users who outrank you stay."
    app.notify_done(words)
    await place.read()


async def rotate_key(place: IncidentView) -> None:
    """Rotate all secret keys and show each new one once."""
    app, found = place.app, await _fresh(place)
    made = await app.ask(RotateDialog(effect(Step.KEY, found), app.tenant))
    if made is None:
        return
    for one in made.items:
        await app.ask(NewKeyDialog(one, app.clock()))
    await place.read()


async def _fresh(place: IncidentView) -> Incident:
    """Return the current state, so that no dialog shows counts of an hour ago."""
    found: Incident = await place.app.perform(ShowIncident(tenant=place.app.tenant))
    return found
