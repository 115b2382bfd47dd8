"""Start a sample as the program starts its console: `python -m tests.terminal.launch MODULE [THEME] [--no-mouse]`."""

from __future__ import annotations

import importlib
import sys

from secconsole.tui.runtime.terminal import Terminal, enter


def console(terminal: Terminal) -> int:
    words = [word for word in sys.argv[2:] if word != "--no-mouse"]
    sample = importlib.import_module(f"tests.terminal.{sys.argv[1]}").Sample
    theme = words[0] if words else None
    return int(sample(terminal, theme, mouse="--no-mouse" not in sys.argv).run_console())


if __name__ == "__main__":
    sys.exit(enter(console))
