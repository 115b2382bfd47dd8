"""Two tenants with people of every role in one transaction, and all their callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.roles import Permission, Role, rank
from secconsole.domain.scope import Scope, may_have
from secconsole.domain.secret import Secret
from secconsole.operations.approvals import RequestApproval
from secconsole.operations.audit_streams import AddAuditStream
from secconsole.operations.base import Operation
from secconsole.operations.bypass import IssueBypass
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.delivery import SetSmtp, SetTwilio
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.networks import AddNetwork
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.sessions import ListSessions
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.service.authorise import KEY_PREFIX
from secconsole.service.pipeline import Service
from secconsole.store.engine.sqlite import open_engine
from secconsole.store.schema import metadata
from secconsole.store.sealing.keys import new_token
from secconsole.store.sign_in import tokens
from tests.alerting import ALERT, make_alert
from tests.organisation import OWNER, PASSWORD, TENANT, Organisation, seed_of

T = TypeVar("T")

OTHER = "beta"
STREAM = "there"
HOME, ADDRESS = "192.0.2.0/24", "192.0.2.1"  # from where all ask
HELPDESK_ONLY = "198.51.100.0/24"
# Users of kind b otherwise.
_SPARES = {"unbind.undo": "d", "user.invite": "e", "user.invite-preview": "e", "user.remind": "e"}
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NAMING = {"user", "users", "factor", "enrollment", "session", "token", "event", "approval"}
# Counters of attempts and records of refusals may change.
ASIDE = {"audit", "audit_heads", "throttles", "unknown_logins", "refused_sign_ins", "facts"}
ASIDE_COLUMNS = {
    "users.failures",
    "users.locked_until",
    "sessions.failures",
    "sessions.last_seen",
    "tokens.last_used",
}


def names_of(kind: type[Operation[Any]]) -> set[str]:
    """Return the names of an operation's fields."""
    return {each.name for each in fields(kind)}  # type: ignore[arg-type]


ALERTS = {TENANT: ALERT, OTHER: f"{ALERT[:-1]}1"}


def _query(table: sa.Table) -> str:
    names = ", ".join(c.name for c in table.c if f"{table.name}.{c.name}" not in ASIDE_COLUMNS)
    return f"SELECT {names} FROM {table.name}"


_ROWS = [_query(table) for table in metadata.sorted_tables if table.name not in ASIDE]


@dataclass(frozen=True)
class Caller:
    """A caller. `scopes` are those of a token, and `proved` means a step-up within five minutes."""

    name: str
    credential: Credential
    role: Role | None = None  # None: not signed in
    login: str = ""  # empty: not a user
    scopes: frozenset[Scope] | None = None
    proved: bool = True
    everywhere: bool = False  # in no tenant, so at home in all


@dataclass(frozen=True)
class Target:
    """A target of an operation. `login` is its user, and `values` are the fields that name it."""

    name: str
    tenant: str
    login: str = ""
    role: Role = Role.USER
    values: dict[str, object] = field(default_factory=dict)


class OneTransaction:
    """A store in which all happens in one transaction that is never committed."""

    def __init__(self, path: Path) -> None:
        self._engine = open_engine(path)
        self.connection = self._engine.connect().execution_options(secconsole_write=True)
        self._transaction = self.connection.begin()
        driver = self.connection.connection.driver_connection
        assert driver is not None
        self.driver: Any = driver

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]:
        return self.write(body)

    def write(self, body: Callable[[sa.Connection], T], *_: object, **__: object) -> Future[T]:
        done: Future[T] = Future()
        self.driver.execute("SAVEPOINT body")
        try:
            done.set_result(body(self.connection))
        except BaseException as error:  # like the real one, it serves every caller
            self.driver.execute("ROLLBACK TO body")
            done.set_exception(error)
        self.driver.execute("RELEASE body")
        return done

    def now(self, connection: sa.Connection) -> float:
        raise AssertionError("the clock is given")

    def rows(self) -> list[list[tuple[object, ...]]]:
        """Return all that counts for an answer to "was anything changed?"."""
        return [self.driver.execute(query).fetchall() for query in _ROWS]

    def close(self) -> None:
        self._transaction.rollback()
        self.connection.close()
        self._engine.dispose()


@dataclass
class World:
    """Two tenants with people of every role, and all who may ask."""

    store: OneTransaction
    service: Service
    runner: asyncio.Runner
    callers: list[Caller]
    people: dict[str, dict[str, object]]  # the fields that name each user's objects, by login
    before: list[list[tuple[object, ...]]]

    def outcome(self, operation: Operation[Any], caller: Caller) -> tuple[str, str, bool]:
        """Return the result, its text, and True if it changed anything it must not, then roll back."""
        self.store.driver.execute("SAVEPOINT asked")
        changes = self.store.driver.total_changes
        source = Source("api", ADDRESS)
        try:
            reply = self.runner.run(self.service.perform(operation, caller.credential, source))
            failed = getattr(reply, "failed", ())
            result, shown = (
                ("left-out", "" if isinstance(failed, int) else failed[0].reason) if failed else ("done", "")
            )
            if operation.spec.permission is Permission.NOBODY:
                shown = repr(reply)
        except SecconsoleError as error:
            result, shown = error.code, error.message
        may_change = result == "done" and operation.spec.writes
        wrote = self.store.driver.total_changes != changes
        changed = wrote and not may_change and self.store.rows() != self.before
        self.store.driver.execute("ROLLBACK TO asked")
        self.store.driver.execute("RELEASE asked")
        return result, shown, changed

    def targets(self, kind: type[Operation[Any]], caller: Caller) -> Iterator[Target]:
        """Return all kinds of targets that an operation has for a caller."""
        names = names_of(kind)
        if kind.spec.name == "step-up.send-code":
            for login in (caller.login, "user-b"):
                values = {"factor": self.people[login]["factor"]} if login else {}
                yield Target("a factor with no address", TENANT, "?", values=values)
            yield Target("unknown factor", TENANT, "?")
            return
        if "tenant" not in names:
            yield Target("no target", TENANT)
            return
        if kind.spec.name == "user.import" or names.isdisjoint(NAMING):
            for name, tenant in (("own tenant", TENANT), ("other tenant", OTHER), ("unknown tenant", "nowhere")):
                yield Target(name, tenant)
            return
        spare = _SPARES.get(kind.spec.name, "b")
        if caller.login and spare != "d":
            yield Target("self", TENANT, caller.login, caller.role or Role.USER, self.people[caller.login])
        for role in self._around(caller.role or Role.USER):
            login = f"{role}-{spare}"
            yield Target(f"another {role}", TENANT, login, role, self.people[login])
        foreign = self.people[f"foreign-{spare}"]
        unknown: dict[str, object] = dict.fromkeys(foreign, UNKNOWN) | {"users": (UNKNOWN,)}
        yield Target("other tenant's in own", TENANT, "?", values=foreign)
        yield Target("unknown in own", TENANT, "?", values=unknown)
        yield Target("other tenant", OTHER, f"foreign-{spare}", Role.USER, foreign)
        yield Target("unknown tenant", "nowhere", values=unknown)

    @staticmethod
    def _around(role: Role) -> list[Role]:
        """Return the next lower rank, the same one, and the next higher one."""
        return [other for other in Role if abs(rank(other) - rank(role)) <= 1]


class Filling:
    """Fills two tenants with people, their things, and credentials to ask with."""

    def __init__(self, made: Organisation) -> None:
        self.made = made
        self.people: dict[str, dict[str, object]] = {}
        self.callers: list[Caller] = [
            Caller("nobody", Nobody()),
            Caller("the owner of the store", OWNER, Role.PLATFORM_ADMIN, everywhere=True),
        ]

    async def fill(self) -> None:
        made = self.made
        await made.perform(CreateTenant(name=OTHER))
        for tenant in (TENANT, OTHER):
            await made.perform(SetSmtp(tenant=tenant, host="mail.acme.example", sender="mfa@acme.example"))
            twilio = SetTwilio(tenant=tenant, account_sid="AC1", auth_token=Secret("an-example"), sender="+15005550006")
            await made.perform(twilio)
            await made.perform(AddNetwork(tenant=tenant, network=HOME))
            await made.perform(AddNetwork(tenant=tenant, network=HELPDESK_ONLY, roles=(Role.HELPDESK,)))
            missing = str(made.home / "none")
            there = AddAuditStream(tenant=tenant, name=STREAM, kind=StreamKind.SYSLOG_UNIX, to=missing)
            await made.perform(there)
            await made.backend.stream_worker.wait_idle()
            await make_alert(made, id=ALERTS[tenant], tenant=tenant)
        for spare in "bd":
            await self._person(OTHER, f"foreign-{spare}", Role.USER)
        for role in Role:
            for spare in "abcd":
                await self._person(TENANT, f"{role}-{spare}", role)
        await self._without_password(OTHER, "foreign-e", Role.USER)
        for role in Role:
            await self._without_password(TENANT, f"{role}-e", role)
        await made.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL, recovery_view=True))
        for role in Role:
            await made.perform(CreateRecoveryCodes(tenant=TENANT, user=f"{role}-a"))
        await self._programs()
        stale = [(role, await self._signed_in(TENANT, f"{role}-a")) for role in Role]
        made.clock.forward(minutes=6)
        for role, bearer in stale:
            self.callers.append(Caller(f"{role} signed in a while ago", bearer, role, f"{role}-a", proved=False))
        for role in Role:
            for spare, how in (("c", "by a password alone"), ("a", "signed in")):
                bearer = await self._signed_in(TENANT, f"{role}-{spare}")
                self.callers.append(Caller(f"{role} {how}", bearer, role, f"{role}-{spare}"))
        await self._approvals()
        for login in ("foreign-d", *(f"{role}-d" for role in Role)):
            tenant = OTHER if login == "foreign-d" else TENANT
            unbound = await made.perform(Unbind(tenant=tenant, users=(login,), reason="lost"))
            self.people[login]["event"] = unbound.event
        for login in self.people:
            tenant = OTHER if login.startswith("foreign") else TENANT
            await made.perform(IssueBypass(tenant=tenant, user=login, reason="phone at home"))
        answer = await made.start(f"{Role.PLATFORM_ADMIN}-a")
        assert answer.status is SignInStatus.SECOND_FACTOR
        assert answer.challenge is not None
        self.callers.append(Caller("half signed in", Bearer(answer.challenge)))

    async def _approvals(self) -> None:
        """Have two administrators ask about everyone but themselves, so that neither has too many open requests."""
        logins = [f"{Role.PLATFORM_ADMIN}-{spare}" for spare in "db"]
        askers = [(login, await self._signed_in(TENANT, login)) for login in logins]
        for number, login in enumerate(self.people):
            if login != logins[0]:
                tenant = OTHER if login.startswith("foreign") else TENANT
                asker = askers[0][1] if login == logins[1] else askers[number % 2][1]
                ask = RequestApproval(tenant=tenant, user=login, reason="lost phone")
                self.people[login]["approval"] = (await self.made.perform(ask, asker)).id

    async def _person(self, tenant: str, login: str, role: Role) -> None:
        """Add a user with a session, a token and a begun enrollment. Those of kind c have no factor bound."""
        made = self.made
        email = f"{login}@{tenant}.example"
        await made.perform(CreateUser(tenant=tenant, login=login, role=role, email=email, password=PASSWORD))
        active = ""
        if not login.endswith("-c"):
            started = await made.perform(EnrollFactor(tenant=tenant, user=login))
            made.seeds[login] = seed_of(started.key)
            confirm = ConfirmFactor(tenant=tenant, enrollment=started.enrollment, code=made.code(login))
            assert (await made.perform(confirm)).accepted
            made.clock.forward(seconds=30)
            active = started.enrollment
        bearer = await self._signed_in(tenant, login)
        token = await made.perform(CreateToken(name="ci"), bearer)
        pending = (await made.perform(EnrollFactor(tenant=tenant, user=login))).enrollment
        (session,) = (await made.perform(ListSessions(tenant=tenant, user=login))).items
        id = (await made.perform(ShowUser(tenant=tenant, user=login))).user.id
        self.people[login] = {
            "user": id,
            "users": (id,),
            "factor": active or pending,
            "enrollment": pending,
            "session": session.id,
            "token": token.id,
        }

    async def _without_password(self, tenant: str, login: str, role: Role) -> None:
        email = f"{login}@{tenant}.example"
        await self.made.perform(CreateUser(tenant=tenant, login=login, role=role, email=email))
        await self.made.perform(RequireMfa(tenant=tenant, user=login, required=True))
        id = (await self.made.perform(ShowUser(tenant=tenant, user=login))).user.id
        self.people[login] = {"user": id, "users": (id,)}

    async def _signed_in(self, tenant: str, login: str) -> Bearer:
        made = self.made
        answer = await made.perform(SignIn(tenant=tenant, login=login, password=PASSWORD), Nobody())
        if answer.challenge is not None:
            verify = VerifySignIn(challenge=answer.challenge, factor="", code=made.code(login))
            answer = await made.perform(verify, Nobody())
            made.clock.forward(seconds=30)
        assert answer.token is not None
        return Bearer(answer.token)

    async def _programs(self) -> None:
        """Add a token of each role with each scope that it may have, one of the store's owner, and secret keys."""
        made = self.made
        for role in Role:
            login = f"{role}-a"
            for scope in Scope:
                if may_have(role, scope):
                    bearer = await self._signed_in(TENANT, login)
                    create = CreateToken(name=f"to {scope}", scopes=(scope,))
                    token = Bearer((await made.perform(create, bearer)).token)
                    self.callers.append(Caller(f"{role}'s token to {scope}", token, role, login, frozenset({scope})))
        both = frozenset({Scope.READ, Scope.VERIFY})
        owners = await made.perform(CreateToken(name="ci", scopes=tuple(both), tenant=TENANT))
        self.callers.append(Caller("token of the store's owner", Bearer(owners.token), Role.TENANT_ADMIN, "", both))
        await made.perform(RotateSecretKey(tenant=OTHER))
        key = Bearer((await made.perform(RotateSecretKey(tenant=TENANT))).key)
        self.callers.append(Caller("secret key", key, Role.TENANT_ADMIN, "", both))
        for scope in Scope:
            single = new_token(KEY_PREFIX)
            await asyncio.wrap_future(made.backend.store.write(self._key_for(single, scope)))
            name = f"secret key to {scope}"
            self.callers.append(Caller(name, Bearer(single), Role.TENANT_ADMIN, "", frozenset({scope})))

    def _key_for(self, key: Secret[str], scope: Scope) -> Callable[[sa.Connection], None]:
        values: dict[str, object] = {
            "id": f"key-to-{scope}",
            "tenant_pk": 1,
            "scopes": str(scope),
            "created": int(self.made.clock.now * 1000),
        }
        return lambda connection: tokens.add_token(connection, key, values)
