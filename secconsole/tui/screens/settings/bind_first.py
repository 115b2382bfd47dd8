"""Binding a phone before a second factor is required, for an administrator who has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.factors.binding import BindingScreen, Checked
from secconsole.tui.screens.factors.key_mail import key_mail
from secconsole.tui.screens.factors.recovery_codes import show_new_codes

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_REASON = "You have no second factor yet. Bind your phone before you require one of others."
_ENABLE = "Your phone is bound. Require a second factor of all users now?"


async def bind_before_switching(app: Console) -> bool:
    """Bind the user's own phone, show recovery codes, and ask to enable.

    Return False if the user stops there.
    """
    me = app.identity
    started = await app.perform(EnrollFactor(tenant=me.tenant, user=me.id))

    async def confirm(code: Secret[str]) -> Checked:
        verdict = await app.perform(ConfirmFactor(tenant=me.tenant, enrollment=started.enrollment, code=code))
        return Checked(verdict.accepted, verdict.message, verdict.server_time)

    mail = key_mail(app, me.tenant, started.enrollment)
    end = await app.ask(BindingScreen(started, confirm, reason=_REASON, back="Cancel", mail=mail))
    if end.message:
        app.notify_refused(end.message)
    if not end.bound:
        return False
    await show_new_codes(app)
    return await app.ask(ConfirmDialog("Require a second factor", _ENABLE, "Enable"))
