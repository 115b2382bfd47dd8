"""Binding the signed-in user's phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.tui.screens.factors.binding import BindingScreen, Checked
from secconsole.tui.screens.factors.key_mail import key_mail

if TYPE_CHECKING:
    from secconsole.tui.console import Console


async def bind_phone(app: Console, reason: str, *, title: str = "Bind your phone", back: str = "Later") -> bool:
    """Bind an authenticator app, which every policy allows.

    It replaces the one before.
    """
    me = app.identity
    started = await app.perform(EnrollFactor(tenant=me.tenant, user=me.id))

    async def confirm(code: Secret[str]) -> Checked:
        verdict = await app.perform(ConfirmFactor(tenant=me.tenant, enrollment=started.enrollment, code=code))
        return Checked(verdict.accepted, verdict.message, verdict.server_time)

    mail = key_mail(app, me.tenant, started.enrollment)
    end = await app.ask(BindingScreen(started, confirm, reason=reason, title=title, back=back, mail=mail))
    if end.message:
        app.notify_refused(end.message)
    return end.bound
