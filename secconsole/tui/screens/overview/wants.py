"""Points that need attention, and the next steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from secconsole.domain.impact import Group, Impact, impact
from secconsole.domain.model import SENT_KINDS, BindingStatus, FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations.audit_streams import AuditStream, StreamState
from secconsole.operations.delivery import Delivery
from secconsole.operations.policy import Policy
from secconsole.operations.tenants import Adoption
from secconsole.tui.text.delivery import WORDS, untested, without_a_way
from secconsole.tui.text.format import exact, plural

ADMINS = (Role.TENANT_ADMIN, Role.PLATFORM_ADMIN)
Want = tuple[int, str, str]  # a count, its text, and the place that lists it


def wanting(adoption: Adoption, now: Impact) -> Iterable[Want]:
    """Yield what needs attention: a count, its text, and the place that lists it."""
    return (want for want in _watched(adoption, now) if want[0])


def _watched(adoption: Adoption, now: Impact) -> Iterable[Want]:
    present = present_only(adoption)
    for role in reversed(ADMINS):
        words = str(role).replace("-", " ").replace("admin", "administrator")
        for status, have in ((BindingStatus.UNBOUND, "no factor"), (BindingStatus.PENDING, "binding not finished")):
            number = sum(g.count for g in adoption.groups if (g.role, g.status) == (role, status) and not g.disabled)
            yield number, f"{_s(words, number)} {_have(number)} {have}", f"users:status:{status} role:{role}{present}"
    yield adoption.damaged, _damaged_words(adoption), "damage:"
    open_, soon = adoption.whitelisted_open, adoption.expiring_soon
    yield open_, "on the whitelist with no end date", "whitelist:until:none"
    yield soon, f"whitelist {'entry ends' if soon == 1 else 'entries end'} within 7 days", "whitelist:until:<7d"
    refused = adoption.refused_by_clock
    words = f"{_s('user', refused)} whose correct codes are refused, as the clock was ahead"
    yield refused, words, "users:is:codes-refused"
    yield adoption.overdue, "overdue: no grace left, and no factor bound", "users:is:overdue"
    yield adoption.locked, "locked after failed entries", "users:is:locked"
    without = sum(g.count for g in adoption.groups if g.no_password)
    yield without, f"{_have(without)} no password and cannot sign in yet", "users:is:no-password"
    yield sum(g.count for g in adoption.groups if g.must_reset), "must choose a new password", "users:is:must-reset"
    weak = adoption.weak_keys
    yield weak, f"{_have(weak)} an imported key shorter than 128 bits: bind another in time", "users:is:weak-key"
    yield now.weak_only, "bound by SMS or e-mail only", f"users:is:weak-only{present}"
    bound = [g for g in adoption.groups if g.status is BindingStatus.BOUND and not g.disabled]
    without = sum(g.count for g in bound if not g.has_recovery)
    yield without, "bound, but no recovery code left", f"users:is:no-recovery{present}"
    yield sum(g.count for g in adoption.groups if g.disabled), "disabled", "users:is:disabled"


def _damaged_words(adoption: Adoption) -> str:
    """Return the line about damaged secrets, which opens the reports: also those about factors removed since."""
    number, reports = adoption.damaged, adoption.damage_reports
    words = f"{_s('secret', number)} in the store that {'does' if number == 1 else 'do'} not open"
    return words if reports == number else f"{words}, of {plural(reports, 'report')} in 7 days"


def present_only(adoption: Adoption) -> str:
    """Return the filter that leaves disabled users out as figures do, empty if there are none."""
    return " -is:disabled" if any(group.disabled and group.count for group in adoption.groups) else ""


def sending_wants(delivery: Delivery, policy: Policy) -> Iterable[Want]:
    """Yield what keeps codes from arriving.

    All of it leads to Settings.
    """
    missing = without_a_way(delivery, policy.kinds)
    waits = [kind for kind in SENT_KINDS if untested(delivery, kind)]
    failed, unsure = sum(day.failed for day in delivery.day), sum(day.unsure for day in delivery.day)
    words = {
        "way": (len(missing), f"allowed, but cannot be sent: {_named(missing)}"),
        "failed": (failed, f"{_s('message', failed)} not sent in the last 24 hours"),
        "unsure": (unsure, f"{_s('message', unsure)} that may not have arrived"),
        "test": (len(waits), f"not in effect until tested: {_named(waits)}"),
    }
    return ((number, text, f"settings:{name}") for name, (number, text) in words.items() if number)


def stream_wants(streams: Sequence[AuditStream]) -> Iterable[Want]:
    """Yield the receivers of the audit that could not be reached the last time."""
    failing = [one for one in streams if one.state is StreamState.FAILING]
    if failing:
        behind = plural(max(one.behind for one in failing), "entry", "entries")
        yield len(failing), f"{_s('audit receiver', len(failing))} failing, {behind} behind", "streams:"


def next_steps(adoption: Adoption, now: Impact, *, exempts: bool) -> list[str]:
    """Return the next steps, most pressing first, of those that the user may do."""
    missing = now.users - now.bound
    steps: list[str] = []
    admins = impact([*groups_of(adoption, ADMINS[0]), *groups_of(adoption, ADMINS[1])], adoption.policy)
    if admins.users > admins.bound:
        some = admins.users - admins.bound
        steps.append(f"Have {_the(some, 'administrator')} without a factor bind one first.")
    if adoption.policy is PolicyMode.OFF:
        steps.append("Press 4 to see what requiring a second factor would change.")
    elif adoption.policy is PolicyMode.OPTIONAL and missing:
        steps.append(f"{plural(missing, 'user')} need none: press 4 to see what requiring one would change.")
    elif now.must_enroll:
        steps.append(f"Tell {_the(now.must_enroll, 'user')} who must bind which app to install.")
    if adoption.whitelisted_open and exempts:
        steps.append("Press 3 to give whitelist entries an end, or remove them.")
    if adoption.expiring_soon:
        steps.append("Press 3 to see whose whitelist entry ends soon, and tell them.")
    return steps or ["Nothing. Everyone who should have a factor has one."]


def groups_of(adoption: Adoption, role: Role) -> list[Group]:
    return [group for group in adoption.groups if group.role is role and group.count]


def alerts_words(number: int, oldest: datetime | None, now: datetime) -> str:
    """Return the line about open alerts without its number: `alerts, oldest 09:02`."""
    word = _s("alert", number)
    if oldest is None:
        return word
    here = oldest.astimezone()
    return (
        f"{word}, oldest {here:%H:%M}" if here.date() == now.astimezone().date() else f"{word}, oldest {exact(oldest)}"
    )


def waiting_words(number: int) -> str:
    return f"{plural(number, 'approval')} {'waits' if number == 1 else 'wait'} for you"


def _named(kinds: Iterable[FactorKind]) -> str:
    return " and ".join(WORDS[kind] for kind in kinds)


def _the(number: int, word: str) -> str:
    return f"the {word}" if number == 1 else f"the {plural(number, word)}"


def _s(word: str, number: int) -> str:
    return word if number == 1 else word + "s"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"
