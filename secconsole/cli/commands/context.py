"""`secconsole context`: named servers."""

from __future__ import annotations

from dataclasses import dataclass

import click

from secconsole.cli.command import Group, current_call
from secconsole.cli.credentials import forget_session
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Output
from secconsole.config import contexts, locations
from secconsole.config.contexts import COLOURS, LOCAL, NamedContext
from secconsole.config.settings import load_settings
from secconsole.domain.errors import Conflict

_PRODUCTION = ("prod", "live")


@dataclass(frozen=True, slots=True)
class ContextRow:
    """A context in the list. `used` marks the default."""

    name: str
    backend: str
    tenant: str
    colour: str
    ca_file: str
    used: bool


COLUMNS: list[Column[ContextRow]] = [
    Column("name", lambda c: c.name),
    Column("backend", lambda c: c.backend or None),
    Column("tenant", lambda c: c.tenant or None),
    Column("colour", lambda c: c.colour or None),
    Column("ca_file", lambda c: c.ca_file or None, "CA file"),
    Column("used", lambda c: c.used),
]


@click.group(cls=Group)
def context() -> None:
    """Manage contexts: names for a server and a tenant.

    `local`, the store on this machine, always exists.
    """


@context.command("add")
@click.argument("name")
@click.argument("url", required=False, default="")
@click.option("--colour", "--color", type=click.Choice(list(COLOURS)), help="The colour of the console's first line.")
@click.option("--replace", is_flag=True, help="Replace an existing context of this name.")
@click.option("--use", is_flag=True, help="Make it the default.")
def add(name: str, url: str, colour: str | None, replace: bool, use: bool) -> None:
    """Add a name for a server.

    \b
    secconsole context add prod https://mfa.acme.example --tenant acme --colour red
    secconsole context add lab unix:/run/secconsole/api.sock

    If the server's certificate comes from a private authority, name its file with --ca-file FILE. A context with
    "prod" or "live" in its name is red by default.
    """
    call = current_call()
    if name in load_settings().contexts and name not in contexts.load_contexts().entries:
        raise Conflict(f"The context {name} already exists in {locations.config_path()}. Change it there.")
    # A production context that looks like any other is how the wrong users get unbound.
    given = colour or ("red" if any(word in name.lower() for word in _PRODUCTION) else "")
    # Absolute, since later commands run in other directories.
    ca_file = str(call.ca_file.absolute()) if call.ca_file else ""
    made = NamedContext(name, url or call.backend or "", call.tenant or "", given, ca_file)
    added = contexts.add_context(made, replaced=replace)
    if use:
        contexts.use_context(name)
    out = Output(call.format)
    out.record(COLUMNS, _listed(added))
    out.flush()


@context.command("list")
def list_contexts() -> None:
    """List the contexts, and show which one is the default."""
    out = Output(current_call().format)
    out.listing(COLUMNS, [_listed(each) for each in (NamedContext(LOCAL), *load_settings().contexts.values())])
    out.flush()


@context.command("use")
@click.argument("name")
def use(name: str) -> None:
    """Make a context the default. `local` is the store on this machine."""
    chosen = load_settings().context(name)
    contexts.use_context(name)
    say(f"Commands and the console now use {chosen.backend or 'the store on this machine'}.")


@context.command("remove")
@click.argument("name")
def remove(name: str) -> int:
    """Remove a context and its saved session.

    The server itself is not changed.
    """
    gone = contexts.remove_context(name)
    # A later context of the same name may be another server, which must not get this session.
    forget_session(gone)
    say(f"Removed the context {name}.")
    return ExitCode.DONE


def _listed(context: NamedContext) -> ContextRow:
    used = context.name == (contexts.load_contexts().used or LOCAL)
    return ContextRow(context.name, context.backend, context.tenant, context.colour, context.ca_file, used)
