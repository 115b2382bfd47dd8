"""`secconsole serve`: offer the operations as an HTTP API."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import click

from secconsole.cli.command import Verb
from secconsole.cli.diagnostics import say
from secconsole.domain.errors import Unavailable

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=Verb)
@click.option("--listen", default="127.0.0.1:8443", show_default=True, metavar="ADDRESS",
              help="HOST:PORT, or unix:PATH. Without a certificate only on this machine.")  # fmt: skip
@click.option("--store", default="", metavar="URL", help="sqlite:///PATH; else the store of this home.")
@click.option("--tls-cert", type=_FILE, help="The certificate and its chain, as PEM.")
@click.option("--tls-key", type=_FILE, help="The certificate's key, as PEM.")
@click.option("--check", is_flag=True, help="Only look whether it would start.")
def serve(listen: str, store: str, tls_cert: Path | None, tls_key: Path | None, check: bool) -> None:
    """Offer the same operations as an HTTP API, for consoles elsewhere and for other programs.

    The API describes itself at /openapi.json; /healthz, /readyz and /metrics are for those who watch it.

    \b
    secconsole serve --listen 127.0.0.1:8443
    secconsole serve --listen unix:/run/secconsole/api.sock
    """
    try:
        from secconsole.server import serve as server
    except ModuleNotFoundError as error:
        raise Unavailable(f"The server needs {error.name}: pip install 'secconsole[server]'") from None
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    certificate = server.Certificate(tls_cert, tls_key) if tls_cert and tls_key else None
    address, database = server.parse_listen(listen), server.parse_store(store)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if check:
        asyncio.run(server.check(address, database, certificate))
        say(f"It would start: {address} on {database}.")
        return
    asyncio.run(server.serve(address, database, certificate))
