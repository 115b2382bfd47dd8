"""The shape all commands share: the options that go with every one, and groups that load a command when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secconsole.cli.output import Format

if TYPE_CHECKING:
    from secconsole.config.contexts import Context

_LONGEST_LINE = 120  # of a command's help: its first sentence, whole


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """How the console is to be opened; without a backend in the context that is named or used."""

    backend: str | None = None
    tenant: str = ""
    context: str = ""
    theme: str = ""
    read_only: bool = False
    mouse: bool = True
    ca_file: str = ""


@dataclass(slots=True)
class Call:
    """What was said around a command; None where nothing was."""

    open_console: Callable[[ConsoleOptions], int]
    tenant: str | None = None
    format: Format | None = None
    backend: str | None = None
    context: str | None = None
    ca_file: Path | None = None
    token_file: Path | None = None

    def place(self) -> Context:
        """Where to work, by what was said and configured; raises `Invalid` for a context that there is not."""
        from secconsole.config.settings import load_settings

        ca_file = str(self.ca_file.absolute()) if self.ca_file else ""
        return load_settings().context(self.context or "", self.backend, ca_file)


def current_call() -> Call:
    """The call that is being carried out."""
    call = click.get_current_context().find_object(Call)
    assert call is not None
    return call


class Word(click.Choice[str]):
    """One of an enum's values, given as the enum's member."""

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__([member.value for member in kind])
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._kind(super().convert(value, param, ctx))


class _Everywhere(click.Command):
    """A command that takes the shared options too, wherever they stand; the innermost one wins."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_shared_options())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        records = [option.get_help_record(ctx) for option in _shared_options(hidden=False)]
        with formatter.section("With every command"):
            formatter.write_dl([record for record in records if record])


class Verb(_Everywhere):
    """A command that does something."""


class Here(Verb):
    """A command about this machine: it has no use for another place, and says so."""

    def invoke(self, ctx: click.Context) -> Any:
        call = ctx.find_object(Call)
        if call is not None and (call.backend or call.context or call.ca_file):
            raise click.UsageError("This is about this machine: leave --backend, --context and --ca-file out.", ctx)
        return super().invoke(ctx)


class Noun(_Everywhere, click.Group):
    """A group of commands about one thing."""

    command_class = Verb

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(_LONGEST_LINE)) for name, c in self.commands.items()])


class Root(Noun):
    """The program: `lazy` names the module of `secconsole.cli`, the command in it, and its line in the help."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, name, _ = self._lazy[cmd_name]
        command = getattr(import_module(f"secconsole.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self._lazy and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self._lazy, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self._lazy.items()])


def _shared_options(*, hidden: bool = True) -> list[click.Option]:
    """Hidden in the list of a command's own options, since they have a section to themselves."""

    def keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
        call = ctx.find_object(Call)
        if value is not None and call is not None:
            assert param.name is not None
            setattr(call, param.name, value)

    def option(name: str, help: str, **kwargs: Any) -> click.Option:
        return click.Option([name], help=help, expose_value=False, callback=keep, hidden=hidden, **kwargs)

    return [
        option("--tenant", "The tenant to work on; else the configured or the only one.", metavar="NAME"),
        option("--format", "How to answer.", type=Word(Format)),
        option("--backend", "A server: https://… or unix:PATH; else the store on this machine.", metavar="URL"),
        option("--context", "Where to work, by a name: see secconsole context list.", metavar="NAME"),
        option(
            "--ca-file", "Trust a server by the authorities in this file alone.",
            metavar="FILE", type=click.Path(path_type=Path),
        ),
        option(
            "--token-file", "Act with the token in this file; only its owner may read it.",
            metavar="FILE", type=click.Path(path_type=Path),
        ),
    ]  # fmt: skip
