"""Names of factors to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from secconsole.domain.model import FactorKind, OfferedKind

RECOVERY = "recovery"  # value picked in place of a factor
WHERE_TO = "Where should the code be sent?"

_SENT_TO: dict[str, str] = {FactorKind.SMS: "Text message to", FactorKind.EMAIL: "E-mail to"}
_BYPASS = "Bypass code from the helpdesk"
_APP = "Authenticator app"


class Offered(Protocol):
    """A factor that can be used now, as far as it is known."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> FactorKind | OfferedKind: ...

    @property
    def masked(self) -> str: ...


F = TypeVar("F", bound=Offered)


def is_sent(factor: Offered) -> bool:
    """Return True if a code has to be sent before one can be entered."""
    return factor.kind in _SENT_TO


def is_bypass(factor: Offered) -> bool:
    """Return True if it is a code from the helpdesk in place of a factor."""
    return factor.kind == OfferedKind.BYPASS


def factor_words(factor: Offered) -> str:
    """Return the name of a factor in a list: `Text message to ••• 009`, `Authenticator app Pixel 8`."""
    if is_bypass(factor):
        return _BYPASS
    named = factor.masked if factor.masked.casefold() != _APP.casefold() else ""  # one without a label
    return " ".join(part for part in (_SENT_TO.get(factor.kind, _APP), named) if part)


def apps_first(factors: Iterable[F]) -> list[F]:
    """Return authenticator apps before factors whose codes have to be sent, otherwise in the given order."""
    return sorted(factors, key=is_sent)
