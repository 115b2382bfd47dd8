"""Entry: the console where no command is given, else the command line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from secconsole.cli.streams import prepare_streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secconsole.cli.command import ConsoleOptions


def main() -> None:
    """Run what the arguments ask for, and exit with its code."""
    prepare_streams()
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # of the console: commands describe it themselves
        from secconsole.cli.diagnostics import ExitCode, describe_unexpected, say

        say(describe_unexpected(error))
        code = ExitCode.UNAVAILABLE
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    if not arguments and "_SECCONSOLE_COMPLETE" not in os.environ:
        return _open_console(None)  # without loading click, which takes a sixth of the time to the first frame
    from secconsole.cli.app import run

    return run(arguments, _open_console, _key_problems)


def _open_console(options: ConsoleOptions | None) -> int:
    from secconsole.tui.main import run_console

    if options is None:
        return run_console()
    return run_console(
        backend=options.backend,
        tenant=options.tenant,
        context=options.context,
        theme=options.theme,
        read_only=options.read_only,
        mouse=options.mouse,
        ca_file=options.ca_file,
        start=options.start,
    )


def _key_problems() -> Sequence[str]:
    """Return what is wrong with the keys in config.toml, which only the console's own modules know."""
    from secconsole.config.settings import load_settings
    from secconsole.tui.session.keymap import checked_keymap

    return checked_keymap(load_settings().keymap).problems


if __name__ == "__main__":
    main()
