"""Facts of an audit entry in words: times in the reader's zone, and no code without its meaning."""

from __future__ import annotations

from datetime import UTC, datetime

from secconsole.domain.policy import Rule
from secconsole.operations.audit import AuditEntry
from secconsole.operations.events import Detail
from secconsole.tui.text.format import count, exact

TIMES = frozenset(
    ("until", "since", "starts", "expires", "pending_until", "undo_until", "valid_until", "at", "held_until", "clock")
)
RULES = {
    Rule.REFUSED: "wrong password, disabled account, or too many wrong entries",
    Rule.NETWORK: "the network is not allowed",
    Rule.FROZEN: "sign-ins are frozen",
    Rule.PASSWORD_RESET: "a new password has to be chosen",
    Rule.PLATFORM_ADMIN: "platform administrators are always asked for their factor",
    Rule.POLICY_OFF: "the policy is off",
    Rule.WHITELISTED: "on the whitelist",
    Rule.EXEMPT_NETWORK: "no code is asked for from this network",
    Rule.HAS_FACTOR: "has a factor, which was asked for",
    Rule.SWITCHED_ON: "a factor is required of this user",
    Rule.OPTIONAL: "the policy is optional, and no factor is bound",
    Rule.GRACE: "the policy is required, and the grace period runs",
    Rule.REQUIRED: "the policy is required, and no factor is bound",
}
NAMES = {
    "rule": "because",
    "kinds": "factor kinds",
    "kind": "factor kind",
    "by_token": "by the token",
    "by_key": "by the secret key",
    "checked": "without a session",
    "client": "client, as it says",
    "notified": "addresses notified",
    "attempts": "further attempts",
    "left": "codes left",
    "factor": "factor id",
    "session": "session id",
    "event": "event id",
    "token": "token id",
    "id": "id",
    "to": "sent to",
}
_EARLIEST, _LATEST = 946_684_800_000, 253_402_300_799_000  # milliseconds: the years 2000 and 9999


def facts_of(entry: AuditEntry) -> list[tuple[str, str]]:
    """Return name and words of each fact, with before and after of a change in one."""
    details = dict(entry.details)
    facts = []
    if "before" in details and "after" in details:
        before, after = (_words(name, details.pop(name)) for name in ("before", "after"))
        facts.append(("changed", f"from {before} to {after}" if before != after else f"{after}, as before"))
    facts += [(NAMES.get(name, name.replace("_", " ")), _words(name, value)) for name, value in details.items()]
    return facts


def _words(name: str, value: Detail) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in TIMES and (moment := _moment(value)) is not None:
        return exact(moment, seconds=True)
    if isinstance(value, int):
        return count(value)
    if name == "rule" and value in list(Rule):
        return RULES[Rule(value)]
    return value.replace(",", ", ") if name in ("kinds", "roles", "scopes") else value


def _moment(value: int | str) -> datetime | None:
    """Return a time that is stored as milliseconds or as text, None for 0 and for anything else."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return datetime.fromtimestamp(value / 1000, UTC) if _EARLIEST <= value <= _LATEST else None
    except (ValueError, OverflowError):
        return None
