"""Import of factors: keys of other programs, many lines in one request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import MANY_NAMES_BODY, MOST_EXACT, MOST_FACTOR_LINES
from secconsole.domain.roles import Permission, Ranks
from secconsole.domain.seeds.import_rules import ImportState
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Cell, LineNumber, SecretCell, TenantName

SmallNumber = Annotated[int, Meta(ge=-MOST_EXACT, le=MOST_EXACT)]


@dataclass(frozen=True, slots=True)
class NewFactor:
    """Key of an authenticator app or token.

    `user`: a login or id. `secret`: the key in Base32. `line` is returned with the outcome.
    """

    line: LineNumber
    user: Cell
    secret: SecretCell
    serial: Cell = ""
    label: Cell = ""
    kind: Cell = "totp"
    algorithm: Cell = "SHA1"
    digits: SmallNumber = 6
    period: SmallNumber = 30
    counter: SmallNumber = 0


@dataclass(frozen=True, slots=True)
class ImportedFactor:
    """Outcome of a line, with the reason if it was not taken.

    `weak`: the key has fewer than 128 bits.
    """

    line: int
    user: str
    serial: str
    state: ImportState
    reason: str = ""
    weak: bool = False


@dataclass(frozen=True, slots=True)
class FactorsImported:
    """Outcome of an import.

    `weak`: the number of keys of fewer than 128 bits among those taken.
    """

    taken: int
    known: int
    waits: int
    refused: int
    weak: int
    items: tuple[ImportedFactor, ...]


def added_up(items: Iterable[ImportedFactor]) -> FactorsImported:
    """Return the outcomes of lines in their order, with their numbers."""
    ordered = tuple(sorted(items, key=lambda item: item.line))
    counts = Counter(item.state for item in ordered)
    taken, known, waits, refused = (counts[state] for state in ImportState)
    weak = sum(item.weak for item in ordered if item.state is ImportState.TAKEN)
    return FactorsImported(taken, known, waits, refused, weak, ordered)


@declare(
    "factor.import",
    "POST",
    "/v1/tenants/{tenant}/factor-import",
    Permission.MANAGE_USERS,
    body=MANY_NAMES_BODY,
    ranks=Ranks.STRICTLY_LOWER,
    step_up="always",
    own_reason="binds a key of their own that they bring along, as enrolling does",
    records=(events.FACTORS_IMPORTED, events.FACTOR_IMPORTED),
    example=lambda s: (
        ImportFactors(tenant=s.TENANT, factors=(NewFactor(1, "ana.kral", s.KEY), NewFactor(2, "nobody", s.KEY))),
        s.FACTORS_IMPORTED,
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFactors(Operation[FactorsImported]):
    """Bind keys of authenticator apps that users have already.

    Nobody has to scan a code again. Each line is taken, waits for its user, or is refused with a reason, and a key that
    its user has already is not bound twice. Existing factors stay. With `pending` a key counts only after it was used
    at a sign-in, and with `check_only` nothing is written. Users are notified as of any other factor.
    """

    tenant: TenantName
    factors: Annotated[tuple[NewFactor, ...], Meta(max_length=MOST_FACTOR_LINES)]
    pending: bool = False
    check_only: bool = False
