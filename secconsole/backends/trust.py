"""Whom the client of a server trusts, and what is said when that is not who answers."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from secconsole.domain.errors import Unavailable

#: X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_IN_CHAIN, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 18, 19, 62, 64
_UNKNOWN_ISSUER: Final = frozenset({2, 20, 21, 27})
_PASSING: Final = (
    ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError,
)  # fmt: skip
_GIVE_IT: Final = (
    "If you have its file from whoever runs the server, give it: --ca-file FILE, or ca_file in the context."
)
_ASK: Final = "Whoever runs the server must renew it."


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the authorities that this machine trusts, or those of a file alone; names and dates always count."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "it holds no certificate"
        raise Unavailable(f"The CA file {ca_file} cannot be used: {reason}.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_error(error: BaseException) -> ssl.SSLError | None:
    """The TLS error behind another one, if that is what it was, and not only a line that broke or was too slow."""
    seen: BaseException | None = error
    while seen is not None and (not isinstance(seen, ssl.SSLError) or isinstance(seen, _PASSING)):
        seen = seen.__cause__ or seen.__context__
    return seen


def words(error: ssl.SSLError, title: str) -> str:
    """What is wrong with the server's certificate, and what to do; there is no way to go on regardless."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"{title} and this program find no common way to encrypt. Is it a server for https://? Nothing was sent."
    return f"{_reason(error, title)} Nothing was sent."


def _reason(error: ssl.SSLCertVerificationError, title: str) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return f"The certificate of {title} has expired. {_ASK} Is this machine's clock right?"
    if code == _NOT_YET:
        return f"The certificate of {title} is not valid yet. Is this machine's clock right?"
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        return (
            f"The certificate that {title} shows is for another name. Is the address right? "
            "Use the name that the certificate is for."
        )
    if code == _SELF_SIGNED:
        return f"The certificate of {title} is signed by itself and not known to this machine. {_GIVE_IT}"
    if code == _SELF_SIGNED_IN_CHAIN or code in _UNKNOWN_ISSUER:
        return f"The certificate of {title} comes from an authority that this machine does not know. {_GIVE_IT}"
    return f"The certificate of {title} is not trusted: {error.verify_message}. {_ASK}"
