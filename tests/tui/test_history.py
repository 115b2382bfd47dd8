"""What was done here can be seen, undone and copied as a command, which holds no secret and nothing to run."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import click
import pytest

from secconsole.cli.app import cli
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations import load_all
from secconsole.operations.audit import ListAudit
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, RenameUser
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.operations.whitelist import AddToWhitelist, RemoveFromWhitelist
from secconsole.tui.screens.history import DoneDialog, HistoryDialog
from secconsole.tui.screens.users.unbind import UnbindDialog
from secconsole.tui.screens.users.undo import UndoDialog
from secconsole.tui.text.command_templates import TEMPLATES
from secconsole.tui.text.commands import command_line
from secconsole.tui.text.entry_commands import operation_of
from tests.examples import example_of
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users import on, opened

load_all()


def parsed(line: str) -> dict[str, Any]:
    """Return the parameters that the command line reads from a line."""
    words = shlex.split(line)
    assert words.pop(0) == "secconsole"
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    return dict(command.make_context("command", [word for word in words if "--tenant" not in word]).params)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_copied_command_is_one_that_the_command_line_reads(name: str) -> None:
    assert parsed(command_line(example_of(name))) is not None


def test_no_template_has_a_field_with_a_secret() -> None:
    for name, template in TEMPLATES.items():
        example = example_of(name)
        hidden = [f.name for f in fields(example) if isinstance(getattr(example, f.name), Secret)]
        hidden += [f.name for f in fields(OPERATIONS[name]) if "Secret" in str(f.type) or "Password" in str(f.type)]
        assert [field for field in hidden if f"{{{field}}}" in template] == [], name


def test_a_copied_command_is_one_line_with_the_same_arguments() -> None:
    reason = "lost; rm -rf ~ $(id) `id` 'x'\nreboot\x1b[2J"
    line = command_line(Unbind(tenant="a c", users=("ana", "bob"), reason=reason, ticket="-1"))
    assert "\n" not in line
    assert "\x1b" not in line
    read = parsed(line)
    assert (read["logins"], read["ticket"]) == (("ana", "bob"), "-1")
    assert read["reason"].startswith("lost; rm -rf ~ $(id) `id` 'x'")
    assert "--tenant='a c'" in line
    assert parsed(command_line(DisableUser(tenant="acme", user="-x")))["logins"] == ("-x",)
    cleared = command_line(RenameUser(tenant="acme", user="ana", phone=""))
    assert (parsed(cleared)["phone"], parsed(cleared)["email"]) == ("", None)
    created = command_line(CreateUser(tenant="acme", login="eve", password=Secret("correct horse")))
    assert "horse" not in created


async def test_entries_of_the_audit_are_copied_as_commands_that_do_the_same(organisation: Organisation) -> None:
    user = (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).user.id
    until = organisation.clock.at() + timedelta(days=3)
    unbound = await organisation.perform(Unbind(tenant=TENANT, users=(user,), reason="lost", ticket="T-1"))
    done: list[Operation[Any]] = [
        UndoUnbind(tenant=TENANT, event=unbound.event, users=(user,), reason="found"),
        AddToWhitelist(tenant=TENANT, users=(user,), reason="on leave", until=until),
        RemoveFromWhitelist(tenant=TENANT, users=(user,)),
        ChangeRole(tenant=TENANT, user=user, role=Role.AUDITOR),
        DisableUser(tenant=TENANT, user=user, reason="left"),
        EnableUser(tenant=TENANT, user=user),
    ]
    for operation in done:
        await organisation.perform(operation)
    entries = (await organisation.perform(ListAudit(tenant=TENANT, user=user, limit=len(done) + 1))).items
    found = [operation_of(entry, TENANT) for entry in reversed(entries)]
    assert found == [Unbind(tenant=TENANT, users=(user,), reason="lost", ticket="T-1"), *done]
    assert operation_of(replace(entries[0], outcome="refused"), TENANT) is None
    assert operation_of(replace(entries[0], entries=2), TENANT) is None  # names only one of its users


async def test_h_shows_what_was_done_here_and_before_and_undoes_it(
    console: OpenConsole, organisation: Organisation
) -> None:
    await organisation.perform(CreateUser(tenant=TENANT, login="dora"))
    app = await console("hana", place="users")
    copied: list[str] = []
    async with app.run_test(size=(100, 30)) as pilot:
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        bob = place.person
        assert bob is not None
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnbindDialog))
        await pilot.press("ctrl+y")
        await until(pilot, lambda: "Reason is needed" in screen_text(app) and not app.keys_held)
        assert not copied
        assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).user.status is BindingStatus.BOUND
        await pilot.press(*"lost", "ctrl+y")
        await until(pilot, lambda: bool(copied))
        assert copied[-1] == f"secconsole unbind {bob.id} --reason=lost --tenant=acme"
        assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).user.status is BindingStatus.BOUND
        await pilot.press("enter", "enter", "enter")
        await until(pilot, lambda: app.screen is place)
        await settled(pilot)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, HistoryDialog))
        assert "1 in this session" in screen_text(app)
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, DoneDialog))
        assert "unbound: bob" in screen_text(app)
        await pilot.press("right", "enter")
        await until(pilot, lambda: len(copied) == 2)
        assert copied[1] == copied[0]
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(app.screen, UndoDialog))
        await pilot.press(*"found", "enter")
        await until(pilot, lambda: isinstance(app.screen, HistoryDialog))
        assert "2 in this session" in screen_text(app)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="bob"))).user.status is BindingStatus.BOUND
    undone = (await organisation.perform(ListAudit(tenant=TENANT, action="unbind.undone"))).items[0]
    assert undone.reason == "found"
    assert replace(undone).actor == "hana"
