"""Tasks due right after a sign-in: new recovery codes and a contact address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.config.setup_mark import is_being_set_up
from secconsole.domain.errors import SecconsoleError

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
        if app.signed_in and app.local and is_being_set_up():
            from secconsole.tui.screens.set_up import go_on, is_due

            if is_due(app):
                await go_on(app)
    except SecconsoleError as error:
        app.work_failed(error)


async def _renew(app: Console) -> None:
    """Offer another phone and new codes after a recovery code was used (NIST SP 800-63B-4 section 4.2.1.1)."""
    from secconsole.tui.screens.factors.bind_own import bind_phone
    from secconsole.tui.screens.factors.recovery_codes import show_new_codes
    from secconsole.tui.screens.factors.renew_recovery import BIND, RenewRecoveryDialog

    kept = "The app on the old phone works until this one is confirmed."

    while chosen := await app.ask(RenewRecoveryDialog(left=app.identity.recovery_left)):
        if chosen != BIND or await bind_phone(app, kept, title="Bind another phone"):
            await show_new_codes(app)
            return


async def _ask_contact(app: Console) -> None:
    from secconsole.tui.screens.account.dialogs import ContactDialog

    contact = await app.ask(ContactDialog("", asked_for=True))
    if contact is not None:
        app.notify_done(f"Changes to your account are mailed to {contact.email}.")
