"""The key that opens the alerts, with their screens imported on first use."""

from __future__ import annotations

from typing import Any

from secconsole.operations.alerts import ListAlerts
from secconsole.tui.actions import Action


async def open_alerts(place: Any) -> None:
    """Show the alerts."""
    from secconsole.tui.screens.alerts.alerts import manage_alerts  # not on the way to the first place

    await manage_alerts(place)


ALERTS = Action(
    "overview.alerts",
    "Alerts",
    "i",
    "See what looks suspicious, acknowledge it, and set the rules.",
    ListAlerts,
    priority=1,
    command="secconsole alert list",
    run=open_alerts,
)
