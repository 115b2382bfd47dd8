"""`secconsole completion`: the completion script for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from secconsole.cli.command import Command
from secconsole.cli.output import Format, Output


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  eval "$(secconsole completion bash)"           in ~/.bashrc
    zsh:   eval "$(secconsole completion zsh)"            in ~/.zshrc
    fish:  secconsole completion fish > ~/.config/fish/completions/secconsole.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    out = Output(Format.TABLE)
    out.raw(kind(context.find_root().command, {}, "secconsole", "_SECCONSOLE_COMPLETE").source())
    out.flush()
