"""The organisation's name, typed to confirm what concerns all of its users."""

from __future__ import annotations

from secconsole.domain.errors import Invalid
from secconsole.tui.screens.submit_dialog import Values
from secconsole.tui.widgets.form_fields import TextField

_NAME = "word"


def name_field(tenant: str) -> TextField:
    return TextField(name=_NAME, label="Organisation", needed=True, help=f"Type {tenant} to confirm that you mean it.")


def check_name(values: Values, tenant: str) -> None:
    """Raise `Invalid` if another name was typed."""
    if str(values[_NAME]).strip().casefold() != tenant.casefold():
        raise Invalid(f"That is not {tenant}.", _NAME)
