"""Users who lend their known networks to unknown logins.

In a network that many users signed in from, most logins have two buckets of failed entries: one for that network and
one for strangers. With a single bucket an unknown login would be recognised. So in each network it is treated like one
of the users whose logins are near. Its answers then follow the same distribution as those of a random user, in every
mixture of networks.

The key of the store decides which of them it is, so the choice cannot be predicted. A user who is added or renamed near
a login changes its choice with a probability of one in `2 * MOST_NEAR` only.
"""

from __future__ import annotations

from secconsole.domain.users.login import login_key
from secconsole.service.context import Context
from secconsole.store.users import keys_near

MOST_NEAR = 128  # users on either side: so many that hardly any login follows the sign-ins of one user
NOBODY = 0  # no user has this key; looking it up takes as long as that of a user


def stand_in_of(context: Context, tenant_pk: int, login: str) -> int:
    """Return the internal key of the stand-in for a login, or `NOBODY` in a tenant without users.

    For an existing login it takes as long.
    """
    key = login_key(login)
    near = keys_near(context.connection, tenant_pk, key, MOST_NEAR)
    return max(near, key=lambda pk: context.keys.lookup(f"stand-in\0{key}\0{pk}"), default=NOBODY)
