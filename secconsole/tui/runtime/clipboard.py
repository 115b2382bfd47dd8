"""Handing text to the terminal's clipboard (OSC 52). Nothing ever answers, so nobody may claim that it was copied."""

from __future__ import annotations

import base64

from secconsole.tui.terminal import Terminal

MOST_BYTES = 74_994  # what still fits the 100,000 characters that xterm takes, once it is Base64
SENT = "Sent to the terminal's clipboard, if it takes that"
TOO_LONG = "Too long for the terminal's clipboard"
_SCREEN_CHUNK = 700  # GNU screen passes on at most 768 characters of one string


def sequence(text: str, terminal: Terminal) -> str | None:
    """What to write so that the terminal may take the text; None when it is too long for that.

    Inside tmux it goes out twice: plainly for tmux's own buffer, and wrapped so that it reaches the terminal beyond.
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
