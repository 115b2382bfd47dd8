"""`secconsole serve`: offer the operations as an HTTP API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from secconsole.cli.command import Here
from secconsole.cli.diagnostics import say
from secconsole.domain.errors import Unavailable

_FILE = click.Path(path_type=Path, dir_okay=False)
_CONNECTIONS = 512


@click.command(cls=Here)
@click.option("--listen", multiple=True, default=["127.0.0.1:8443"], show_default=True, metavar="ADDRESS",
              help="HOST:PORT, unix:PATH or systemd; may be given several times. Without a certificate only on this "
              "machine.")  # fmt: skip
@click.option("--store", default="", metavar="URL", envvar="SECCONSOLE_STORE", show_envvar=True,
              help="sqlite:///PATH or postgresql://USER@HOST/DATABASE; else the store of this home.")  # fmt: skip
@click.option("--tls-cert", type=_FILE, help="The certificate and its chain, as PEM; loaded anew when it changes.")
@click.option("--tls-key", type=_FILE, help="The certificate's key, as PEM.")
@click.option("--trusted-proxy", multiple=True, metavar="ADDRESS",
              help="A proxy to believe on where clients are: an address, a network or unix:USER.")  # fmt: skip
@click.option("--proxy-header", type=click.Choice(["x-forwarded-for", "forwarded"]), default="x-forwarded-for",
              show_default=True, help="The header in which that proxy gives it.")  # fmt: skip
@click.option("--socket-group", default="", metavar="GROUP", help="Open UNIX sockets to a group; else to this user.")
@click.option("--metrics-from", multiple=True, metavar="NETWORK",
              help="Who may read /metrics besides this machine. Repeatable.")  # fmt: skip
@click.option("--limit-concurrency", type=click.IntRange(1, 1_000_000), default=_CONNECTIONS, show_default=True,
              metavar="N", help="How many connections are served at once.")  # fmt: skip
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info",
              show_default=True, help="What to say on standard error; JSON unless that is a terminal.")  # fmt: skip
@click.option("--check", is_flag=True, help="Only look whether it would start.")
def serve(
    listen: tuple[str, ...],
    store: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    trusted_proxy: tuple[str, ...],
    proxy_header: str,
    socket_group: str,
    metrics_from: tuple[str, ...],
    limit_concurrency: int,
    log_level: str,
    check: bool,
) -> None:
    """Offer the same operations as an HTTP API, for consoles elsewhere and for other programs.

    The API describes itself at /openapi.json; /healthz, /readyz and /metrics are for those who watch it.

    \b
    secconsole serve --listen 127.0.0.1:8443
    secconsole serve --listen unix:/run/secconsole/api.sock --socket-group helpdesk
    secconsole serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem
    """
    try:
        from secconsole.backends.stores import parse_store
        from secconsole.server import listen as addresses
        from secconsole.server import logs, proxies, tls
        from secconsole.server import serve as server
        from secconsole.server.limits import Limits
    except ModuleNotFoundError as error:
        raise Unavailable(f"The server needs {error.name}: install secconsole with its extra server.") from None
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    places = tuple(addresses.parse_listen(text) for text in dict.fromkeys(listen))
    if socket_group and not any(place.socket for place in places):
        raise click.UsageError("--socket-group is for the sockets of --listen unix:PATH.")
    settings = server.Settings(
        listen=places,
        certificate=tls.Certificate(tls_cert, tls_key) if tls_cert and tls_key else None,
        proxies=proxies.parse_proxies(trusted_proxy, proxy_header),
        socket_group=socket_group,
        metrics_from=proxies.parse_networks(metrics_from, "metrics-from"),
        limits=Limits(connections=limit_concurrency),
    )
    opened = parse_store(store)
    if check:
        for warning in asyncio.run(server.check(settings, opened)):
            say(warning)
        say(f"It would start: {', '.join(str(place) for place in places)} on {opened}.")
        return
    logs.start_logging(log_level)
    server.run(settings, opened)
