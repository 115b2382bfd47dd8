"""Sending text to the terminal's clipboard (OSC 52).

Terminals never answer, so success cannot be reported.
"""

from __future__ import annotations

import base64

from secconsole.tui.runtime.terminal import Terminal

MOST_BYTES = 74_994  # the limit that keeps Base64 text below the 100,000 characters that xterm accepts
SENT = "Sent to the terminal's clipboard, if it takes that"
TOO_LONG = "Too long for the terminal's clipboard"
_SCREEN_CHUNK = 700  # GNU screen passes on at most 768 characters of one string


def sequence(text: str, terminal: Terminal) -> str | None:
    """Return the sequence that offers the text to the terminal.

    None if the text is too long. Inside tmux it is sent twice: plain for tmux's own buffer, and wrapped for the
    terminal beyond.
    """
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MOST_BYTES:
        return None
    plain = f"\x1b]52;c;{base64.b64encode(raw).decode('ascii')}\x07"
    if terminal.tmux:
        doubled = plain.replace("\x1b", "\x1b\x1b")
        return f"{plain}\x1bPtmux;{doubled}\x1b\\"
    if terminal.screen:
        chunks = [plain[i : i + _SCREEN_CHUNK] for i in range(0, len(plain), _SCREEN_CHUNK)]
        return "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
    return plain
