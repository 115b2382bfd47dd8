"""Certificate authorities that this machine trusts, and errors in the variables that name them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from secconsole.domain.errors import Unavailable
from secconsole.domain.text import visible

FILE, FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
_ADVICE = "Correct or unset it and start again."


def are_named() -> bool:
    """Return True if environment variables name the authorities to trust."""
    return bool(os.environ.get(FILE) or os.environ.get(FOLDER))


def machine_trust() -> ssl.SSLContext:
    """Return a TLS context with the authorities of this machine.

    Raise `Unavailable` if a variable names a file that cannot be read: OpenSSL ignores such a file, and then every
    certificate seems to come from an unknown authority.
    """
    named = os.environ.get(FILE)
    if named:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=named)
        except (OSError, ValueError) as error:  # includes errors of TLS
            raise Unavailable(f"{FILE} names {visible(named)}, but {_reason(error)}. {_ADVICE}") from None
    context = ssl.create_default_context()
    folders = os.environ.get(FOLDER, "")
    trusts_some = named or context.cert_store_stats()["x509_ca"]
    if folders and not trusts_some and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise Unavailable(f"{FOLDER} names {visible(folders)}, but that folder does not exist. {_ADVICE}")
    return context


def _reason(error: Exception) -> str:
    """Return why the authorities cannot be used: an error of TLS means a readable file without a certificate."""
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return "it contains no certificate"
    return f"it cannot be read: {error.strerror}"
