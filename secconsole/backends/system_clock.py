"""State of the system's clock synchronisation."""

from __future__ import annotations

import ctypes

_UNSYNCHRONISED = 5  # TIME_ERROR, adjtimex(2)


def is_synchronised() -> bool | None:
    """Return True if a time service sets the kernel's clock, or None if the kernel does not report it."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))  # modes 0: read only
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED
