"""A queue in which callers take turns."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Items by caller, taken from one caller after the other so that no caller delays another."""

    def __init__(self) -> None:
        self._by_caller: OrderedDict[Hashable, deque[T]] = OrderedDict()

    def add(self, caller: Hashable, item: T) -> None:
        """Add an item behind the others of its caller."""
        self._by_caller.setdefault(caller, deque()).append(item)

    def __bool__(self) -> bool:
        return bool(self._by_caller)

    def take(self) -> T | None:
        """Return the first item of the next caller, or None if there are no items."""
        if not self._by_caller:
            return None
        caller, items = next(iter(self._by_caller.items()))
        item = items.popleft()
        if items:
            self._by_caller.move_to_end(caller)
        else:
            del self._by_caller[caller]
        return item
