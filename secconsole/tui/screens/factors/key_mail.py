"""Mailing the key of an enrollment that a signed-in user started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.operations.factors import MailKey, ShowEnrollmentSending
from secconsole.operations.signin import KeyMailed, SendStatus
from secconsole.tui.screens.factors.binding import KeyMail

if TYPE_CHECKING:
    from secconsole.tui.console import Console


def key_mail(app: Console, tenant: str, enrollment: str, words: str = "mail me the key") -> KeyMail:
    """Return a `KeyMail` for an enrollment."""

    async def send(address: str) -> KeyMailed:
        return await app.perform(MailKey(tenant=tenant, enrollment=enrollment, address=address))

    async def look() -> SendStatus:
        # At the backend: this is repeated in the background, where nothing may ask the user anything.
        return await app.backend.perform(ShowEnrollmentSending(tenant=tenant, enrollment=enrollment))

    return KeyMail(send, look, words)
