"""The scopes of tokens, listed here by operation, so that a declaration alone adds none."""

from __future__ import annotations

from itertools import product

from secconsole.domain.roles import Permission, Role, may
from secconsole.domain.scope import Scope, may_have, scope_for
from secconsole.operations import load_all
from secconsole.operations.base import OPERATIONS

load_all()

READ = """
    account.rules alert.list alert.rule.list alert.rule.try alert.show approval.list audit-retention.show
    audit-stream.list audit.check-heads audit.head audit.list audit.verify delivery.show factor.list factor.show
    job.list job.show network.check network.list network.preview policy.explain policy.preview policy.show
    secret-key.list secret-key.show session.list step-up.sending tenant.adoption tenant.history tenant.list token.list
    token.list-all user.count user.list user.position user.show whitelist.list who-am-i
""".split()


def test_a24_a_token_may_do_only_the_listed_operations() -> None:
    found = {name: kind.spec.scope for name, kind in OPERATIONS.items() if kind.spec.scope is not None}
    assert found == {**dict.fromkeys(READ, Scope.READ), "verify": Scope.VERIFY, "challenge.start": Scope.CHALLENGE}


def test_a24_writes_and_guarded_operations_are_for_people() -> None:
    for permission, writes in product(Permission, (False, True)):
        assert scope_for(permission, writes=writes, guarded=True) is None
        if writes and permission not in (Permission.VERIFY, Permission.CHALLENGE):
            assert scope_for(permission, writes=writes, guarded=False) is None


def test_a_scope_never_exceeds_a_role() -> None:
    for role in Role:
        assert may_have(role, Scope.READ)
        assert may_have(role, Scope.VERIFY) == may(role, Permission.VERIFY)
        assert not may_have(role, Scope.CHALLENGE)
