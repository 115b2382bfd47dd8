"""The API against its own document: schemathesis generates valid and invalid requests from it.

All checks and phases are on. The server is the one that operators run, on a local socket, with a real store. Requests
that match the schemas must not be refused as malformed, others must be, all responses must be documented, and no
request may cause an internal error.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from schemathesis import AuthContext, Case
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import CheckNode

from secconsole.delivery.message import DeliveryOutcome, Result
from secconsole.domain.roles import Permission, Role
from secconsole.operations.base import OPERATIONS
from secconsole.operations.caller import Credential, Nobody, Source
from secconsole.operations.request_schema import request_schema
from secconsole.operations.sample.basics import NOW
from secconsole.operations.signin import SignIn
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.server.app import make_app
from secconsole.server.openapi.monitoring import MONITORING
from secconsole.server.transport.limits import Limits
from secconsole.server.transport.listen import Door
from secconsole.server.transport.running import ApiServer, run_until_stopped
from secconsole.server.transport.shutdown import ShutdownSignal
from secconsole.service.outbox import worker
from tests.extent import ALL, extent_of
from tests.organisation import NEVER_MIND, PASSWORD, TENANT, Organisation, organisation_in

PHASES = {"examples", "coverage", "fuzzing", "stateful"}
CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
    "object_level_authorization",
}
#: success requires a code, a phone, or a recent id, and is covered by other tests
OUT_OF_REACH = {
    "sign-in.bind",
    "factor.confirm",
    "factor.remove",
    "unbind.undo",
    "recovery.create",
    "recovery.view",
    "session.end",
    "token.revoke",
    "step-up.send-code",
    "sign-in.mail-key",
    "factor.mail-key",
    "account.cancel-mfa",
    "factor.rename",
    "factor.show",
    "factor.sending",
    "sign-in.sending",
}
OPEN = {name for name, kind in OPERATIONS.items() if kind.spec.permission is Permission.NOBODY} | {
    entry["operationId"] for entry in MONITORING.values() if "security" in entry
}
WATCHED = {entry["operationId"] for entry in MONITORING.values()}
KEY = re.compile(r"[!-~]{1,64}\Z")


class Served:
    """The store behind the server. Its stream of changes ends, since who reads it here reads to the end."""

    def __init__(self, organisation: Organisation) -> None:
        self._backend = organisation.backend

    async def perform_as(self, operation: Any, credential: Credential, source: Source) -> Any:
        return await self._backend.perform_as(operation, credential, source)

    async def changes_for(self, credential: Credential, source: Source) -> AsyncIterator[None]:
        yield

    async def is_ready(self) -> bool:
        return await self._backend.is_ready()


@asynccontextmanager
async def server_of(organisation: Organisation) -> AsyncIterator[str]:
    """Run a server in this event loop, so that it shares the clock, and yield its URL."""
    shutdown, opened = ShutdownSignal(), asyncio.Event()
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio asks for it: TCP_NODELAY
    bound.bind(("127.0.0.1", 0))
    bound.listen()
    bound.setblocking(False)
    server = ApiServer(
        make_app(Served(organisation), shutdown=shutdown, refused=NEVER_MIND), [Door(bound)], None, Limits(), opened.set
    )
    running = asyncio.create_task(run_until_stopped(server, shutdown))
    await opened.wait()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        shutdown.begin()
        await running


@dataclass
class Administrators:
    """Administrators who sign in one after the other, as generated requests sign out, disable, and change passwords."""

    organisation: Organisation
    loop: asyncio.AbstractEventLoop
    count: int = 0

    def sign_in(self) -> str:
        return asyncio.run_coroutine_threadsafe(self._sign_in(), self.loop).result()

    async def _sign_in(self) -> str:
        self.count += 1
        login = f"admin-{self.count}"
        backend = self.organisation.backend
        await backend.perform(CreateUser(tenant=TENANT, login=login, role=Role.PLATFORM_ADMIN, password=PASSWORD))
        await backend.perform(AddToWhitelist(tenant=TENANT, users=(login,), reason="signs in without a phone"))
        answer = await backend.perform_as(SignIn(tenant=TENANT, login=login, password=PASSWORD), Nobody(), Source())
        assert answer.token is not None
        return answer.token.reveal()


@dataclass
class Found:
    """Result of a run: failures as text, cases by phase, and each operation's answers by status."""

    failures: list[str] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    cases: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Counter[int]] = field(default_factory=dict)

    def note(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError | events.FatalError):
            self.failures.append(str(event))
        if not isinstance(event, events.ScenarioFinished):
            return
        recorder = event.recorder
        self.cases[event.phase.value] += len(recorder.interactions)
        for case_id, exchange in recorder.interactions.items():
            operation = recorder.cases[case_id].value.operation
            counts = self.answers.setdefault(operation.definition.raw["operationId"], Counter())
            if exchange.response is None:
                self.failures.append(f"{operation.label}: no answer")
            elif exchange.request.method == operation.method.upper():
                counts[exchange.response.status_code] += 1
        for case_id, nodes in recorder.checks.items():
            for node in nodes:
                self.checks.add(node.name)
                if node.status is not Status.SUCCESS and not _is_whole_reply(recorder.cases[case_id].value, node):
                    self.failures.append("\n".join(_words(node)))

    def successes(self, name: str) -> int:
        return sum(count for status, count in self.answers[name].items() if status < 300)


def _is_whole_reply(case: Case, node: CheckNode) -> bool:
    """A step that follows another one put the whole reply into the path: too long for an id, and rightly refused."""
    within = (str(value) for value in (case.path_parameters or {}).values())
    return node.name == "positive_data_acceptance" and any(value.startswith("{'") for value in within)


def _words(node: CheckNode) -> Iterator[str]:
    yield node.name
    if node.failure_info is not None:
        failure = node.failure_info.failure
        yield from (failure.operation, failure.title, failure.message, node.failure_info.code_sample)


def run(url: str, phases: set[str], examples: int, administrators: Administrators | None = None) -> Found:
    config = SchemathesisConfig.from_dict(
        {
            "seed": 4711,
            "generation": {"deterministic": True, "max-examples": examples, "database": "none"},
            "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
            "request-timeout": 30,
        }
    )
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    if administrators is not None:

        @schema.auth()
        class _Auth:
            def get(self, case: Case, context: AuthContext) -> str:
                return administrators.sign_in()

            def set(self, case: Case, token: str, context: AuthContext) -> None:
                case.headers["Authorization"] = f"Bearer {token}"
                if KEY.match(case.headers.get("Idempotency-Key", "")):  # else it is the same for all, and they conflict
                    case.headers["Idempotency-Key"] = case.id

    found = Found()
    for event in from_schema(schema).execute():
        found.note(event)
    return found


async def handed_over(*_: object) -> DeliveryOutcome:
    """Replace mail servers and Twilio, so that no generated settings send anything."""
    return DeliveryOutcome(Result.SENT)


@pytest.fixture
async def served(home: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Organisation, str]]:
    monkeypatch.setattr(worker, "send_mail", handed_over)
    monkeypatch.setattr(worker, "send_sms", handed_over)
    async with organisation_in(home) as organisation:
        organisation.clock.now = NOW.timestamp()  # the time and the users of the document's examples
        await organisation.add("ana.kral")
        async with server_of(organisation) as url:
            yield organisation, url


async def test_signed_in_as_an_administrator(served: tuple[Organisation, str], pytestconfig: pytest.Config) -> None:
    """In make test without the phase of 3,000 requests that goes through every limit, and what only that can tell."""
    whole = extent_of(pytestconfig) == ALL
    phases = PHASES if whole else PHASES - {"coverage"}
    organisation, url = served
    administrators = Administrators(organisation, asyncio.get_running_loop())
    found = await asyncio.to_thread(run, url, phases, 5 if whole else 1, administrators)
    assert not found.failures, "\n\n".join(found.failures)
    assert set(found.cases) >= phases
    assert set(found.answers) == set(OPERATIONS) | WATCHED
    if not whole:
        return
    assert found.checks == CHECKS
    assert {name for name in found.answers if not found.successes(name)} <= OUT_OF_REACH
    for name, counts in found.answers.items():
        assert counts.total() - counts[401] >= 5, (name, counts)
        assert counts[422] or not takes_anything(name), (name, counts)


async def test_not_signed_in(served: tuple[Organisation, str], pytestconfig: pytest.Config) -> None:
    _, url = served
    found = await asyncio.to_thread(run, url, PHASES - {"coverage"}, 2 if extent_of(pytestconfig) == ALL else 1)
    assert not found.failures, "\n\n".join(found.failures)
    assert set(found.answers) == set(OPERATIONS) | WATCHED
    for name, counts in found.answers.items():
        if name in OPEN:
            assert found.successes(name) or name in OUT_OF_REACH, (name, counts)
        else:
            assert set(counts) <= {400, 401, 415, 422}, (name, counts)
            assert counts[401], (name, counts)


def takes_anything(name: str) -> bool:
    """Return True if there is a body or a query that can be wrong."""
    schema = None if name in WATCHED else request_schema(OPERATIONS[name])
    return schema is not None and (schema.body is not None or schema.query is not None)
