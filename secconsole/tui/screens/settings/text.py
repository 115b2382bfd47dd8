"""What the Settings place says: what holds, what was done, and one line for each thing that a key leads to."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.operations.delivery import Delivery
from secconsole.operations.policy import Policy, PolicyPreview
from secconsole.operations.tokens import SecretKey
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.sending_words import day_words, state_words, without_a_way
from secconsole.tui.words import exact, glyph, moment, plural

_LABEL = 14
_SHORT = {FactorKind.TOTP: "", FactorKind.SMS: " restricted", FactorKind.EMAIL: " not an authenticator"}


def now_words(policy: Policy) -> Content:
    """What holds, since when, by whom."""
    mode = str(policy.policy)
    since = policy.required_since if policy.policy is PolicyMode.REQUIRED else policy.changed
    when = f" since {exact(since)}" if since else ""
    by = f", set by {policy.changed_by}" if policy.changed_by else ""
    grace = f", {plural(policy.grace_days, 'day')} of grace" if policy.grace_days else ""
    return join((f"Now {mode}{when}{by}{grace}.", "$muted"))


def done_words(policy: Policy, before: PolicyPreview | None) -> str:
    """What was done."""
    words = {
        PolicyMode.OFF: "Nobody is asked for a second factor now. Their factors are kept.",
        PolicyMode.OPTIONAL: "Whoever has a second factor is asked for it now.",
        PolicyMode.REQUIRED: "A second factor is required now.",
    }[policy.policy]
    added = before.platform_admins_added if before is not None and before.policy is policy.policy else 0
    if added:
        words += f"\n{plural(added, 'platform administrator')} went onto the whitelist: press 3."
    return words + "\nIt holds at once in every console and command."


def changed_words(policy: Policy) -> str:
    return f"{policy.changed_by} changed the policy meanwhile: it is {policy.policy} now. Look again before you switch."


def state_lines(policy: Policy, delivery: Delivery, key: SecretKey, *, now: datetime, utf8: bool) -> Content:
    """Kinds, mail, SMS, messages and secret key: a line each, with the key that leads on."""
    missing = without_a_way(delivery, policy.kinds)

    def sending(kind: FactorKind) -> tuple[Part, Part]:
        words = state_words(delivery, kind)
        return words, (
            f"  {glyph('warning', utf8=utf8)} allowed, but cannot be sent" if kind in missing else "",
            "$danger",
        )

    return lines(
        _line("k", "Factor kinds", _kinds(policy, utf8=utf8)),
        _line("m", "Mail", *sending(FactorKind.EMAIL)),
        _line("s", "SMS", *sending(FactorKind.SMS)),
        _line("d", "Messages", day_words(delivery)),
        _line("y", "Secret key", _key_words(key, now)),
    )


def _line(key: str, label: str, *parts: Part) -> Content:
    return join((f"{key} ", "bold $key"), (f"{label:<{_LABEL}}", "$muted"), *parts)


def _kinds(policy: Policy, *, utf8: bool) -> str:
    def one(kind: FactorKind) -> str:
        allowed = kind in policy.kinds
        return f"{kind} {glyph('done' if allowed else 'failed', utf8=utf8)}{_SHORT[kind]}"

    return "  ".join(one(kind) for kind in (FactorKind.TOTP, FactorKind.SMS, FactorKind.EMAIL))


def _key_words(key: SecretKey, now: datetime) -> str:
    if key.id is None:
        return "none"
    if key.previous_id:
        return f"{key.id}; the one before still works"
    return f"{key.id}, last used {moment(key.last_used, now)}"
