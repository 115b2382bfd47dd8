"""Texts of the Settings place: policy in effect, results of changes, and a line for each key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from secconsole.domain.helpdesk import UnbindNeeds
from secconsole.domain.impact import must_bind
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations.delivery import Delivery
from secconsole.operations.networks import NetworkList
from secconsole.operations.policy import Policy, PolicyPreview
from secconsole.operations.secret_keys import SecretKey
from secconsole.operations.tenants import Adoption
from secconsole.tui.screens.overview.wants import ADMINS
from secconsole.tui.screens.settings.networks import network_words
from secconsole.tui.screens.settings.reminders import state_words as state_words_of_reminders
from secconsole.tui.text.delivery import day_words, state_words, without_a_way
from secconsole.tui.text.format import exact, glyph, moment, plural
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.policy_impact import grace_words

_LABEL = 14
_SHORT = {FactorKind.TOTP: "", FactorKind.SMS: " restricted", FactorKind.EMAIL: " not an authenticator"}


def now_words(policy: Policy) -> Content:
    """Return the policy in effect, since when, and who set it."""
    mode = str(policy.policy)
    since = policy.required_since if policy.policy is PolicyMode.REQUIRED else policy.changed
    when = f" since {exact(since)}" if since else ""
    by = f", set by {policy.changed_by}" if policy.changed_by else ""
    grace = grace_words(policy.grace_days, policy.required_since)
    return join((f"Now {mode}{when}{by}{f', {grace}' if grace else ''}.", "$muted"))


def done_words(policy: Policy, was: Policy | None, before: PolicyPreview | None) -> str:
    """Return the message after a change.

    `was`: the policy until then. `before`: the preview of the change.
    """
    words = {
        PolicyMode.OFF: _off_words(before),
        PolicyMode.OPTIONAL: "Users who have a second factor are now asked for it.",
        PolicyMode.REQUIRED: "A second factor is now required.",
    }[policy.policy]
    if was is not None and was.policy is policy.policy and was.grace_days != policy.grace_days:
        words = f"The grace period is {plural(policy.grace_days, 'day')} now."
    added = before.platform_admins_added if before is not None and before.policy is policy.policy else 0
    if added:
        words += f"\n{plural(added, 'platform administrator')} added to the whitelist: press 3."
    if policy.sessions_ended:
        words += f"\n{plural(policy.sessions_ended, 'session')} opened with a password only ended."
    return words + "\nThis applies at once in every console and command."


def _off_words(before: PolicyPreview | None) -> str:
    always = before.impact.always_asked if before is not None else 0
    but = f" but {plural(always, 'platform administrator')}" if always else ""
    return f"Nobody{but} is now asked for a second factor. Factors are kept."


def changed_words(policy: Policy) -> str:
    return f"{policy.changed_by} changed the policy meanwhile: it is {policy.policy} now. Check before you switch."


def state_lines(
    policy: Policy, delivery: Delivery, networks: NetworkList, keys: Sequence[SecretKey], *, now: datetime, utf8: bool
) -> Content:
    """Return a line each for kinds, mail, SMS, messages, networks, helpdesk and secret keys, with its key."""
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
        _line("n", "Networks", network_words(networks)),
        _line("u", "Helpdesk", helpdesk_words(policy)),
        _line("e", "Reminders", state_words_of_reminders(policy)),
        _line("y", "Secret keys", _key_words(keys, now)),
    )


def helpdesk_words(policy: Policy) -> str:
    """Return what unbinding needs, and how long bypass codes and step-ups count."""
    needs = {UnbindNeeds.NONE: "a reason", UnbindNeeds.CHECK: "a checked caller", UnbindNeeds.APPROVAL: "an approval"}
    bypass, step_up = policy.bypass_minutes, policy.step_up_minutes
    return f"unbinding needs {needs[policy.unbind_needs]}, bypass {bypass:,} min, step-up {step_up} min"


def _line(key: str, label: str, *parts: Part) -> Content:
    return join((f"{key} ", "bold $key"), (f"{label:<{_LABEL}}", "$muted"), *parts)


def _kinds(policy: Policy, *, utf8: bool) -> str:
    def one(kind: FactorKind) -> str:
        allowed = kind in policy.kinds
        return f"{kind} {glyph('done' if allowed else 'failed', utf8=utf8)}{_SHORT[kind]}"

    return "  ".join(one(kind) for kind in (FactorKind.TOTP, FactorKind.SMS, FactorKind.EMAIL))


def _key_words(keys: Sequence[SecretKey], now: datetime) -> str:
    if not keys:
        return "none"
    if len(keys) > 1:
        last = max((key.last_used for key in keys if key.last_used), default=None)
        names = ", ".join(key.name for key in keys[:3])
        return f"{len(keys)}: {names}{', …' if len(keys) > 3 else ''}, last used {moment(last, now)}"
    (key,) = keys
    if key.previous_id:
        return f"{key.name}; the previous one still works"
    return f"{key.name} {key.id}, last used {moment(key.last_used, now)}"


MUST_BIND = "-status:bound -is:whitelisted -is:disabled"


def admins_search(adoption: Adoption, mode: PolicyMode) -> str:
    """Return the search for administrators who would have to bind, empty if there are none.

    One search has one role and one status, so it is the largest group of them.
    """
    found: dict[tuple[BindingStatus, Role], int] = {}
    for group in adoption.groups:
        if group.role in ADMINS and not group.disabled and must_bind(group, mode):
            found[group.status, group.role] = found.get((group.status, group.role), 0) + group.count
    if not found:
        return ""
    status, role = max(found, key=lambda which: found[which])
    return f"status:{status} role:{role}"
