"""A value that must not be seen: it prints as bullets wherever Python would print it."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T", str, bytes)

HIDDEN = "•••"


class Secret(Generic[T]):
    """Wraps a password, seed or token so that no log, traceback or repr shows it.

    `reveal()` is the only way in; grep for it to find every place where a secret leaves its wrapper.
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
        import hmac  # it loads OpenSSL, which the first frame can do without

        return hmac.compare_digest(_bytes(self.__value), _bytes(other.reveal()))

    def __hash__(self) -> int:
        return hash(type(self))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not pickled")


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
