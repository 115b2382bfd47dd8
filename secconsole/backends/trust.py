"""Trust in a server's certificate, and messages for certificates that are not trusted."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from secconsole.config.certificates import machine_trust
from secconsole.domain.errors import Unavailable

#: X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_IN_CHAIN, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 18, 19, 62, 64
_UNKNOWN_ISSUER: Final = frozenset({2, 20, 21, 27})
_PASSING: Final = (
    ssl.SSLWantReadError,
    ssl.SSLWantWriteError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLSyscallError,
)
_GIVE_IT: Final = "If the server's operator has given you its file, use: --ca-file FILE, or ca_file in the context."
_ASK: Final = "The server's operator must renew it."


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return an SSL context that trusts this machine's authorities, or only those of a file."""
    try:
        context = ssl.create_default_context(cafile=ca_file) if ca_file else machine_trust()
    except (OSError, ssl.SSLError) as error:
        reason = (
            error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "it contains no certificate"
        )
        raise Unavailable(f"The CA file {ca_file} cannot be used: {reason}.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_error(error: BaseException) -> ssl.SSLError | None:
    """Return the TLS error behind another one, or None for a broken or slow connection."""
    seen: BaseException | None = error
    while seen is not None and (not isinstance(seen, ssl.SSLError) or isinstance(seen, _PASSING)):
        seen = seen.__cause__ or seen.__context__
    return seen


def words(error: ssl.SSLError, title: str) -> str:
    """Return the problem with the server's certificate and what to do.

    The check cannot be bypassed.
    """
    if not isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{title} and this program have no encryption in common. Check that it serves https://. Nothing was sent."
        )
    return f"{_reason(error, title)} Nothing was sent."


def _reason(error: ssl.SSLCertVerificationError, title: str) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return f"The certificate of {title} has expired. {_ASK} Check this machine's clock."
    if code == _NOT_YET:
        return f"The certificate of {title} is not valid yet. Check this machine's clock."
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        return (
            f"The certificate of {title} is for another name. Check the address. "
            "Use the name that the certificate is for."
        )
    if code == _SELF_SIGNED:
        return f"The certificate of {title} is self-signed and not trusted by this machine. {_GIVE_IT}"
    if code == _SELF_SIGNED_IN_CHAIN or code in _UNKNOWN_ISSUER:
        return f"The certificate of {title} is from an authority that this machine does not trust. {_GIVE_IT}"
    return f"The certificate of {title} is not trusted: {error.verify_message}. {_ASK}"
