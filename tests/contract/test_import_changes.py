"""Imports change users like the single operations do, in search and in the audit in its order."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa

from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser, ListUsers, ShowUser
from secconsole.service.handlers.users.import_lines import Lines
from secconsole.store.rows import UserRecord
from secconsole.store.users import user_by_name
from tests.organisation import TENANT, Organisation

BEFORE = tuple(NewUser(n, f"u{n}", f"First Name{n}", f"u{n}@acme.example") for n in range(2, 8))
AFTER = (
    NewUser(2, "u2", "Zoë Wu"),
    NewUser(3, "u3", "", "zed@acme.example"),
    NewUser(4, "u4", "Zoë Wu", "wu4@faß.example", "+420 601 123 456"),
    NewUser(5, "u5", "First Name5", "u5@acme.example"),
    NewUser(6, "u6", phone="+420601123457"),
    NewUser(7, "u7", "Zoë Li", "li@acme.example"),
)


async def found(organisation: Organisation, word: str) -> list[str]:
    page = await organisation.perform(ListUsers(tenant=TENANT, filter=UserFilter(words=(word,))))
    return sorted(user.login for user in page.items)


@pytest.mark.parametrize("all_or_nothing", [False, True])
async def test_changed_users_are_found_by_their_new_values(organisation: Organisation, all_or_nothing: bool) -> None:
    await organisation.perform(ImportUsers(tenant=TENANT, users=BEFORE))
    done = await organisation.perform(ImportUsers(tenant=TENANT, users=AFTER, all_or_nothing=all_or_nothing))
    assert (done.updated, done.unchanged, done.rejected) == (5, 1, ())
    assert await found(organisation, "zoe") == ["u2", "u4", "u7"]
    assert await found(organisation, "wu") == ["u2", "u4"]
    assert await found(organisation, "zed@acme") == ["u3"]
    assert await found(organisation, "601123") == ["u4", "u6"]
    assert await found(organisation, "first") == ["u3", "u5", "u6"]
    assert await found(organisation, "u7@acme") == []


async def test_each_new_address_is_in_the_audit_in_the_order_of_the_lines(organisation: Organisation) -> None:
    await organisation.perform(ImportUsers(tenant=TENANT, users=BEFORE))
    await organisation.perform(ImportUsers(tenant=TENANT, users=AFTER))
    page = await organisation.perform(ListAudit(tenant=TENANT, limit=4))
    assert [(e.action, e.target) for e in reversed(page.items)] == [
        ("account.contact-changed", "u3"),
        ("account.contact-changed", "u4"),
        ("account.contact-changed", "u7"),
        ("user.imported", ""),
    ]
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


async def test_roles_of_new_and_old_users_are_in_the_audit(organisation: Organisation) -> None:
    await organisation.perform(CreateUser(tenant=TENANT, login="old"))
    lines = (NewUser(2, "old", role="helpdesk"), NewUser(3, "new", role="auditor"), NewUser(4, "plain", role="user"))
    await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    page = await organisation.perform(ListAudit(tenant=TENANT, limit=3))
    assert [(e.action, e.target) for e in reversed(page.items)] == [
        ("user.created", "new"),
        ("user.role-changed", "old"),
        ("user.imported", ""),
    ]
    shown = [(await organisation.perform(ShowUser(tenant=TENANT, user=login))).user.role for login in ("old", "plain")]
    assert shown == ["helpdesk", "user"]
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


async def test_prepared_search_text_is_used_only_for_the_state_it_was_prepared_for(organisation: Organisation) -> None:
    """A result prepared before the transaction is used only for the user and state that it was prepared for."""
    lines = Lines()
    await organisation.perform(CreateUser(tenant=TENANT, login="u3", name="Before"))

    def user(connection: sa.Connection) -> UserRecord:
        found = user_by_name(connection, 1, "u3")
        assert found is not None
        return found

    before = await asyncio.wrap_future(organisation.backend.store.read(user))
    change = {"email": "zed@acme.example"}
    first = lines.derived_for(1, before, change)
    after = replace(before, name="Renamed Meanwhile")
    second = lines.derived_for(1, after, change)
    assert "before" in str(first["search_key"])
    assert "renamed" in str(second["search_key"])
    assert "before" not in str(second["search_key"])
    assert lines.derived_for(1, before, change) is first
    assert set(first) == {"search_key"}
