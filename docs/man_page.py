"""`python -m docs.man_page [FOLDER]`: write the manual page and the completion scripts, from the commands themselves.

They lie below build/ as the system's folders do, and a wheel installs them there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from secconsole import __version__
from secconsole.cli.app import NAME, cli

FOLDER = Path(__file__).parents[1] / "build" / "share"
PAGE = f"man/man1/{NAME}.1"
COMPLETIONS = {
    "bash": f"bash-completion/completions/{NAME}",
    "zsh": f"zsh/site-functions/_{NAME}",
    "fish": f"fish/vendor_completions.d/{NAME}.fish",
}
_SECTIONS = """\
.SH ENVIRONMENT
.TP
SECCONSOLE_HOME
The folder of store, key, settings and themes. Default: secconsole in the XDG data and config folders.
.TP
SECCONSOLE_STORE, SECCONSOLE_TENANT, SECCONSOLE_TOKEN_FILE
In place of \\-\\-store, \\-\\-tenant and \\-\\-token\\-file.
.TP
NO_COLOR
No colours.
.SH FILES
.TP
console.db, master.key, config.toml, contexts.toml, themes/, texts/, log/
In these folders, readable by their owner only.
"""


def page() -> str:
    """Return the manual page: every command, with its arguments, text and options."""
    root = click.Context(cli, info_name=NAME)
    parts = [
        f'.TH SECCONSOLE 1 "" "secconsole {__version__}" "User Commands"',
        f".SH NAME\n{NAME} \\- look after the multi\\-factor authentication of an organisation",
        f".SH SYNOPSIS\n.B {NAME}\n{_text(' '.join(cli.collect_usage_pieces(root)))}",
        ".SH DESCRIPTION",
        _help(cli),
        *_options(root),
        ".SH COMMANDS",
        *(part for context in commands(root) for part in _command(context)),
        _SECTIONS,
    ]
    return "\n".join(parts)


def commands(context: click.Context) -> Iterator[click.Context]:
    """Yield a context for each command below a group, and for the groups themselves."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context)
        yield below
        if isinstance(command, click.Group):
            yield from commands(below)


def completion(shell: str) -> str:
    """Return the completion script for a shell, which asks the program for what fits."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(cli, {}, NAME, "_SECCONSOLE_COMPLETE").source()


def _command(context: click.Context) -> Iterator[str]:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    yield f'.SS "{_text(context.command_path)}"'
    yield f".B {_text(context.command_path)}\n{_text(pieces)}\n.PP"
    yield _help(context.command)
    yield from _options(context)


def _options(context: click.Context) -> Iterator[str]:
    records = (parameter.get_help_record(context) for parameter in context.command.get_params(context))
    for names, text in filter(None, records):
        yield f".TP\n.B {_text(names)}\n{_text(text)}"


def _help(command: click.Command) -> str:
    """Return a text of help. Lines that click keeps as they are stay so."""
    found = []
    for block in re.split(r"\n\s*\n", (command.help or "").strip()):
        kept = block.startswith("\b")
        lines = [_text(line.strip()) for line in block.removeprefix("\b").strip().splitlines()]
        found.append("\n".join([".nf", *lines, ".fi"]) if kept else "\n".join(lines))
    return "\n.PP\n".join(found)


def _text(text: str) -> str:
    """Escape what roff would read as a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, text in {PAGE: page(), **{file: completion(shell) for shell, file in COMPLETIONS.items()}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
