"""What tokens may do: named here operation by operation, so that none comes to it by being declared."""

from __future__ import annotations

from itertools import product

from secconsole.domain.roles import Permission, Role, may
from secconsole.domain.scope import Scope, may_have, scope_for
from secconsole.operations.base import OPERATIONS
from tests.examples import AREAS

READ = """
    account.rules audit.list audit.verify delivery.show factor.list policy.explain policy.preview policy.show
    secret-key.show session.list tenant.adoption tenant.list token.list token.list-all user.count user.list
    user.position user.show whitelist.list who-am-i
""".split()


def test_a24_a_token_may_do_what_is_named_here_and_nothing_else() -> None:
    assert AREAS
    found = {name: kind.spec.scope for name, kind in OPERATIONS.items() if kind.spec.scope is not None}
    assert found == {**dict.fromkeys(READ, Scope.READ), "verify": Scope.VERIFY}


def test_a24_what_is_guarded_or_writes_is_for_people() -> None:
    for permission, writes in product(Permission, (False, True)):
        assert scope_for(permission, writes=writes, guarded=True) is None
        if writes and permission is not Permission.VERIFY:
            assert scope_for(permission, writes=writes, guarded=False) is None


def test_a_scope_never_exceeds_a_role() -> None:
    for role in Role:
        assert may_have(role, Scope.READ)
        assert may_have(role, Scope.VERIFY) == may(role, Permission.VERIFY)
