"""`secconsole radius`: sign-ins by RADIUS."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from secconsole.cli.command import Command
from secconsole.cli.command_context import CommandContext, with_backend_as
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.config.radius_clients import RadiusClients, clients_path, load_clients
from secconsole.domain.errors import Invalid, Unavailable

_LISTEN = "127.0.0.1:1812"


@click.command(cls=Command)
@click.option("--clients", type=click.Path(path_type=Path, dir_okay=False), help="The file of clients, as TOML.")
@click.option("--listen", default=_LISTEN, show_default=True, metavar="HOST:PORT", help="The UDP address.")
@click.option("--metrics", default="", metavar="HOST:PORT", help="Serve metrics for Prometheus there, by HTTP.")
@click.option("--check", is_flag=True, help="Check whether the server would start, and exit.")
@with_backend_as("radius")
async def radius(context: CommandContext, clients: Path | None, listen: str, metrics: str, check: bool) -> int:
    """Answer network devices by RADIUS: password by PAP, then a code by Access-Challenge.

    It acts on the store of this home, or on a server with a secret key that has the scope challenge. Clients are in
    radius-clients.toml of the home, with mode 0600:

    \b
    [[client]]
    name = "vpn"
    networks = ["192.0.2.10"]
    secret = "at least 16 characters"

    \b
    secconsole radius --listen 0.0.0.0:1812
    secconsole --backend https://mfa.example --token-file vpn.key radius
    """
    address, found = _address(listen, "listen"), load_clients(clients or clients_path())
    for warning in found.warnings():
        say(f"Warning: {warning}")
    watched = _address(metrics, "metrics") if metrics else None
    tenant = await context.tenant()
    if check:
        say(f"The server would start: {len(found.items)} clients of {tenant}.")
        return ExitCode.DONE
    await _serve(context, tenant, found, address, watched)
    return ExitCode.DONE


async def _serve(
    context: CommandContext,
    tenant: str,
    clients: RadiusClients,
    address: tuple[str, int],
    metrics: tuple[str, int] | None,
) -> None:
    """Serve until a signal ends it."""
    try:
        from secconsole.radius.server import RadiusServer, listen
    except ModuleNotFoundError as error:
        raise Unavailable(f"RADIUS requires {error.name}. Install it with: pip install 'secconsole[radius]'") from None
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = RadiusServer(context.backend.perform, tenant, clients)
    try:
        host, port = await listen(server, *address)
        if metrics is not None:
            server.metrics.serve(*metrics)
    except OSError as error:
        raise Unavailable(f"The address cannot be used: {error.strerror}.") from None
    say(f"Answering RADIUS for {tenant} at {host}:{port}.")
    try:
        await stop.wait()
    finally:
        await server.close()


def _address(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Invalid(f"--{option} is HOST:PORT, such as {_LISTEN}.", option)
    return host.strip("[]"), int(port)
