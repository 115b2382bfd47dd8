"""Networks of sign-ins since the process started, whose passwords are checked first.

A flood of guesses from many addresses fills every place in the queue, so networks with an earlier sign-in have places
of their own. The check is by network and not by login, so that it reveals nothing about a login.
"""

from __future__ import annotations

from collections import OrderedDict

from secconsole.domain.model import SignInStatus
from secconsole.operations.signin import SignInAnswer
from secconsole.operations.step_up import Proof

MOST = 20_000


class Regulars:
    """Bounded set of networks, from which the least recently used are dropped."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, network: str) -> bool:
        return network in self._seen

    def note(self, network: str) -> None:
        """Add a network as the most recently used one."""
        self._seen[network] = None
        self._seen.move_to_end(network)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)


def is_accepted(reply: object) -> bool:
    """Return True if the reply shows that a password was correct."""
    if isinstance(reply, SignInAnswer):
        return reply.status is not SignInStatus.REFUSED
    return isinstance(reply, Proof) and reply.accepted
