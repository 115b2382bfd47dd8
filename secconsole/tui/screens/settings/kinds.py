"""Which factor kinds people may bind: what the standard says of each, and what allowing or taking away one does.

Sources: NIST SP 800-63B-4, sections 3.1.3.1 (no e-mail), 3.1.3.3 and 3.2.9 (codes by telephone are restricted).
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from secconsole.domain.errors import Stale
from secconsole.domain.model import FactorKind
from secconsole.operations.delivery import Delivery
from secconsole.operations.policy import Policy, SetPolicy
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.sending_words import WORDS, without_a_way
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, Field, cancel
from secconsole.tui.words import count, glyph

STANDARD = "NIST SP 800-63B-4"
_OFFERED = (FactorKind.SMS, FactorKind.EMAIL)
_SETTING_UP = {FactorKind.SMS: "esc, s", FactorKind.EMAIL: "esc, m"}


class KindsDialog(DoingDialog["Policy | None"]):
    """Gives the policy that holds then; None where nothing was changed. `why_not`: why one may only look."""

    def __init__(self, policy: Policy, delivery: Delivery, weak_only: int, *, why_not: str = "", utf8: bool = True):
        self._policy, self._delivery, self._weak_only = policy, delivery, weak_only
        self._why_not, self._utf8 = why_not, utf8
        fields: Sequence[Field] = ()
        buttons = [cancel("Close")]
        if not why_not:
            fields = (
                CheckField(name="sms", label="SMS", text="people may bind a phone number for codes",
                           value=FactorKind.SMS in policy.kinds, help="Space changes it."),
                CheckField(name="email", label="E-mail", text="people may bind an address for codes",
                           value=FactorKind.EMAIL in policy.kinds, help="Space changes it."),
                CheckField(name="view", label="Recovery codes", text="people may look at their own again",
                           value=policy.recovery_view, help="Those that they make from then on."),
            )  # fmt: skip
            buttons = [cancel(), Button("change", "Change")]
        focus = buttons[0].name if why_not else "sms"
        super().__init__("Factor kinds", self._words(policy.kinds, policy.recovery_view), fields, buttons, focus=focus)

    def on_form_changed(self, event: Form.Changed) -> None:
        self.set_body(self._words(_kinds(event.form.values), bool(event.form.values["view"])))

    async def do(self, button: str, values: Values) -> Policy | None:
        kinds, view = _kinds(values), bool(values["view"])
        if (set(kinds), view) == (set(self._policy.kinds), self._policy.recovery_view):
            return None
        wanted = SetPolicy(
            tenant=self.app.tenant, kinds=kinds, recovery_view=view, expect=self._policy.version
        )  # fmt: skip
        try:
            return await self.app.perform(wanted)
        except Stale as error:
            self.app.say_why(error.message)
            return None

    def _words(self, kinds: tuple[FactorKind, ...], view: bool) -> Content:
        rows: list[Part] = [
            self._kind(FactorKind.TOTP, "always allowed: everybody can bind an app alone"),
            self._kind(FactorKind.SMS, f"restricted ({STANDARD}, 3.1.3.3 and 3.2.9): a number"),
            "         can be taken over. Always offer another kind beside it.",
            self._kind(FactorKind.EMAIL, f"not an authenticator ({STANDARD}, 3.1.3.1): a mailbox"),
            "         proves no device. More than a password alone, and not much.",
            "",
            self._weak(),
        ]
        rows += [(f"! {words}", "$status-pending") for words in self._consequences(kinds, view)]
        if self._why_not:
            seen = "may" if self._policy.recovery_view else "may not"
            rows += [f"People {seen} look at their recovery codes again.", ""]
            rows.append((f"Only to look at. {self._why_not}", "$muted"))
        return lines(*rows)

    def _kind(self, kind: FactorKind, words: str) -> Content:
        sign = glyph("done" if kind in self._policy.kinds else "failed", utf8=self._utf8)
        return join((f"{sign} {kind:<7}", "bold"), words)

    def _weak(self) -> Part:
        if not self._weak_only:
            return "Nobody has only SMS or e-mail.", "$muted"
        have = "user has" if self._weak_only == 1 else "users have"
        return (
            f"{count(self._weak_only)} {have} only SMS or e-mail: is:weak-only in Users lists them.",
            "$status-pending",
        )

    def _consequences(self, kinds: tuple[FactorKind, ...], view: bool) -> list[str]:
        """What a change would do: in the words of what the service does, and no more."""
        said = [
            f"{WORDS[kind]} cannot be sent yet, so nobody can bind it: set it up ({_SETTING_UP[kind]})."
            for kind in without_a_way(self._delivery, kinds)
        ]
        gone = [kind for kind in self._policy.kinds if kind not in kinds]
        if gone:
            words = " and ".join(WORDS[kind] for kind in gone)
            said.append(f"Nobody binds {words} alone any more; an administrator still can.")
            said.append("Whoever has it keeps it, and signs in with it: unbind them to end that.")
        if self._policy.recovery_view and not view:
            said.append("Nobody can look at their recovery codes again; they go on working.")
        elif view and not self._policy.recovery_view:
            said.append("Recovery codes made from now on are kept so that they can be shown.")
        return said


def _kinds(values: Values) -> tuple[FactorKind, ...]:
    return (FactorKind.TOTP, *(kind for kind in _OFFERED if values[str(kind)]))
