"""What is due right after a sign-in: recovery codes, made first or anew, and an address to be told at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, MailKey
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import KeyMailed

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

_TOLD = 8.0  # seconds


async def after_sign_in(app: SecConsole, message: str, *, bound: bool) -> None:
    """Say what there is to say, and ask for what is due.

    `bound`: a factor was bound on the way in, so that there are no recovery codes yet.
    """
    me = app.identity
    asks = bool(me.id) and not app.read_only
    renews = asks and not bound and me.renew_recovery
    if message and not renews and not (asks and bound):  # else the dialog says it, or lies above it
        app.notify(message, timeout=_TOLD)
    if not asks:
        return
    await app.keys_at_rest()
    try:
        if bound:
            await show_new_codes(app)
            app.notify(message, timeout=_TOLD)
        elif renews:
            await _renew(app)
        if app.signed_in and not app.identity.email:
            await _ask_contact(app)
    except SecconsoleError as error:
        app.work_failed(error)


async def show_new_codes(app: SecConsole) -> None:
    """Make recovery codes for whoever is at work here, and show them until they are saved."""
    from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog

    me = app.identity
    made = await app.perform(CreateRecoveryCodes(tenant=me.tenant, user=me.id))
    await app.ask(RecoveryCodesDialog(made.codes, login=me.login, tenant=me.tenant, created=made.created))


async def _renew(app: SecConsole) -> None:
    """A recovery code was used: another phone, and new codes (NIST SP 800-63B-4 section 4.2.1.1)."""
    from secconsole.tui.screens.factors.renew_recovery import BIND, RenewRecoveryDialog

    while chosen := await app.ask(RenewRecoveryDialog(left=app.identity.recovery_left)):
        if chosen != BIND or await _bind_phone(app):
            await show_new_codes(app)
            return


async def _bind_phone(app: SecConsole) -> bool:
    """Bind an authenticator app, which every policy allows; it takes the place of the one before."""
    from secconsole.tui.screens.factors.binding import BindingScreen, Checked

    me = app.identity
    started = await app.perform(EnrollFactor(tenant=me.tenant, user=me.id))

    async def confirm(code: Secret[str]) -> Checked:
        verdict = await app.perform(ConfirmFactor(tenant=me.tenant, enrollment=started.enrollment, code=code))
        return Checked(verdict.accepted, verdict.message, verdict.server_time)

    async def mail(address: str) -> KeyMailed:
        return await app.perform(MailKey(tenant=me.tenant, enrollment=started.enrollment, address=address))

    reason = "The old phone's app works until this one is confirmed."
    end = await app.ask(BindingScreen(started, confirm, reason=reason, title="Bind another phone", mail=mail))
    if end.message:
        app.say_why(end.message)
    return end.bound


async def _ask_contact(app: SecConsole) -> None:
    from secconsole.tui.screens.account.dialogs import ContactDialog

    told = await app.ask(ContactDialog("", asked_for=True))
    if told is not None:
        app.say(f"What changes about your account is mailed to {told.email}.")
