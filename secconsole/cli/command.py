"""Base classes of all commands: shared options, and a root group that imports a command when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secconsole.cli.output import Format, Output
from secconsole.config.start_at import StartAt

if TYPE_CHECKING:
    from secconsole.config.contexts import NamedContext

NOWHERE = StartAt()
_LONGEST_LINE = 120  # of a command's help: fits its whole first sentence


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Options of the console.

    Without a backend, the named context or the one in use applies.
    """

    backend: str | None = None
    tenant: str = ""
    context: str = ""
    theme: str = ""
    read_only: bool = False
    mouse: bool = True
    ca_file: str = ""
    start: StartAt = NOWHERE


@dataclass(slots=True)
class Call:
    """The shared options of one command line.

    None means that an option was not given. `key_problems` returns what is wrong with the keys in config.toml.
    """

    open_console: Callable[[ConsoleOptions], int]
    key_problems: Callable[[], Sequence[str]] = tuple
    tenant: str | None = None
    format: Format | None = None
    backend: str | None = None
    context: str | None = None
    ca_file: Path | None = None
    token_file: Path | None = None

    def target(self) -> NamedContext:
        """Return the server or store to use, from the options and the configuration.

        Raise `Invalid` if the named context does not exist.
        """
        from secconsole.config.settings import load_settings

        ca_file = str(self.ca_file.absolute()) if self.ca_file else ""
        return load_settings().context(self.context or "", self.backend, ca_file)


def current_call() -> Call:
    """Return the call of the running command."""
    call = click.get_current_context().find_object(Call)
    assert call is not None
    return call


class EnumChoice(click.Choice[str]):
    """A choice among the values of an enum, converted to its member."""

    def __init__(self, kind: type[StrEnum], *, but: tuple[StrEnum, ...] = ()) -> None:
        super().__init__([member.value for member in kind if member not in but])
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._kind(super().convert(value, param, ctx))


class _CommandWithSharedOptions(click.Command):
    """A command that accepts the shared options at every level.

    The innermost one wins.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_shared_options())

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        records = [option.get_help_record(ctx) for option in _shared_options(hidden=False)]
        with formatter.section("With every command"):
            formatter.write_dl([record for record in records if record])


class Command(_CommandWithSharedOptions):
    """A command of secconsole."""


class ReportCommand(Command):
    """A command whose result is a report for people, as Markdown unless another format is requested."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for option in self.params:
            if option.name == "format":
                option.type = EnumChoice(Format, but=(Format.TABLE,))


class LocalCommand(Command):
    """A command about this machine, which refuses options that name a server."""

    def invoke(self, ctx: click.Context) -> Any:
        call = ctx.find_object(Call)
        if call is not None and (call.backend or call.context or call.ca_file):
            raise click.UsageError(
                "This command works on this machine: leave out --backend, --context and --ca-file.", ctx
            )
        return super().invoke(ctx)


class Group(_CommandWithSharedOptions, click.Group):
    """A group of commands about one subject."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(_LONGEST_LINE)) for name, c in self.commands.items()])


class RootGroup(Group):
    """The root group. `lazy` maps a command to its module in `cli.commands`, its name there and its line of help."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, name, _ = self._lazy[cmd_name]
        command = getattr(import_module(f"secconsole.cli.commands.{module}"), name)
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


def show(ctx: click.Context, text: str) -> None:
    """Write a text to standard output in place of a command's result, and exit."""
    out = Output(Format.TABLE)
    out.raw(text)
    out.flush()
    ctx.exit()


def _show_help(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        show(ctx, ctx.get_help())


def _shared_options(*, hidden: bool = True) -> list[click.Option]:
    """Return the shared options, hidden in the list of a command's own because they have a section of help."""

    def keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
        call = ctx.find_object(Call)
        if value is not None and call is not None:
            assert param.name is not None
            setattr(call, param.name, value)

    def option(name: str, help: str, **kwargs: Any) -> click.Option:
        return click.Option([name], help=help, expose_value=False, callback=keep, hidden=hidden, **kwargs)

    return [
        option("--tenant", "The tenant. Default: the configured one, or the only one.", metavar="NAME"),
        option("--format", "The format of the result.", type=EnumChoice(Format, but=(Format.MARKDOWN,))),
        option("--backend", "A server: https://… or unix:PATH. Default: the store on this machine.", metavar="URL"),
        option("--context", "A named server. See: secconsole context list", metavar="NAME"),
        option(
            "--ca-file",
            "Trust only the certificate authorities in this file.",
            metavar="FILE",
            type=click.Path(path_type=Path),
        ),
        option(
            "--token-file",
            "Act with the token in this file, which only its owner may read.",
            metavar="FILE",
            type=click.Path(path_type=Path),
        ),
    ]
