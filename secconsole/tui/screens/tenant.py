"""Choosing the tenant to work in."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.operations.tenants import Tenant
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.text.format import plural
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, cancel


class TenantDialog(Dialog[str]):
    """Returns the name of the tenant chosen, or an empty string."""

    cancelled = ""

    def __init__(self, tenants: Sequence[Tenant], now: str) -> None:
        options = [(t.name, f"{t.name}   {plural(t.users, 'user')}, policy {t.policy}") for t in tenants]
        field = ChoiceField(name="tenant", label="Tenant", options=options, value=now)
        super().__init__(
            "Work in another tenant",
            "left and right choose.",
            [field],
            [cancel(), Button("go", "Switch")],
            focus="tenant",
        )

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(str(event.values["tenant"]))
