"""Telling systemd how far the server is (sd_notify(3)); nothing where nobody asked to be told."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send a state such as `READY=1`; a service must not fail because nobody listens to that."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.connect("\0" + address[1:] if address.startswith("@") else address)
        opened.sendall(state.encode())
