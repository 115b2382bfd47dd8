"""Choosing the tenant to work in, for those who look after all of them."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.operations.tenants import Tenant
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, cancel
from secconsole.tui.words import plural


class TenantDialog(Dialog[str]):
    """The name of the one chosen, or nothing."""

    cancelled = ""

    def __init__(self, tenants: Sequence[Tenant], now: str) -> None:
        options = [(t.name, f"{t.name}   {plural(t.users, 'user')}, policy {t.policy}") for t in tenants]
        field = ChoiceField(name="tenant", label="Tenant", options=options, value=now)
        super().__init__(
            "Work in another tenant", "left and right choose.", [field], [cancel(), Button("go", "Go there")],
            focus="tenant",
        )  # fmt: skip

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(str(event.values["tenant"]))
