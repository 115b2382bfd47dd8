"""`secconsole pam-agent`: answers the PAM module, so that SSH and other programs ask for a second factor."""

from __future__ import annotations

import asyncio
import os
import pwd

import click

from secconsole.cli.command import Command, current_call
from secconsole.cli.diagnostics import say
from secconsole.domain.errors import Invalid, Unavailable

_SOCKET = "/run/secconsole-pam/pam.sock"


@click.command("pam-agent", cls=Command)
@click.option(
    "--listen",
    default=f"unix:{_SOCKET}",
    show_default=True,
    metavar="ADDRESS",
    help="unix:PATH, or systemd for the socket of a unit.",
)
@click.option(
    "--store",
    default="",
    metavar="URL",
    envvar="SECCONSOLE_STORE",
    show_envvar=True,
    help="sqlite:///PATH or postgresql://USER@HOST/DATABASE. Default: the store of this home.",
)
@click.option(
    "--allow-user",
    multiple=True,
    metavar="NAME",
    help="An OS user whose programs may ask, besides root. Repeatable.",
)
@click.option(
    "--timeout",
    type=click.IntRange(10, 600),
    default=115,
    show_default=True,
    metavar="SECONDS",
    help="How long a sign-in may take. Less than LoginGraceTime of sshd.",
)
@click.option(
    "--limit-conversations",
    type=click.IntRange(1, 10_000),
    default=128,
    show_default=True,
    metavar="N",
    help="The maximum number of sign-ins at once.",
)
@click.option("--demo", is_flag=True, help="Use the store of a demo, whose passwords are public.")
@click.option("--check", is_flag=True, help="Check whether the agent would start, and exit.")
def pam_agent(
    listen: str,
    store: str,
    allow_user: tuple[str, ...],
    timeout: int,
    limit_conversations: int,
    demo: bool,
    check: bool,
) -> None:
    """Hold the conversations of pam_secconsole.so: password, second factor, binding a phone.

    The store of this machine is asked, or with --backend or --context a server. Without the agent, the
    module refuses every sign-in.

    \b
    secconsole --tenant acme pam-agent
    secconsole --context prod --tenant acme pam-agent --listen systemd
    """
    try:
        from secconsole.pam.agent import AgentOptions
        from secconsole.pam.serving import run
        from secconsole.server import logs
        from secconsole.server.transport.listen import parse_listen
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"The agent requires {error.name}. Install it with: pip install 'secconsole[server]'"
        ) from None
    call = current_call()
    target = call.target()
    if target.backend and store:
        raise click.UsageError("--store is for the store of this machine: leave it out, or --backend and --context.")
    place = parse_listen(listen)
    if not place.is_handed_over and place.socket is None:
        raise Invalid("The agent listens on unix:PATH or systemd.", "listen")
    options = AgentOptions(
        place,
        call.tenant or target.tenant or os.environ.get("SECCONSOLE_TENANT", ""),
        frozenset({0, *(_id_of(name) for name in allow_user)}),
        float(timeout),
        limit_conversations,
    )
    if not check:
        logs.start_logging("info")  # after the checks above, so that their errors are read at a terminal
    asyncio.run(run(options, target, store, demo=demo, only_check=check))
    if check:
        say(f"The agent would start: {place}.")


def _id_of(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Invalid(f"There is no OS user named {name}.", "allow-user") from None
