"""The role table: every operation, by every kind of caller, on every kind of target.

What is expected follows from what is declared (permission, scope, rank) by the short model in `_expected`, which shares
no code with the service. Everything happens in one transaction on a small store, and is rolled back after each case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from secconsole.config import locations
from secconsole.domain.roles import Permission, Role, may, rank
from secconsole.operations.base import OPERATIONS, Operation, Spec
from secconsole.service.pipeline import Service
from secconsole.store.sealing.keys import KeyRing
from tests.contract.role_world import (
    ALERTS,
    HELPDESK_ONLY,
    OTHER,
    STREAM,
    Caller,
    Filling,
    OneTransaction,
    Target,
    World,
    names_of,
)
from tests.examples import example_of
from tests.extent import stride
from tests.organisation import cheap_passwords, organisation_in

WITHOUT_PROOF = {"session.end", "session.end-others", "token.revoke"}  # for a user's own; for others' it is checked
IN_OTHER_TENANTS = {"user.create", "user.import"}  # a proof is asked for there
# Even permitted callers have nothing to apply these to here.
IN_VAIN = {
    "caller-check.confirm": "without an open check",
    "account.cancel-mfa": "without a factor",
    "account.keep-factor": "as platform administrator",
    "network.confirm": "while no change waits",
    "network.revert": "while no change waits",
    "recovery.create": "without a factor",
    "recovery.view": "without a factor",
    "user.remind": "to the caller, who has a factor or needs none",
    "token.create": "for a tenant that is not the caller's",
}
NEVER = {
    "caller-check.confirm": "no check is open",
    **dict.fromkeys(("job.advance", "job.cancel", "job.pause", "job.resume", "job.retry"), "see test_jobs"),
    "job.show": "see test_jobs",
    "network.confirm": "no change waits",
    "network.revert": "no change waits",
    "sign-in.bind": "there is no such sign-in",
    "sign-in.mail-key": "there is no such sign-in",
    "sign-in.sending": "there is no such sign-in",
    "step-up.send-code": "no address is bound",
}
# Said here once more, so that a change of a declaration is noticed.
NOT_TO_PEERS = {
    *("bypass.issue", "user.reset-password", "recovery.create"),
    *("factor.enroll", "factor.confirm", "factor.mail-key"),
}
TO_EQUALS = {
    "incident.send-advice",
    "verify",
    "session.end",
    "session.end-others",
    "token.revoke",
    "bypass.revoke",
    "approval.deny",
}
LIKE = (
    ("other tenant's in own", "unknown in own"),
    ("other tenant", "unknown tenant"),
    ("a factor with no address", "unknown factor"),
)


def _expected(kind: type[Operation[Any]], caller: Caller, target: Target) -> str:
    """Return what has to come of it: the model."""
    spec: Spec = kind.spec
    names = names_of(kind)
    if caller.role is None:
        return "not-signed-in"
    if caller.scopes is not None and (spec.scope is None or spec.scope not in caller.scopes):
        return "not-allowed"
    rules_all = caller.everywhere or caller.role is Role.PLATFORM_ADMIN
    if target.tenant == "nowhere" or (target.tenant == OTHER and not rules_all):
        return "not-found"
    program = spec.permission is Permission.CHALLENGE and not caller.login
    permitted, own = may(caller.role, spec.permission) or program, bool(target.login) and target.login == caller.login
    many = "users" in names and spec.name != "user.import"
    if not permitted and not (spec.own and own):
        return "not-allowed"
    if target.login == "?" and not many:
        return "not-found"
    top = rank(caller.role) >= rank(Role.TENANT_ADMIN)
    peer = caller.role is target.role is Role.PLATFORM_ADMIN and not caller.everywhere
    below = caller.everywhere or rank(caller.role) > rank(target.role)
    allowed = below or own or (peer and spec.name not in NOT_TO_PEERS)
    allowed = allowed or (spec.name in TO_EQUALS and top and caller.role is target.role)
    if many:
        proof_wanted = spec.step_up == "always" and not caller.proved
        if target.login == "?" and spec.name == "unbind.undo" and not proof_wanted:
            return "not-found"
        if proof_wanted:
            return "step-up-needed"
        if spec.name == "job.start":  # each user is decided about later
            return "not-found" if target.login == "?" else "done"
        others_only = spec.others_only or spec.name == "job.preview"  # of the single operation
        out = target.login == "?" or (own and others_only) or not allowed
        return "left-out" if out or (peer and not own and spec.name == "unbind") else "done"
    if spec.on_lower and target.login and not allowed:
        return "not-allowed"
    if spec.others_only and own:
        return "not-allowed"
    asked = spec.step_up == "always" or (spec.name in WITHOUT_PROOF and not own)
    asked = asked or (spec.name in IN_OTHER_TENANTS and target.tenant == OTHER and not caller.everywhere)
    if asked and not caller.proved:
        return "step-up-needed"
    if spec.name == "factor.remove" and peer and not own and target.login.endswith("-b"):
        return "not-allowed"  # the last factor, which only unbinding takes
    if peer and spec.name in ("user.reset", "user.role"):
        return "not-allowed"  # without an approval
    return "not-found" if "job" in names else "done"


def _asked(kind: type[Operation[Any]], target: Target) -> Operation[Any]:
    names = names_of(kind)
    values = {name: value for name, value in target.values.items() if name in names}
    if kind.spec.name != "unbind.undo":
        values.pop("event", None)
    else:
        values.pop("users", None)
    if "tenant" in names:
        values["tenant"] = target.tenant
    if kind.spec.name in ("audit-stream.test", "audit-stream.remove"):
        values["stream"] = STREAM
    if kind.spec.name == "network.remove":
        values["network"] = HELPDESK_ONLY
    if "alert" in names:
        values["alert"] = ALERTS.get(target.tenant, "unknown")
    if kind.spec.name == "user.create":
        values["login"] = "newcomer"
    if kind.spec.name == "delivery.set-twilio":
        values["sender"] = "+15005550006"
    if kind.spec.name == "delivery.try":
        values["to"] = "+420601123456"
    if kind.spec.name == "job.start":
        values["reason"] = "lost"
    return example_of(kind.spec.name, **values)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("table") / "home"
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setenv("SECCONSOLE_HOME", str(home))
        for module in ("users.invitations", "users.reminding", "audit.advice"):  # no mail server is tested
            patch.setattr(f"secconsole.service.handlers.{module}.can_send", lambda *_: True)

        async def fill() -> tuple[Filling, KeyRing]:
            async with organisation_in(home) as made:
                filling = Filling(made)
                await filling.fill()
                return filling, made.backend.keys

        filling, keys = runner.run(fill())
        store, passwords = OneTransaction(home / locations.database_path().name), cheap_passwords()
        service = Service(store, keys, passwords, filling.made.clock)
        yield World(store, service, runner, filling.callers, filling.people, store.rows())
        store.close()
        passwords.close()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a14_every_caller_may_do_exactly_what_is_declared(world: World, name: str) -> None:
    kind = OPERATIONS[name]
    decided_here = name in WITHOUT_PROOF | IN_OTHER_TENANTS
    assert decided_here == (kind.spec.step_up == "sometimes"), "say here when it asks for a proof"
    before_sign_in = kind.spec.permission is Permission.NOBODY
    wrong: list[str] = []
    done = 0
    for caller in world.callers:
        answer: dict[str, tuple[str, str]] = {}
        wanted: dict[str, str] = {}
        # A token is refused for its scope for every target, so a usual run asks about few of them.
        out_of_scope = caller.scopes is not None and kind.spec.scope not in caller.scopes
        for target in islice(world.targets(kind, caller), None, None, stride(4) if out_of_scope else 1):
            expected = "done" if before_sign_in else _expected(kind, caller, target)
            result, words, changed = world.outcome(_asked(kind, target), caller)
            without_account = kind.spec.permission is Permission.OWN_ACCOUNT and not caller.login
            in_vain = result == "conflict" and (name in IN_VAIN or before_sign_in or without_account)
            if result != expected and not (expected == "done" and in_vain):
                wrong.append(f"{caller.name}, {target.name}: {result} and not {expected}: {words}")
            if changed:
                wrong.append(f"{caller.name}, {target.name}: {result}, and something was changed")
            done += result == "done"
            answer[target.name], wanted[target.name] = (result, words), expected
        for foreign, unknown in LIKE:
            if foreign == "other tenant" and (caller.everywhere or caller.role is Role.PLATFORM_ADMIN):
                continue  # they may know that it exists
            if wanted.get(foreign) == wanted.get(unknown) and answer.get(foreign) != answer.get(unknown):
                wrong.append(f"{caller.name}: {foreign} and {unknown} differ: {answer[foreign]}, {answer[unknown]}")
    assert not wrong, "\n".join(wrong)
    assert done or name in NEVER, "no caller could do it, so the table says nothing about it"
