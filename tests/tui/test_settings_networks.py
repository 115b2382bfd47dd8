"""Allowed networks in the Settings place: list, add, remove, check, and a change that shuts out its author."""

from __future__ import annotations

from textual.pilot import Pilot

from secconsole.domain.roles import Role
from secconsole.operations.networks import AddNetwork, AllowedNetwork, ListNetworks
from secconsole.tui.app import SecConsole
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.settings.networks import (
    AddNetworkDialog,
    CheckAddressDialog,
    NetworkDialog,
    NetworksDialog,
)
from secconsole.tui.screens.settings.settings import Settings
from tests.tui.conftest import OpenConsole, Organisation, screen_text, until
from tests.tui.test_settings_delivery import SIZE, on_top, ready, screen_words, type_in


async def listed(organisation: Organisation) -> tuple[AllowedNetwork, ...]:
    found: tuple[AllowedNetwork, ...] = (await organisation.perform(ListNetworks(tenant="acme"))).items
    return found


async def open_networks(app: SecConsole, pilot: Pilot[int]) -> None:
    await ready(app, pilot)
    await pilot.press("n")
    await on_top(app, pilot, NetworksDialog)


async def test_a_network_is_added_checked_and_removed(console: OpenConsole, organisation: Organisation) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        assert "n Networks every network is allowed" in screen_words(app)
        await open_networks(app, pilot)
        assert "No network is listed: every network is allowed." in screen_words(app)
        await pilot.press("1")
        await on_top(app, pilot, AddNetworkDialog)
        await type_in(pilot, "10.0.0.5/8")
        await pilot.press("enter", "enter", "enter", "enter", "tab", "right", "enter")
        await until(pilot, lambda: "Enter the network: 10.0.0.0/8" in screen_words(app))
        await pilot.press("ctrl+u")
        await type_in(pilot, "10.0.0.0/8")
        await pilot.press("tab")
        await type_in(pilot, "office")
        await pilot.press("tab", "tab", "tab", "tab", "right", "enter")
        await on_top(app, pilot, NetworksDialog)
        assert "3 10.0.0.0/8 office all roles" in screen_words(app)
        await pilot.press("2")
        await on_top(app, pilot, CheckAddressDialog)
        await type_in(pilot, "203.0.113.9")
        await pilot.press("tab", "tab", "right", "enter")
        await until(pilot, lambda: "Refused. 203.0.113.9 is in no network" in screen_words(app))
        await pilot.press("escape")
        await on_top(app, pilot, NetworksDialog)
        await pilot.press("3")
        await on_top(app, pilot, NetworkDialog)
        assert "Factor asked for as the policy says" in screen_words(app)
        await pilot.press("enter")  # the focus is on Close
        await on_top(app, pilot, NetworksDialog)
        assert [one.network for one in await listed(organisation)] == ["10.0.0.0/8"]
        await pilot.press("3")
        await on_top(app, pilot, NetworkDialog)
        await pilot.press("right", "enter")
        await on_top(app, pilot, ConfirmDialog)
        assert "Without it, every network is allowed for everyone." in screen_words(app)
        await pilot.press("enter")  # the focus is on Cancel
        await on_top(app, pilot, NetworksDialog)
        assert [one.network for one in await listed(organisation)] == ["10.0.0.0/8"]
        await pilot.press("3")
        await on_top(app, pilot, NetworkDialog)
        await pilot.press("right", "enter")
        await on_top(app, pilot, ConfirmDialog)
        await pilot.press("right", "enter")
        await until(pilot, lambda: "10.0.0.0/8 is no longer listed." in screen_words(app))
    assert await listed(organisation) == ()


async def test_a27_a_change_that_shuts_out_its_author_needs_the_tenants_name(
    console: OpenConsole, organisation: Organisation
) -> None:
    app = await console("root", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await open_networks(app, pilot)
        await pilot.press("1")
        await on_top(app, pilot, AddNetworkDialog)
        await type_in(pilot, "local")
        await pilot.press("tab", "tab", "right", "right", "tab", "tab", "tab", "right", "enter")  # for tenant-admin
        await on_top(app, pilot, ConfirmDialog)
        assert "You would be shut out: local would not be allowed." in screen_words(app)
        await pilot.press("enter")  # the focus is on Cancel
        await on_top(app, pilot, NetworksDialog)
        assert await listed(organisation) == ()
        await pilot.press("1")
        await on_top(app, pilot, AddNetworkDialog)
        await type_in(pilot, "local")
        await pilot.press("tab", "tab", "right", "right", "tab", "tab", "tab", "right", "enter")
        await on_top(app, pilot, ConfirmDialog)
        await pilot.press("up")
        await type_in(pilot, "acme")
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: "network not allowed" in screen_text(app))
        assert any("It is undone at" in notice.message for notice in app._notifications)
    (one,) = await listed(organisation)
    assert (one.network, one.roles) == ("local", (Role.TENANT_ADMIN,))
    assert one.pending_until is not None
    organisation.clock.forward(5 * 60)
    assert await listed(organisation) == ()


async def test_a_change_that_waits_is_shown_and_undone(console: OpenConsole, organisation: Organisation) -> None:
    root = await organisation.signed_in("root")
    await root.perform(AddNetwork(tenant="acme", network="local", roles=(Role.TENANT_ADMIN,), confirm="acme"))
    await root.close()
    app = await console("tomas", place="settings")
    async with app.run_test(size=SIZE) as pilot:
        await ready(app, pilot)
        assert "n Networks only local, a change waits" in screen_words(app)
        await open_networks(app, pilot)
        assert "unless it is confirmed" in screen_words(app)
        assert "tenant-admin · waits to be confirmed" in screen_words(app)
        await pilot.press("4")
        await until(pilot, lambda: "The change is undone." in screen_words(app))
    assert await listed(organisation) == ()


async def test_an_auditor_looks_and_checks(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(AddNetwork(tenant="acme", network="10.0.0.0/8", note="office", no_challenge=True))
    app = await console("aida", place="settings")
    async with app.run_test(size=(60, 16)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Settings) and "Factor kinds" in screen_words(app))
        await pilot.press("n")
        await on_top(app, pilot, NetworksDialog)
        assert "1 Check an address" in screen_words(app)
        assert "Add a network" not in screen_words(app)
        await pilot.press("2")
        await on_top(app, pilot, NetworkDialog)
        assert "Factor not asked for from there" in screen_words(app)
        assert "Remove" not in screen_words(app)
