"""Texts of the overview: the policy in effect, the state of delivery, and the clock."""

from __future__ import annotations

from datetime import timedelta

from textual.content import Content

from secconsole.domain.clock import moved_words
from secconsole.domain.model import SENT_KINDS, PolicyMode
from secconsole.operations.delivery import Delivery
from secconsole.operations.policy import Policy
from secconsole.operations.tenants import Adoption
from secconsole.tui.text.delivery import WORDS, day_words, state_in_short
from secconsole.tui.text.format import exact
from secconsole.tui.text.safe import join
from secconsole.tui.widgets.policy_impact import grace_words

AGREES = timedelta(seconds=5)  # difference between two clocks, a slow answer included


def policy_line(adoption: Adoption, policy: Policy) -> Content:
    """Return the policy in effect, and since when."""
    mode = {
        PolicyMode.OFF: "No user is asked for a second factor",
        PolicyMode.OPTIONAL: "Users who have a second factor are asked for it",
        PolicyMode.REQUIRED: "A second factor is required",
    }[adoption.policy]
    since = adoption.required_since if adoption.policy is PolicyMode.REQUIRED else policy.changed
    parts = [f" since {exact(since)}" if since else ""]
    if adoption.policy is PolicyMode.REQUIRED:
        parts.append(f", {grace_words(adoption.grace_days, adoption.required_since) or 'no grace period'}")
    return join((mode, "$heading"), ("".join(parts) + ".", "$muted"))


def sending_line(delivery: Delivery) -> Content:
    """Return if codes can be sent, and the outcome of the latest ones."""
    if delivery.inbox:
        return join(
            ("Sending: ", "$muted"), "into this demo's own inbox", (f"; {day_words(delivery)}. Press 4.", "$muted")
        )
    states = ", ".join(f"{WORDS[kind]} {state_in_short(delivery, kind)}" for kind in SENT_KINDS)
    return join(("Sending: ", "$muted"), states, (f"; {day_words(delivery)}. Press 4.", "$muted"))


def apart_words(by: timedelta) -> str:
    """Return how this machine's clock and the server's differ.

    Empty if they agree.
    """
    if abs(by) <= AGREES:
        return ""
    apart = f"{abs(by).total_seconds():,.0f} s {'ahead of' if by > timedelta() else 'behind'}"
    return f"The server's clock is {apart} this machine's: codes are refused while the server's is wrong."


def jump_words(adoption: Adoption) -> str:
    """Return a note about a clock that was set in the last days.

    Empty if none was.
    """
    jump = adoption.clock_jump
    if jump is None:
        return ""
    moved = f"The server's clock was set {moved_words(jump.seconds * 1000)}, on {exact(jump.at)}."
    if adoption.refused_by_clock:
        return f"{moved} Correct codes are refused until you run: secconsole doctor --mend-clock"
    return f"{moved} See Audit: press 5."
