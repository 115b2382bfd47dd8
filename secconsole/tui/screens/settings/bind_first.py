"""Binding a phone before a second factor is required, for an administrator who has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.operations.policy import SetPolicy
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.factors.bind_own import bind_phone
from secconsole.tui.screens.factors.recovery_codes import show_new_codes

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_REASON = "You have no second factor yet. Bind your phone before you require one of others."
_ENABLE = "Your phone is bound. Require a second factor of all users now?"


async def bind_before_switching(app: Console, switch: SetPolicy) -> bool:
    """Bind the user's own phone, show recovery codes, and ask to enable.

    Return False if the user stops there.
    """
    # Required without an own factor would lock out the administrator who switches it on.
    if not await bind_phone(app, _REASON, back="Cancel"):
        return False
    await show_new_codes(app)
    return await app.ask(ConfirmDialog("Require a second factor", _ENABLE, "Enable", does=switch))
