"""Allowed networks: the list, adding and removing one, checking an address, and a change that waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.config.dates import parse_until
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import LONGEST_NETWORK, LONGEST_NOTE
from secconsole.domain.roles import Role
from secconsole.operations.base import Operation
from secconsole.operations.networks import (
    AddNetwork,
    AllowedNetwork,
    CheckNetwork,
    ConfirmNetworks,
    ListNetworks,
    NetworkChange,
    NetworkList,
    NetworkPreview,
    PreviewNetwork,
    RemoveNetwork,
    RevertNetworks,
)
from secconsole.tui.console import capturing
from secconsole.tui.screens.dialog import ConfirmDialog, Dialog
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import clock, exact, plural
from secconsole.tui.text.labelled import labelled
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, ChoiceField, Field, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_ADD, _CHECK, _CONFIRM, _REVERT = "add", "check", "confirm", "revert"
_UNTIL = "2027-01-31 or +30d, that day included. Empty: no end date."


def network_words(found: NetworkList) -> str:
    """Return the line for the Settings place."""
    if not found.items:
        return "every network is allowed"
    waits = ", a change waits" if found.pending_until else ""
    if len(found.items) == 1:
        one = found.items[0]
        return f"only {one.network}{f' ({one.note})' if one.note else ''}{waits}"
    return f"only {plural(len(found.items), 'network')}{waits}"


class NetworksDialog(PickDialog["str | None"]):
    """Returns what was picked: the id of a network, or a word for something to do.

    `why_not`: why the user may only look. `message`: what was just done.
    """

    def __init__(self, found: NetworkList, *, why_not: str = "", message: str = "") -> None:
        picks = [] if why_not else [Pick(_ADD, "Add a network")]
        picks.append(Pick(_CHECK, "Check an address"))
        if found.pending_until and not why_not:
            picks += [Pick(_CONFIRM, "Confirm the change that waits"), Pick(_REVERT, "Undo the change that waits")]
        picks += [Pick(one.id, f"{one.network}  {one.note}", _about(one)) for one in found.items]
        super().__init__("Allowed networks", _list_words(found, why_not, message), picks, back="Close")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class AddNetworkDialog(SubmitDialog["NetworkChange | None"]):
    """Adds a network, after its effect was shown if it refuses anyone."""

    def __init__(self) -> None:
        roles = [("", "all roles"), *((str(role), str(role)) for role in Role)]
        fields: list[Field] = [
            TextField(
                name="network",
                label="Network",
                needed=True,
                max_length=LONGEST_NETWORK,
                help="10.0.0.0/8, 2001:db8::/32, an address, or local.",
            ),
            TextField(name="note", label="Note", max_length=LONGEST_NOTE, help="Its name or purpose: office."),
            ChoiceField(name="role", label="For", options=roles, help="left and right choose who it is for."),
            TextField(name="until", label="Until", max_length=40, help=_UNTIL),
            CheckField(
                name="no_challenge",
                label="Factor",
                text="not asked for from there",
                help="Space changes it. Binding one is still asked.",
            ),
        ]
        super().__init__("Add a network", "", fields, [cancel(), Button("add", "Add")], focus="network")

    async def submit(self, button: str, values: Values) -> NetworkChange | None:
        tenant, network = self.app.tenant, str(values["network"])
        roles = (Role(str(values["role"])),) if values["role"] else ()
        until = parse_until(str(values["until"]), self.app.clock())
        try:
            preview = await self.app.perform(PreviewNetwork(tenant=tenant, network=network, roles=roles))
        except Invalid as error:
            raise Invalid(error.message, "network") from None
        adding = AddNetwork(
            tenant=tenant,
            network=network,
            note=str(values["note"]),
            roles=roles,
            until=until,
            no_challenge=bool(values["no_challenge"]),
        )
        typed = await typed_name(self.app, f"Add {preview.network}", preview, adding)
        return None if typed is None else await self.app.perform(replace(adding, confirm=typed))


class NetworkDialog(Dialog[bool]):
    """Shows one network.

    Returns True to remove it.
    """

    cancelled = False

    def __init__(self, one: AllowedNetwork, *, why_not: str = "") -> None:
        rows: list[Part] = [
            labelled("Network", one.network),
            labelled("Note", one.note or "none"),
            labelled("For", ", ".join(one.roles) or "all roles"),
            labelled("Until", exact(one.until - timedelta(seconds=1)) if one.until else "no end date"),
            labelled("Factor", "not asked for from there" if one.no_challenge else "asked for as the policy says"),
            labelled("Added", f"{exact(one.created)} by {one.by}", "$muted"),
        ]
        if one.pending_until:
            does = "removed" if one.leaving else "added"
            end = clock(one.pending_until)
            rows.append(labelled("Waits", f"{does}, and undone at {end} unless confirmed", "$danger"))
        self._one, self._removes = one, not why_not and not one.leaving
        buttons = [cancel("Close")]
        if why_not:
            rows += ["", (f"Read-only. {why_not}", "$muted")]
        elif not one.leaving:
            buttons.append(Button("remove", "Remove", danger=True))
        super().__init__("Allowed network", lines(*rows), (), buttons, focus="cancel")

    async def operation_now(self) -> Operation[object] | None:
        if not self._removes:
            return await super().operation_now()
        return RemoveNetwork(tenant=self.app.tenant, network=self._one.id)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(True)


class CheckAddressDialog(Dialog[None]):
    """Checks addresses and users until it is closed."""

    def __init__(self, login: str) -> None:
        fields = [
            TextField(name="address", label="Address", needed=True, max_length=45, help="203.0.113.9, or local."),
            TextField(name="login", label="User", needed=True, value=login, max_length=256),
        ]
        buttons = [cancel("Close"), Button("check", "Check")]
        super().__init__("Check an address", "May a user sign in from there?", fields, buttons, focus="address")

    async def operation_now(self) -> Operation[object] | None:
        if not self.form.check():
            return None
        address, login = str(self.form.values["address"]), str(self.form.values["login"])
        return CheckNetwork(tenant=self.app.tenant, user=login, address=address)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        address, login = str(event.values["address"]), str(event.values["login"])
        self.start_work(lambda: self._check(address, login))

    async def _check(self, address: str, login: str) -> None:
        try:
            found = await self.app.perform(CheckNetwork(tenant=self.app.tenant, user=login, address=address))
        except Invalid as error:
            self.form.set_error(error.field or "address", error.message)
        except SecconsoleError as error:
            self.app.notify_failed(error)
        else:
            verdict = ("Allowed. ", "$status-bound") if found.allowed else ("Refused. ", "$danger")
            self.form.keep()
            self.set_body(lines(join((found.login, "bold"), f" from {found.address}"), join(verdict, found.message)))


async def typed_name(app: Console, title: str, preview: NetworkPreview, does: AddNetwork | RemoveNetwork) -> str | None:
    """Return what confirms a change for the service, or None if the user cancels.

    A change that refuses no user and opens nothing needs no confirmation, and one that shuts out the user needs the
    tenant's name.
    """
    if preview.you_allowed and not preview.refused and not preview.opens:
        return ""
    name = "" if preview.you_allowed else app.tenant
    if capturing.get():  # only the command is asked for
        return name
    verb = title.partition(" ")[0]
    dialog = ConfirmDialog(title, _effect(preview), verb, danger=True, type_to_confirm=name, does=does)
    return name if await app.ask(dialog) else None


async def manage_networks(app: Console, *, why_not: str = "") -> None:
    """Show the networks, and do what is picked until the user closes the list or is shut out."""
    message = ""
    while True:
        found = await app.perform(ListNetworks(tenant=app.tenant))
        picked = await app.ask(NetworksDialog(found, why_not=why_not, message=message))
        if picked is None:
            return
        changed, message = None, ""
        if picked == _CHECK:
            await app.ask(CheckAddressDialog(app.identity.login))
        elif picked == _ADD:
            changed = await app.ask(AddNetworkDialog())
        elif picked == _CONFIRM:
            await app.perform(ConfirmNetworks(tenant=app.tenant))
            message = "The change is confirmed and stays."
        elif picked == _REVERT:
            await app.perform(RevertNetworks(tenant=app.tenant))
            message = "The change is undone."
        else:
            changed = await _look_at(app, next(one for one in found.items if one.id == picked), why_not)
        if changed is not None and changed.pending_until:
            undone = f"It is undone at {clock(changed.pending_until)}, unless you sign in from an allowed network."
            app.notify_done(f"{_done(changed.network)}\n{undone}")
            return
        message = message or (_done(changed.network) if changed is not None else "")


async def _look_at(app: Console, one: AllowedNetwork, why_not: str) -> NetworkChange | None:
    if not await app.ask(NetworkDialog(one, why_not=why_not)):
        return None
    preview = await app.perform(PreviewNetwork(tenant=app.tenant, network=one.id, remove=True))
    removing = RemoveNetwork(tenant=app.tenant, network=one.id)
    typed = await typed_name(app, f"Remove {one.network}", preview, removing)
    return None if typed is None else await app.perform(replace(removing, confirm=typed))


def _done(one: AllowedNetwork) -> str:
    return f"{one.network} is {'no longer listed' if one.leaving else 'allowed now'}."


def _effect(preview: NetworkPreview) -> Content:
    rows: list[Part] = []
    if preview.refused:
        more = ", …" if preview.refused > len(preview.logins) else ""
        people = plural(preview.looked_at, "user")
        rows.append(f"Of the {people} who signed in last, {preview.refused:,} would be refused:")
        rows += [f"{', '.join(preview.logins)}{more}"]
    if preview.opens:
        rows += [(preview.opens_words, "$danger")]
    if not preview.you_allowed:
        rows += ["", (f"You would be shut out: {preview.address or 'your address'} would not be allowed.", "$danger")]
        rows += [
            "Your console stops working from here. After five minutes the change is",
            "undone, unless you sign in from a network that is allowed then.",
        ]
    return lines(*rows)


def _list_words(found: NetworkList, why_not: str, message: str) -> Content:
    rows: list[Part] = [(message, "$status-bound")] if message else []
    if found.items:
        rows.append("Sign-ins from other networks are refused, like a wrong password.")
    else:
        rows.append("No network is listed: every network is allowed.")
    if found.pending_until:
        rows.append((f"A change is undone at {clock(found.pending_until)} unless it is confirmed.", "$danger"))
    if why_not:
        rows.append((f"Read-only. {why_not}", "$muted"))
    return lines(*rows)


def _about(one: AllowedNetwork) -> str:
    parts: Sequence[str] = (
        ", ".join(one.roles) or "all roles",
        f"until {exact(one.until - timedelta(seconds=1))}" if one.until else "",
        "factor not asked" if one.no_challenge else "",
        ("waits to be removed" if one.leaving else "waits to be confirmed") if one.pending_until else "",
    )
    return " · ".join(part for part in parts if part)
