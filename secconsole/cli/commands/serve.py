"""`secconsole serve`: the operations as an HTTP API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from secconsole.cli.command import LocalCommand
from secconsole.cli.diagnostics import say
from secconsole.domain.errors import Unavailable

_FILE = click.Path(path_type=Path, dir_okay=False)
_MOST_WORKERS = 64
_CONNECTIONS, _PER_ADDRESS, _UNFINISHED, _REFUSED = 512, 128, 32, 30


@click.command(cls=LocalCommand)
@click.option(
    "--listen",
    multiple=True,
    default=["127.0.0.1:8443"],
    show_default=True,
    metavar="ADDRESS",
    help="HOST:PORT, unix:PATH or systemd. Repeatable. Without a certificate, only addresses of this machine.",
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
    "--workers",
    type=click.IntRange(1, _MOST_WORKERS),
    default=1,
    show_default=True,
    metavar="N",
    help="The number of processes that answer requests, at most one for each core.",
)
@click.option("--tls-cert", type=_FILE, help="The certificate chain, as PEM. Reloaded when it changes.")
@click.option("--tls-key", type=_FILE, help="The key of the certificate, as PEM.")
@click.option(
    "--trusted-proxy",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy whose client addresses are trusted: an address, a network or unix:USER.",
)
@click.option(
    "--proxy-header",
    type=click.Choice(["x-forwarded-for", "forwarded"]),
    default="x-forwarded-for",
    show_default=True,
    help="The header in which the proxy sends the client address.",
)
@click.option(
    "--socket-group", default="", metavar="GROUP", help="The group that may use UNIX sockets. Default: this user only."
)
@click.option(
    "--metrics-from",
    multiple=True,
    metavar="NETWORK",
    help="A network that may read /metrics, besides this machine. Repeatable.",
)
@click.option(
    "--limit-concurrency",
    type=click.IntRange(1, 1_000_000),
    default=_CONNECTIONS,
    show_default=True,
    metavar="N",
    help="The maximum number of connections.",
)
@click.option(
    "--limit-per-address",
    type=click.IntRange(1, 1_000_000),
    default=_PER_ADDRESS,
    show_default=True,
    metavar="N",
    help="The maximum for one address, IPv6 /64 or OS user.",
)
@click.option(
    "--limit-unfinished",
    type=click.IntRange(1, 1_000_000),
    default=_UNFINISHED,
    show_default=True,
    metavar="N",
    help="The maximum of those that have not finished sending a request.",
)
@click.option(
    "--limit-refused",
    type=click.IntRange(1, 1_000_000),
    default=_REFUSED,
    show_default=True,
    metavar="N",
    help="The number of refused sign-ins per address at once, and then per minute.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The log level. The log is JSON, except on a terminal.",
)
@click.option(
    "--trust-owner",
    is_flag=True,
    help="On UNIX sockets, let the server's own user act as the store's owner, without a token.",
)
@click.option("--demo", is_flag=True, help="Serve the store of a demo, whose passwords are public.")
@click.option("--check", is_flag=True, help="Check whether the server would start, and exit.")
def serve(
    listen: tuple[str, ...],
    store: str,
    workers: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    trusted_proxy: tuple[str, ...],
    proxy_header: str,
    socket_group: str,
    metrics_from: tuple[str, ...],
    limit_concurrency: int,
    limit_per_address: int,
    limit_unfinished: int,
    limit_refused: int,
    log_level: str,
    trust_owner: bool,
    demo: bool,
    check: bool,
) -> None:
    """Serve the same operations as an HTTP API, for remote consoles and other programs.

    The API is described at /openapi.json. Use /healthz, /readyz and /metrics for monitoring.

    \b
    secconsole serve --listen 127.0.0.1:8443
    secconsole serve --listen unix:/run/secconsole/api.sock --socket-group helpdesk
    secconsole serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem
    """
    try:
        from secconsole.backends.stores import parse_store
        from secconsole.domain.throttling.token_bucket import Rate
        from secconsole.server import logs
        from secconsole.server import serve as server
        from secconsole.server.transport import listen as addresses
        from secconsole.server.transport import proxies, tls
        from secconsole.server.transport.limits import Limits
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"The server requires {error.name}. Install it with: pip install 'secconsole[server]'"
        ) from None
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key must be used together.")
    # Without duplicates: the second bind of one address would fail.
    places = tuple(addresses.parse_listen(text) for text in dict.fromkeys(listen))
    if socket_group and not any(place.socket for place in places):
        raise click.UsageError("--socket-group requires --listen unix:PATH.")
    if trust_owner and not any(place.socket or place.is_handed_over for place in places):
        raise click.UsageError("--trust-owner requires a UNIX socket: --listen unix:PATH or --listen systemd.")
    settings = server.ServeOptions(
        listen=places,
        certificate=tls.Certificate(tls_cert, tls_key) if tls_cert and tls_key else None,
        proxies=proxies.parse_proxies(trusted_proxy, proxy_header),
        socket_group=socket_group,
        metrics_from=proxies.parse_networks(metrics_from, "metrics-from"),
        limits=Limits(
            connections=limit_concurrency,
            per_origin=limit_per_address,
            unfinished=limit_unfinished,
            refused=Rate(limit_refused, limit_refused),
        ),
        trust_owner=trust_owner,
        demo=demo,
        workers=workers,
    )
    opened = parse_store(store)
    if check:
        for warning in asyncio.run(server.check(settings, opened)):
            say(warning)
        say(f"The server would start: {', '.join(str(place) for place in places)} on {opened}.")
        return
    # After the checks, so that their errors are read at a terminal and not as JSON.
    logs.start_logging(log_level)
    if workers > 1:
        from secconsole.server.workers.running import run_workers

        run_workers(settings, opened)
    else:
        server.run(settings, opened)
