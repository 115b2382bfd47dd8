"""Binding a phone for somebody who sits beside you."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import BindingStatus
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, RemoveFactor
from secconsole.operations.users import UserRow
from secconsole.tui.screens.binding import BindingEnd, BindingScreen, Checked

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole


async def enroll(app: SecConsole, user: UserRow) -> BindingEnd:
    """Make a key, show it, and take codes until one is right; until then what was bound before stays.

    A key that was not confirmed is taken away again, so that nobody is pending for nothing.
    """
    started = await app.perform(EnrollFactor(tenant=app.tenant, user=user.id))

    async def confirm(code: Secret[str]) -> Checked:
        verdict = await app.perform(ConfirmFactor(tenant=app.tenant, enrollment=started.enrollment, code=code))
        return Checked(verdict.accepted, verdict.message, verdict.server_time)

    kept = " The phone bound now works until then." if user.status is BindingStatus.BOUND else ""
    reason = f"For {visible(user.name or user.login)}, on their own phone.{kept}"
    end = await app.ask(BindingScreen(started, confirm, reason=reason, title=f"Bind for {user.login}", back="Cancel"))
    if not end.bound:
        with suppress(SecconsoleError):  # a key that nobody confirmed runs out by itself, too
            await app.perform(RemoveFactor(tenant=app.tenant, factor=started.enrollment))
    return end
