"""Keys of each place by role: those that a role can never use are not in the footer, and say why if pressed."""

from __future__ import annotations

import pytest

from secconsole.domain.roles import Role, may
from secconsole.tui.screens.place import Place
from secconsole.tui.widgets.hints import Hints
from tests.tui.conftest import OpenConsole, settled, until
from tests.tui.test_actions import BUILT

LOGINS = {Role.HELPDESK: "hana", Role.AUDITOR: "aida", Role.TENANT_ADMIN: "tomas"}


@pytest.mark.parametrize("name", [name for name in BUILT if name != "inbox"])
@pytest.mark.parametrize("role", list(LOGINS))
async def test_the_footer_has_only_keys_that_the_role_may_use(console: OpenConsole, role: Role, name: str) -> None:
    app = await console(LOGINS[role], place=name)
    async with app.run_test(size=(200, 60), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Place))
        await settled(pilot)
        place = app.screen
        assert isinstance(place, Place)
        shown = {hint.action.id for hint in place.query_one(Hints)._hints}
        for action in place.actions:
            spec = action.operation.spec if action.operation is not None else None
            able = spec is None or may(role, spec.permission) or (spec.own and action.id != "users.enroll")
            assert able or action.id not in shown, action.id
            assert able or place.reason(action), action.id
            assert action.id != "everywhere.tenant" or action.id not in shown
        assert shown & {action.id for action in place.ACTIONS}
