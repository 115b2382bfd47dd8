"""Decision about one line of an import of keys, in which the first match wins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.model import FactorState

MOST_APPS = 10  # authenticator apps of one user: each is tried with every code
NO_USER = "The file names no user for it. Map its serial number or account to a login."
UNKNOWN_USER = "No user has this login. Create the user, then import the file again."
KNOWN = "Already bound."
KNOWN_PENDING = "Already imported, and pending until it is used once."
REMOVED = "This key was removed from the user. Anyone who still has it could sign in."
TOO_MANY = f"The user has {MOST_APPS} authenticator apps already."


class ImportState(StrEnum):
    """Outcome of a line: bound now, bound before, waiting for its user, or refused."""

    TAKEN = "taken"
    KNOWN = "known"
    WAITS = "waits"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decided:
    state: ImportState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SameKey:
    """Factor of the user with the same key, which may have been removed."""

    state: FactorState
    removed: bool


def decide(*, named: bool, known: bool, why_not: str, same: SameKey | None, apps: int) -> Decided:
    """Decide a valid line.

    `named`: it names a user, who is `known`. `why_not`: the actor may not bind a factor for that user. `apps`: the
    number of authenticator apps that the user has.
    """
    if not named:
        return Decided(ImportState.WAITS, NO_USER)
    if not known:
        return Decided(ImportState.WAITS, UNKNOWN_USER)
    if why_not:
        return Decided(ImportState.REFUSED, why_not)
    if same is not None and same.removed:
        return Decided(ImportState.REFUSED, REMOVED)
    if same is not None:
        return Decided(ImportState.KNOWN, KNOWN if same.state is FactorState.ACTIVE else KNOWN_PENDING)
    if apps >= MOST_APPS:
        return Decided(ImportState.REFUSED, TOO_MANY)
    return Decided(ImportState.TAKEN)
