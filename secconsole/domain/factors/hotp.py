"""Counter-based one-time passwords (RFC 4226), matched to their counter.

The counter of a token runs ahead of the server's whenever its button is pressed and the code is not used. Codes of the
next counters are accepted, and never one of a counter that was used or skipped.
"""

from __future__ import annotations

import hmac

from secconsole.domain.factors.totp import DEFAULT, TotpParameters, code_for_step, is_code
from secconsole.domain.secret import Secret

LOOK_AHEAD = 10  # RFC 4226 section 7.4: as small as the use of the tokens allows


def matching_counter(
    seed: Secret[bytes], code: str, last_used: int, parameters: TotpParameters = DEFAULT
) -> int | None:
    """Return the first of the next counters that the code matches, or None.

    Every counter of the window is compared, so that the time taken does not reveal which one matched.
    """
    if not is_code(code, parameters.digits):
        return None
    given = code.encode("ascii")
    found: int | None = None
    for counter in range(last_used + 1, last_used + 1 + LOOK_AHEAD):
        matches = hmac.compare_digest(code_for_step(seed, counter, parameters).encode("ascii"), given)
        if matches and found is None:
            found = counter
    return found
