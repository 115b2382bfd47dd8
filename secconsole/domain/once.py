"""Per-request cache for work on its texts: done before a lock is taken, and found again later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
Done = dict[tuple[object, ...], object]

_MOST = 16_384  # results; more than the users that any request can name
_done: ContextVar[Done | None] = ContextVar("done", default=None)


@contextmanager
def remembering(done: Done) -> Iterator[None]:
    """Cache results in `done` within this context, so that nothing outlives the request."""
    before = _done.set(done)
    try:
        yield
    finally:
        _done.reset(before)


def carried(body: Callable[[T], R]) -> Callable[[T], R]:
    """Return a function for another thread that uses the cache of this one."""
    done = _done.get()
    if done is None:
        return body

    def with_done(given: T) -> R:
        with remembering(done):
            return body(given)

    return with_done


def once(work: Callable[P, R]) -> Callable[P, R]:
    """Cache the results of a pure function within `remembering`, and nowhere else."""

    @wraps(work)
    def found(*args: P.args, **kwargs: P.kwargs) -> R:
        done = _done.get()
        if done is None:
            return work(*args, **kwargs)
        key = (work, *args, *kwargs.items())
        if key not in done:
            result = work(*args, **kwargs)
            if len(done) >= _MOST:
                return result
            done[key] = result
        return done[key]  # type: ignore[return-value]

    return found
