"""Tasks due right after a sign-in: new recovery codes and a contact address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_TOLD = 8.0  # seconds


async def after_sign_in(app: Console, message: str, *, bound: bool) -> None:
    """Show the message, then ask for what is due.

    `bound`: a factor was bound during sign-in, so that there are no recovery codes yet.
    """
    me = app.identity
    asks = bool(me.id) and not app.read_only
    renews = asks and not bound and me.renew_recovery
    if message and not renews and not (asks and bound):  # otherwise a dialog contains or covers it
        app.notify(message, timeout=_TOLD)
    if not asks:
        return
    await app.wait_keys_idle()
    try:
        if bound:
            from secconsole.tui.screens.factors.recovery_codes import show_new_codes

            await show_new_codes(app)
            app.notify(message, timeout=_TOLD)
        elif renews:
            await _renew(app)
        if app.signed_in and not app.identity.email:
            await _ask_contact(app)
    except SecconsoleError as error:
        app.work_failed(error)


async def _renew(app: Console) -> None:
    """Offer another phone and new codes after a recovery code was used (NIST SP 800-63B-4 section 4.2.1.1)."""
    from secconsole.tui.screens.factors.recovery_codes import show_new_codes
    from secconsole.tui.screens.factors.renew_recovery import BIND, RenewRecoveryDialog

    while chosen := await app.ask(RenewRecoveryDialog(left=app.identity.recovery_left)):
        if chosen != BIND or await _bind_phone(app):
            await show_new_codes(app)
            return


async def _bind_phone(app: Console) -> bool:
    """Bind an authenticator app, which every policy allows.

    It replaces the one before.
    """
    from secconsole.tui.screens.factors.binding import BindingScreen, Checked
    from secconsole.tui.screens.factors.key_mail import key_mail

    me = app.identity
    started = await app.perform(EnrollFactor(tenant=me.tenant, user=me.id))

    async def confirm(code: Secret[str]) -> Checked:
        verdict = await app.perform(ConfirmFactor(tenant=me.tenant, enrollment=started.enrollment, code=code))
        return Checked(verdict.accepted, verdict.message, verdict.server_time)

    mail = key_mail(app, me.tenant, started.enrollment)
    reason = "The app on the old phone works until this one is confirmed."
    end = await app.ask(BindingScreen(started, confirm, reason=reason, title="Bind another phone", mail=mail))
    if end.message:
        app.notify_refused(end.message)
    return end.bound


async def _ask_contact(app: Console) -> None:
    from secconsole.tui.screens.account.dialogs import ContactDialog

    contact = await app.ask(ContactDialog("", asked_for=True))
    if contact is not None:
        app.notify_done(f"Changes to your account are mailed to {contact.email}.")
