"""Names of tenants."""

from __future__ import annotations

import re

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_TENANT

_FORM = re.compile(r"[\w][\w.\- ]*\Z")


def check_tenant_name(name: str) -> str:
    """Return a tenant's name fit to be stored, or raise `Invalid` with the reason."""
    stripped = name.strip()
    if len(name) > LONGEST_TENANT or not _FORM.match(stripped):
        raise Invalid(
            f"A tenant's name must be 1 to {LONGEST_TENANT} letters, digits, dots, dashes and spaces.", "name"
        )
    return stripped
