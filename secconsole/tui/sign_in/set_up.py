"""Setting up on an empty home: the organisation and its first administrator, before there is a store.

Nothing is written until the password is accepted. The rest is offered after the sign-in that follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from secconsole.config import locations
from secconsole.config.setup_mark import begin_setup
from secconsole.config.system_errors import system_trouble
from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.secret import Secret
from secconsole.domain.tenant_name import check_tenant_name
from secconsole.domain.users.login import check_login
from secconsole.domain.users.password import SHORTEST_ALONE, check_password, rules_words
from secconsole.tui.sign_in.card import SignInCancelled
from secconsole.tui.sign_in.messages import values_of
from secconsole.tui.sign_in.new_password import ask_new_password
from secconsole.tui.text.safe import join, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, TextField, Value, cancel

if TYPE_CHECKING:
    from secconsole.tui.sign_in.card import SignInCard


async def set_up(card: SignInCard) -> Mapping[str, Value] | None:
    """Ask for organisation, login and password, create the store, and return what signs in to it.

    Going back keeps what was typed. Return None if the user leaves.
    """
    tenant = login = ""
    while names := await _ask_names(card, tenant, login):
        tenant, login = names
        card.set_title("set up", "step 2 of 2")
        note = lines(join("Password of ", (login, "bold"), ", the first administrator."), rules_words(SHORTEST_ALONE))
        buttons = [cancel("Back"), Button("create", "Create")]
        create = partial(_create, tenant, login)
        try:
            password = await ask_new_password(card, note, buttons, create, label="Password")
        except SignInCancelled:
            continue
        return {"button": "sign-in", "login": login, "password": password, "organisation": tenant}
    return None


async def _ask_names(card: SignInCard, tenant: str, login: str) -> tuple[str, str] | None:
    card.set_title("set up", "step 1 of 2")
    card.show_message(
        lines(
            f"There is no store in {locations.data_home()} yet. This creates one.",
            join("To look around first, with invented people: ", ("secconsole demo", "bold")),
        ),
        bad=False,
    )
    fields = [
        TextField(
            name="organisation", label="Organisation", needed=True, value=tenant, help="A short name, such as acme."
        ),
        TextField(name="login", label="Your login", needed=True, value=login, help="The first administrator."),
    ]
    await card.put(Form(fields, [Button("leave", "Leave", free=True), Button("next", "Go on")], focus="organisation"))
    while True:
        try:
            values = values_of(await card.entered())
        except SignInCancelled:
            continue
        if values["button"] == "leave":
            return None
        try:
            return check_tenant_name(str(values["organisation"])), check_login(str(values["login"]))
        except Invalid as error:
            card.form.set_error("login" if error.field == "login" else "organisation", error.message)


async def _create(tenant: str, login: str, password: Secret[str]) -> Secret[str]:
    """Create the store and return the password, or raise `Invalid` if it may not be used."""
    check_password(password, shortest=SHORTEST_ALONE, login=login, tenant=tenant)
    new_store = await asyncio.to_thread(import_module, "secconsole.backends.new_store")
    try:
        await new_store.create_store(tenant=tenant, admin=login, password=password)
        begin_setup()
    except OSError as error:
        raise Unavailable(system_trouble(error) or str(error)) from None
    return password
