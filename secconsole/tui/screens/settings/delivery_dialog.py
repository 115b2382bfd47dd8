"""A box that stays in sight while what it tells of goes on: codes and messages on their way."""

from __future__ import annotations

from secconsole.operations.delivery import Delivery
from secconsole.tui.screens.dialog import Dialog


class FollowsDelivery(Dialog["str | None"]):
    """A box that shows what the place below it has just read."""

    def follow(self, delivery: Delivery) -> None:
        """Show this instead."""
        raise NotImplementedError
