"""`secconsole context`: the places to work at, by name."""

from __future__ import annotations

from dataclasses import dataclass

import click

from secconsole.cli.acting import forget_session
from secconsole.cli.command import Noun, current_call
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Output
from secconsole.config import contexts, locations
from secconsole.config.contexts import COLOURS, LOCAL, Context
from secconsole.config.settings import load_settings
from secconsole.domain.errors import Conflict

_PRODUCTION = ("prod", "live")


@dataclass(frozen=True, slots=True)
class Listed:
    """A context as it is listed; `used` where it is worked at when none is named."""

    name: str
    backend: str
    tenant: str
    colour: str
    ca_file: str
    used: bool


COLUMNS: list[Column[Listed]] = [
    Column("name", lambda c: c.name),
    Column("backend", lambda c: c.backend or None),
    Column("tenant", lambda c: c.tenant or None),
    Column("colour", lambda c: c.colour or None),
    Column("ca_file", lambda c: c.ca_file or None, "CA file"),
    Column("used", lambda c: c.used),
]


@click.group(cls=Noun)
def context() -> None:
    """Places to work at, by name: a server or the store on this machine, and a tenant.

    `local`, the store on this machine, is always there.
    """


@context.command("add")
@click.argument("name")
@click.argument("url", required=False, default="")
@click.option(
    "--colour", "--color", type=click.Choice(list(COLOURS)), help="Of the console's first line, to tell it by."
)
@click.option("--replace", is_flag=True, help="Take the place of one that has this name.")
@click.option("--use", is_flag=True, help="Work there from now on where none is named.")
def add(name: str, url: str, colour: str | None, replace: bool, use: bool) -> None:
    """Give a server a name.

    \b
    secconsole context add prod https://mfa.acme.example --tenant acme --colour red
    secconsole context add lab unix:/run/secconsole/api.sock

    Where the server's certificate comes from an authority of your own, give its file: --ca-file FILE. One whose name
    has "prod" or "live" in it is red unless told otherwise.
    """
    call = current_call()
    if name in load_settings().contexts and name not in contexts.load_contexts().entries:
        raise Conflict(f"There is a context {name} in {locations.config_path()} already. Change it there.")
    given = colour or ("red" if any(word in name.lower() for word in _PRODUCTION) else "")
    ca_file = str(call.ca_file.absolute()) if call.ca_file else ""
    made = Context(name, url or call.backend or "", call.tenant or "", given, ca_file)
    added = contexts.add_context(made, replaced=replace)
    if use:
        contexts.use_context(name)
    out = Output(call.format)
    out.record(COLUMNS, _listed(added))
    out.flush()


@context.command("list")
def list_contexts() -> None:
    """List the contexts, and which one is used where none is named."""
    out = Output(current_call().format)
    out.listing(COLUMNS, [_listed(each) for each in (Context(LOCAL), *load_settings().contexts.values())])
    out.flush()


@context.command("use")
@click.argument("name")
def use(name: str) -> None:
    """Work there from now on where none is named; `local` is the store on this machine."""
    chosen = load_settings().context(name)
    contexts.use_context(name)
    say(f"Commands and console work at {chosen.backend or 'the store on this machine'} from now on.")


@context.command("remove")
@click.argument("name")
def remove(name: str) -> int:
    """Forget a context and the session kept in it; what it points to stays as it is."""
    gone = contexts.remove_context(name)
    forget_session(gone)
    say(f"{name} is forgotten.")
    return ExitCode.DONE


def _listed(place: Context) -> Listed:
    used = place.name == (contexts.load_contexts().used or LOCAL)
    return Listed(place.name, place.backend, place.tenant, place.colour, place.ca_file, used)
