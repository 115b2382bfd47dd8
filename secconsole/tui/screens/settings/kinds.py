"""Factor kinds that users may bind: what the standard says of each, and what allowing or removing one does.

Sources: NIST SP 800-63B-4, sections 3.1.3.1 (no e-mail), 3.1.3.3 and 3.2.9 (codes by telephone are restricted).
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from secconsole.domain.errors import Stale
from secconsole.domain.model import FactorKind
from secconsole.operations.delivery import Delivery
from secconsole.operations.policy import Policy, SetPolicy
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.delivery import WORDS, without_a_way
from secconsole.tui.text.format import count, glyph
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, Field, cancel

STANDARD = "NIST SP 800-63B-4"
_OFFERED = (FactorKind.SMS, FactorKind.EMAIL)
_SETTING_UP = {FactorKind.SMS: "esc, s", FactorKind.EMAIL: "esc, m"}


class KindsDialog(SubmitDialog["Policy | None"]):
    """Returns the new policy.

    None if nothing was changed. `why_not`: why the user may only look.
    """

    def __init__(self, policy: Policy, delivery: Delivery, weak_only: int, *, why_not: str = "", utf8: bool = True):
        self._policy, self._delivery, self._weak_only = policy, delivery, weak_only
        self._why_not, self._utf8 = why_not, utf8
        fields: Sequence[Field] = ()
        buttons = [cancel("Close")]
        if not why_not:
            fields = (
                CheckField(
                    name="sms",
                    label="SMS",
                    text="users may bind a number",
                    value=FactorKind.SMS in policy.kinds,
                    help="Space changes it.",
                ),
                CheckField(
                    name="email",
                    label="E-mail",
                    text="users may bind an address",
                    value=FactorKind.EMAIL in policy.kinds,
                    help="Space changes it.",
                ),
                CheckField(
                    name="view",
                    label="Recovery codes",
                    text="users may see them again",
                    value=policy.recovery_view,
                    help="Those created from then on.",
                ),
            )
            buttons = [cancel(), Button("change", "Change")]
        focus = buttons[0].name if why_not else "sms"
        super().__init__("Factor kinds", self._words(policy.kinds, policy.recovery_view), fields, buttons, focus=focus)

    def on_form_changed(self, event: Form.Changed) -> None:
        self.set_body(self._words(_kinds(event.form.values), bool(event.form.values["view"])))

    async def submit(self, button: str, values: Values) -> Policy | None:
        kinds, view = _kinds(values), bool(values["view"])
        if (set(kinds), view) == (set(self._policy.kinds), self._policy.recovery_view):
            return None
        wanted = SetPolicy(tenant=self.app.tenant, kinds=kinds, recovery_view=view, expect=self._policy.version)
        try:
            return await self.app.perform(wanted)
        # Closed, since it shows rules that no longer hold. It opens with the current ones.
        except Stale as error:
            self.app.notify_refused(error.message)
            return None

    def _words(self, kinds: tuple[FactorKind, ...], view: bool) -> Content:
        rows: list[Part] = [
            self._kind(FactorKind.TOTP, "always allowed: users can bind an app unaided"),
            self._kind(FactorKind.SMS, f"restricted ({STANDARD}, 3.1.3.3 and 3.2.9): a number"),
            "         can be hijacked. Always offer another kind as well.",
            self._kind(FactorKind.EMAIL, f"not an authenticator ({STANDARD}, 3.1.3.1): a mailbox"),
            "         proves no device. Little better than a password alone.",
            "",
            self._weak(),
        ]
        rows += [(f"! {words}", "$status-pending") for words in self._consequences(kinds, view)]
        if self._why_not:
            seen = "may" if self._policy.recovery_view else "may not"
            rows += [f"People {seen} look at their recovery codes again.", ""]
            rows.append((f"Read-only. {self._why_not}", "$muted"))
        return lines(*rows)

    def _kind(self, kind: FactorKind, words: str) -> Content:
        sign = glyph("done" if kind in self._policy.kinds else "failed", utf8=self._utf8)
        return join((f"{sign} {kind:<7}", "bold"), words)

    def _weak(self) -> Part:
        if not self._weak_only:
            return "No user has only SMS or e-mail.", "$muted"
        have = "user has" if self._weak_only == 1 else "users have"
        return (
            f"{count(self._weak_only)} {have} only SMS or e-mail: is:weak-only in Users lists them.",
            "$status-pending",
        )

    def _consequences(self, kinds: tuple[FactorKind, ...], view: bool) -> list[str]:
        """Return the consequences of a change, exactly as the service carries it out."""
        parts = [
            f"{WORDS[kind]} cannot be sent yet, so users cannot bind it: set it up ({_SETTING_UP[kind]})."
            for kind in without_a_way(self._delivery, kinds)
        ]
        gone = [kind for kind in self._policy.kinds if kind not in kinds]
        if gone:
            words = " and ".join(WORDS[kind] for kind in gone)
            parts.append(f"Users can no longer bind {words} themselves; an administrator still can.")
            parts.append("Users who have it keep signing in with it: unbind them to end that.")
        if self._policy.recovery_view and not view:
            parts.append("Recovery codes can no longer be viewed; they keep working.")
        elif view and not self._policy.recovery_view:
            parts.append("Recovery codes created from now on are stored so that they can be shown.")
        return parts


def _kinds(values: Values) -> tuple[FactorKind, ...]:
    return (FactorKind.TOTP, *(kind for kind in _OFFERED if values[str(kind)]))
