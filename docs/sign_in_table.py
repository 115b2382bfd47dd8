"""`python -m docs.sign_in_table`: write docs/sign-in-table.md from the decision in `domain/policy.py`.

Every combination of facts is decided. The conditions of a row are the smallest ones that imply its rule among the
combinations that no earlier row has decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import combinations, product
from pathlib import Path
from typing import Any

from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.policy import Decision, Rule, SignInFacts, decide_sign_in

PAGE = Path(__file__).parent / "sign-in-table.md"
MOST_CONDITIONS = 3
WORDS: dict[str, tuple[str, str]] = {  # when it holds, and when it does not
    "known": ("the login exists", "the login is unknown"),
    "password_right": ("the password is right", "the password is wrong"),
    "disabled": ("the account is disabled", "the account is enabled"),
    "held_back": ("the account is throttled or locked for this network", "the account is not locked"),
    "network_allowed": ("the network is allowed", "the network is not allowed"),
    "network_exempt": ("the network is exempt from the challenge", "the network is not exempt"),
    "must_reset": ("the password must be changed", "the password may stay"),
    "whitelisted": ("on the whitelist", "not on the whitelist"),
    "keeps_factor": ("the user keeps using the factor", "the user uses the exemption"),
    "active_factor": ("a factor is active", "no factor is active"),
    "pending_factor": ("a factor is pending", "no factor is pending"),
    "switched_on": ("required of this user", "not required of this user"),
    "platform_admin": ("a platform administrator", "not a platform administrator"),
    "bypass": ("a bypass code works now", "no bypass code works now"),
    "frozen": ("sign-ins are frozen", "sign-ins are not frozen"),
    "in_grace": ("within the grace period", "after the grace period"),
}
Literal = tuple[str, Any]


def every_fact() -> Iterator[SignInFacts]:
    """Yield every combination of facts."""
    choices = [tuple(PolicyMode) if f.name == "policy" else (False, True) for f in fields(SignInFacts)]
    for values in product(*choices):
        yield SignInFacts(**dict(zip((f.name for f in fields(SignInFacts)), values, strict=True)))


def rows() -> Iterator[tuple[Decision, list[tuple[Literal, ...]]]]:
    """Yield each decision with its conditions, any of which suffices once no earlier row applies."""
    cases = list(every_fact())
    decided: dict[Decision, list[int]] = {}
    for at, case in enumerate(cases):
        decided.setdefault(decide_sign_in(case), []).append(at)
    masks: dict[Literal, int] = {}
    for f in fields(SignInFacts):
        for value in PolicyMode if f.name == "policy" else (False, True):
            chosen = (at for at, case in enumerate(cases) if getattr(case, f.name) == value)
            masks[f.name, value] = mask_of(chosen, len(cases))
    left = (1 << len(cases)) - 1
    order = list(Rule)
    for decision in sorted(decided, key=lambda d: (order.index(d.rule), d.status is SignInStatus.ENROLL, d.status)):
        group = mask_of(decided[decision], len(cases))
        yield decision, conditions(masks, left, group)
        left &= ~group


def mask_of(chosen: Iterable[int], count: int) -> int:
    """Return a number with the bits of the chosen cases set. Adding them up would copy the whole number each time."""
    digits = bytearray(b"0") * count
    for at in chosen:
        digits[-1 - at] = ord("1")
    return int(digits, 2)


def conditions(masks: dict[Literal, int], left: int, group: int) -> list[tuple[Literal, ...]]:
    """Return the smallest conjunctions that imply a group among the cases that are left, until all are covered."""
    if left == group:
        return [()]
    found: list[tuple[Literal, ...]] = []
    covered = 0
    for size in range(1, MOST_CONDITIONS + 1):
        implied: list[tuple[int, tuple[Literal, ...]]] = []
        for literals in combinations(masks, size):
            mask = left
            for literal in literals:
                mask &= masks[literal]
            if mask and not mask & ~group:
                implied.append((mask, literals))
        for mask, literals in sorted(implied, key=lambda each: -each[0].bit_count()):  # those that cover most first
            if mask & ~covered:
                found.append(literals)
                covered |= mask
    if covered != group:
        raise AssertionError("A row needs longer conditions: raise MOST_CONDITIONS.")
    return found


def words(literals: tuple[Literal, ...]) -> str:
    """Return a conjunction in words."""
    if not literals:
        return "in all other cases"
    return " and ".join(
        f"the policy is *{value}*" if name == "policy" else WORDS[name][0 if value else 1] for name, value in literals
    )


def table() -> str:
    """Return the page."""
    lines = [
        "# What a sign-in comes to",
        "",
        "Generated from `secconsole/domain/policy.py` by `make docs`. Do not edit. The first row that applies decides.",
        "`secconsole policy explain LOGIN` prints the rule for one user.",
        "",
        "| | If | Then | Rule |",
        "|---|---|---|---|",
    ]
    for number, (decision, found) in enumerate(rows(), 1):
        then = f"`{decision.status}`" + (", with a reminder to bind a factor" if decision.remind else "")
        lines.append(f"| {number} | {'; or '.join(map(words, found))} | {then} | `{decision.rule}` |")
    lines += [
        "",
        f"`{SignInStatus.NEW_PASSWORD}`: after the new password, the decision continues with the next row.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(table())
