"""Base of dialogs that show the progress of delivery while they are open."""

from __future__ import annotations

from secconsole.operations.delivery import Delivery
from secconsole.tui.screens.dialog import Dialog


class DeliveryDialog(Dialog["str | None"]):
    """A dialog that shows the delivery state last read by the place below it."""

    def follow(self, delivery: Delivery) -> None:
        """Show this state."""
        raise NotImplementedError
