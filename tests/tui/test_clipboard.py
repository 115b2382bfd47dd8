"""Text for the terminal's clipboard, wrapped for what is in between."""

from __future__ import annotations

import base64

from secconsole.tui.runtime import clipboard
from secconsole.tui.runtime.terminal import Terminal


def test_plain_and_wrapped_for_tmux_and_screen() -> None:
    payload = base64.b64encode("kľúč".encode()).decode()
    plain = f"\x1b]52;c;{payload}\x07"
    assert clipboard.sequence("kľúč", Terminal()) == plain
    assert clipboard.sequence("kľúč", Terminal(tmux=True)) == f"{plain}\x1bPtmux;\x1b{plain}\x1b\\"
    assert clipboard.sequence("kľúč", Terminal(screen=True)) == f"\x1bP{plain}\x1b\\"


def test_text_for_screen_is_split_into_chunks() -> None:
    whole = clipboard.sequence("x" * 3000, Terminal(screen=True))
    assert whole is not None
    pieces = whole.split("\x1b\\")[:-1]
    assert all(len(piece) < 768 for piece in pieces)
    assert "".join(piece.removeprefix("\x1bP") for piece in pieces) == clipboard.sequence("x" * 3000, Terminal())


def test_too_much_is_not_sent() -> None:
    assert clipboard.sequence("x" * clipboard.MOST_BYTES, Terminal()) is not None
    assert clipboard.sequence("x" * (clipboard.MOST_BYTES + 1), Terminal()) is None
    assert "opied" not in clipboard.SENT
