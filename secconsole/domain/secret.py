"""Wrapper for values that must not be seen, printed as bullets wherever Python would print them."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T", str, bytes)

HIDDEN = "•••"


class Secret(Generic[T]):
    """Password, seed or token that no log, traceback or repr shows.

    `reveal()` is the only access. Grep for it to find every place where a secret leaves its wrapper.
    """

    __slots__ = ("__value",)

    def __init__(self, value: T) -> None:
        self.__value: T = value

    def reveal(self) -> T:
        return self.__value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # imported late: it loads OpenSSL, which the first frame does not need

        return hmac.compare_digest(_bytes(self.__value), _bytes(other.reveal()))

    def __hash__(self) -> int:
        return hash(type(self))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret cannot be pickled")


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
