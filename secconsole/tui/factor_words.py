"""How the screens name factors to choose from, and the list that offers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from secconsole.domain.model import FactorKind
from secconsole.tui.widgets.pick_list import Pick

RECOVERY = "recovery"  # picked in the place of a factor
WHERE_TO = "Where shall the code go?"

_SENT_TO = {FactorKind.SMS: "Text message to", FactorKind.EMAIL: "E-mail to"}
_APP = "Authenticator app"


class Offered(Protocol):
    """What is known of a factor that may be used."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> FactorKind: ...

    @property
    def masked(self) -> str: ...


F = TypeVar("F", bound=Offered)


def is_sent(factor: Offered) -> bool:
    """Whether a code has to be sent before one can be typed."""
    return factor.kind in _SENT_TO


def factor_words(factor: Offered) -> str:
    """`Text message to ••• 009`, `Authenticator app Pixel 8`."""
    named = factor.masked if factor.masked.casefold() != _APP.casefold() else ""  # one that was given no name
    return " ".join(part for part in (_SENT_TO.get(factor.kind, _APP), named) if part)


def apps_first(factors: Iterable[F]) -> list[F]:
    """Those whose codes are there already before those that have to be sent, else as they come."""
    return sorted(factors, key=is_sent)


def picks_of(factors: Iterable[Offered]) -> list[Pick]:
    """A list to pick a factor from; at its end a recovery code, which stands in for each of them."""
    picks = [Pick(factor.id, factor_words(factor)) for factor in factors]
    return [*picks, Pick(RECOVERY, "A recovery code instead")]
