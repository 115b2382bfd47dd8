"""Recovery codes, just created or shown again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.operations.recovery import CreateRecoveryCodes, RecoveryCodes
from secconsole.tui.screens.secret_dialog import HIDE_AFTER
from secconsole.tui.screens.secret_once import SecretOnceDialog, bullets, free_path
from secconsole.tui.text.format import exact, plural
from secconsole.tui.text.safe import join, safe

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_BESIDE = 76  # columns of a window that shows two codes side by side
_WHAT = "Each works once, after your password, instead of a code from your phone."
_WHERE = "Keep them away from the phone: on paper, or in a password manager."


class RecoveryCodesDialog(SecretOnceDialog):
    """Shows recovery codes in two columns.

    Returns True when they are saved. New ones can be left only by saving them; with `again` they are the rest of a set
    and may be left at any time.
    """

    TICK = "I have saved them"
    NOT_YET = "Save, copy or write them down first, then tick this with space."

    def __init__(
        self,
        codes: Sequence[Secret[str]],
        *,
        login: str,
        tenant: str,
        created: datetime,
        again: bool = False,
        hide_after: float = HIDE_AFTER,
    ) -> None:
        self._codes = tuple(codes)
        self._whose = f"{login} in {tenant}"
        self._created = created
        self._once = f"{plural(len(codes), 'code')} left" if again else "Shown once"
        suggested = free_path(f"secconsole-recovery-codes-{login}", ".txt", f"{created.astimezone():%Y%m%d-%H%M%S}")
        super().__init__("Your recovery codes", suggested, freely=again, hide_after=hide_after)

    def forget(self) -> None:
        self._codes = ()

    def words(self, *, shown: bool) -> list[Content]:
        made = safe(f"   created {exact(self._created)}", "$muted")
        about = join(self._whose, made, "   ", (self._once, "bold"))
        return [about, safe(""), *self._rows(shown), safe(""), safe(_WHAT), safe(_WHERE)]

    def _rows(self, shown: bool) -> list[Content]:
        texts = [code.reveal() if shown else bullets(code.reveal()) for code in self._codes]
        cells = [join((f"{at:>3}  ", "$muted"), (text, "bold")) for at, text in enumerate(texts, 1)]
        if self.app.size.width < _BESIDE:
            return cells
        half = (len(cells) + 1) // 2
        right = [*cells[half:], *[safe("")] * half]
        return [join(cell, "   ", other) for cell, other in zip(cells[:half], right, strict=False)]

    def to_copy(self) -> Secret[str]:
        return Secret("\n".join(code.reveal() for code in self._codes) + "\n")

    def to_write(self) -> Secret[str]:
        rows = [f"{at:>3}  {code.reveal()}" for at, code in enumerate(self._codes, 1)]
        head = [f"Recovery codes of {visible(self._whose)}, created {exact(self._created)}", "", _WHAT, ""]
        return Secret("\n".join([*head, *rows, "", "Creating new ones ends these.", ""]))


async def show_new_codes(app: Console) -> RecoveryCodes:
    """Create recovery codes for the user and show them until they are saved."""
    me = app.identity
    made = await app.perform(CreateRecoveryCodes(tenant=me.tenant, user=me.id))
    await app.ask(RecoveryCodesDialog(made.codes, login=me.login, tenant=me.tenant, created=made.created))
    return made
