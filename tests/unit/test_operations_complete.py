"""Each operation has everything that belongs to it, and what is forgotten is named here first.

Run this file after each step of adding an operation: it takes seconds, and a failure lists all that is missing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import secconsole
from secconsole.operations import load_all
from secconsole.operations.base import OPERATIONS, Operation, example_of, has_example
from secconsole.service import handlers
from secconsole.service.registry import HANDLERS

load_all()
handlers.load_all()
PACKAGE = Path(secconsole.__file__).parent
SIGN_IN = ("sign-in", "sign-out", "step-up")  # the way in, which no key and no command does alone

NO_SCREEN = {
    "job.advance": "the console asks for it while a job runs: operations/job_driver.py",
    "audit.check-heads": "the heads are in files, which a command reads",
    "audit.head": "a command prints it, and servers and consoles write it to their logs",
    "audit.verify": "screens verify in parts: operations/portions.py",
    "clock.mend": "the store's owner does it, on the server: doctor --mend-clock",
    "incident.send-advice": "screens mail it to many users by a job",
    "user.remind": "screens mail it to many users by a job",
    "factor.show": "the details of a user have the factors",
    "secret-key.show": "screens list all keys",
    "tenant.create": "the store's owner does it, with a command",
    "unbind.preview": "screens ask for it in portions: operations/portions.py",
    "factor.import": "screens import in batches: operations/factor_batches.py",
    "user.import": "screens import in batches: operations/people_import.py",
    "challenge.start": "for applications, over HTTP",
    "verify": "for programs that check codes",
}
NO_ACTION = {
    "approval.deny": "a button of Approvals",
    "approval.request": "a button of Unbind, where the policy needs it",
    "caller-check.confirm": "the second step of Check caller",
    "audit-retention.run": "a button of Retention",
    "audit-stream.remove": "a button of a receiver in Streams",
    "audit-stream.test": "a button of a receiver in Streams",
    "bypass.revoke": "a button of Bypass code",
    "delivery.confirm": "the last step of Set up mail and Set up SMS",
    "delivery.set-smtp": "a step of Set up mail",
    "delivery.set-twilio": "a step of Set up SMS",
    "delivery.try": "a step of Set up mail and Set up SMS",
    "factor.mail-key": "a button of Enroll",
    "network.add": "a line of Networks",
    "secret-key.create": "a line of Secret keys",
    "secret-key.revoke": "a button of a key in Secret keys",
    "secret-key.rotate": "a button of a key in Secret keys",
    "network.confirm": "a line of Networks, while a change waits",
    "network.remove": "a button of a network in Networks",
    "network.revert": "a line of Networks, while a change waits",
    "incident.thaw": "the key of Freeze, while sign-ins are frozen",
}
NO_COMMAND = {
    "challenge.start": "for applications, over HTTP",
    "job.advance": "operations/job_driver.py asks for it until a job has ended",
    "audit.verify": "commands verify in parts: operations/portions.py",
    "incident.send-advice": "commands mail it to many users by a job",
    "user.remind": "commands mail it to many users by a job",
    "sign-in.mail-key": "the command that binds prints the key",
    "unbind.preview": "commands ask for it in portions: operations/portions.py",
    "factor.import": "commands import in batches: operations/factor_batches.py",
    "user.import": "commands import in batches: operations/people_import.py",
    "user.invite-preview": "commands preview one user or many as a job",
    "user.position": "for a list that scrolls to a user",
}
NOT_IN_COMMANDS = {
    "job.preview": "cli/bulk.py, for commands on many users",
    "job.show": "cli/bulk.py, for the commands on many users and job show",
    "audit.check-heads": "cli/verifying.py, for the command audit verify",
    "audit.list": "a function of cli/commands/audit.py, for the commands audit list and audit export",
    "clock.mend": "cli/ has it beside the command doctor",
}


@cache
def modules_of(face: str) -> tuple[ast.Module, ...]:
    """Return the modules of a package that name an operation, because reading all takes most of the time."""
    texts = (path.read_text(encoding="utf-8") for path in (PACKAGE / face).rglob("*.py"))
    named = re.compile("|".join(kind.__name__ for kind in OPERATIONS.values()))
    return tuple(ast.parse(text) for text in texts if named.search(text))


@cache
def nodes_of(face: str) -> tuple[ast.AST, ...]:
    return tuple(node for module in modules_of(face) for node in ast.walk(module))


def calls_in(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of plain names, such as those of classes."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node


@cache
def used_in(face: str) -> frozenset[str]:
    """Return the names that a package calls: an import or an annotation does nothing."""
    return frozenset(name for name, _ in calls_in(nodes_of(face)))


@cache
def in_actions() -> frozenset[str]:
    """Return the names that actions of the console are declared with."""
    actions = (call for name, call in calls_in(nodes_of("tui")) if name == "Action")
    given = (value for call in actions for value in (*call.args, *(word.value for word in call.keywords)))
    return frozenset(value.id for value in given if isinstance(value, ast.Name))


@cache
def in_commands() -> frozenset[str]:
    """Return the names that functions below `@….command(…)` call."""
    functions = (node for node in nodes_of("cli") if isinstance(node, ast.AsyncFunctionDef))
    commands = (f for f in functions if any("command(" in ast.unparse(above) for above in f.decorator_list))
    return frozenset(name for command in commands for name, _ in calls_in(ast.walk(command)))


def lacking(has: Callable[[str, type[Operation[object]]], object], advice: str) -> list[str]:
    """Return the advice for each operation that lacks something. `{name}` and `{kind}` stand for the operation."""
    return [advice.format(name=n, kind=kind.__name__) for n, kind in sorted(OPERATIONS.items()) if not has(n, kind)]


def assert_complete(missing: list[str]) -> None:
    assert not missing, "\n".join(["", *missing])


def test_each_operation_has_a_handler() -> None:
    assert_complete(lacking(lambda n, kind: kind in HANDLERS, "{name}: write @handles({kind}) in service/handlers/"))


def test_each_operation_has_a_screen_or_a_reason() -> None:
    advice = "{name}: no screen asks for {kind}(…); write a dialog or a function in tui/screens/, or why in NO_SCREEN"
    assert_complete(lacking(lambda n, kind: kind.__name__ in used_in("tui") or n in NO_SCREEN, advice))


def test_each_write_has_a_key_or_a_reason() -> None:
    def has(name: str, kind: type[Operation[object]]) -> bool:
        elsewhere = name in NO_SCREEN or name in NO_ACTION or name.startswith(SIGN_IN)
        return not kind.spec.writes or elsewhere or kind.__name__ in in_actions()

    advice = '{name}: add Action("…", …, {kind}, …) to actions.py of its screen in tui/screens/, or why in NO_ACTION'
    assert_complete(lacking(has, advice))


def test_each_operation_has_a_command_or_a_reason() -> None:
    def has(name: str, kind: type[Operation[object]]) -> bool:
        beside = (name in NOT_IN_COMMANDS or name.startswith(SIGN_IN)) and kind.__name__ in used_in("cli")
        return name in NO_COMMAND or beside or kind.__name__ in in_commands()

    advice = "{name}: no command asks for {kind}(…); write one in cli/commands/, or why in NO_COMMAND"
    assert_complete(lacking(has, advice))


def test_every_reason_is_still_needed() -> None:
    def has(name: str) -> dict[str, bool]:
        kind = OPERATIONS[name].__name__ if name in OPERATIONS else ""
        return {
            "NO_SCREEN": kind in used_in("tui"),
            "NO_ACTION": kind in in_actions(),
            "NO_COMMAND": kind in used_in("cli"),
            "NOT_IN_COMMANDS": kind in in_commands(),
        }

    tables = {
        "NO_SCREEN": NO_SCREEN,
        "NO_ACTION": NO_ACTION,
        "NO_COMMAND": NO_COMMAND,
        "NOT_IN_COMMANDS": NOT_IN_COMMANDS,
    }
    assert_complete([f"take {n} out of {t}" for t, names in tables.items() for n in names if has(n)[t]])
    assert_complete(
        [f"{n} in {t}: no such operation" for t, names in tables.items() for n in names.keys() - OPERATIONS]
    )


def test_each_operation_has_an_example() -> None:
    advice = "{name}: declare(example=lambda s: ({kind}(…), reply)), with values of operations/sample/"
    assert_complete(lacking(lambda n, kind: has_example(n), advice))
    advice = "{name}: its example is not of {kind}"
    assert_complete(lacking(lambda n, kind: type(example_of(n).request) is kind, advice))


def test_each_write_declares_its_step_up() -> None:
    def has(name: str, kind: type[Operation[object]]) -> object:
        return not kind.spec.writes or kind.spec.step_up == "always" or kind.spec.why

    assert_complete(lacking(has, '{name}: declare(step_up="always"), or why="…" for "sometimes" and "never"'))


def test_each_operation_on_users_declares_if_it_may_target_the_caller() -> None:
    def has(name: str, kind: type[Operation[object]]) -> object:
        on_users = kind.spec.on_lower or ("users" in kind.__annotations__ and name != "user.import")
        return not on_users or kind.spec.others_only or kind.spec.own or kind.spec.own_reason

    advice = '{name}: declare(others_only=True), or own_reason="…" if administrators may do it to themselves'
    assert_complete(lacking(has, advice))


def test_each_write_declares_its_events() -> None:
    advice = "{name}: declare(records=…), an event of operations/events.py or one that events.event(…) makes here"
    assert_complete(lacking(lambda n, kind: not kind.spec.writes or kind.spec.records, advice))


def test_each_operation_has_a_summary() -> None:
    def has(name: str, kind: type[Operation[object]]) -> bool:
        generated = kind.spec.summary.startswith(f"{kind.__name__}(")  # by dataclass, where nobody wrote one
        return 0 < len(kind.spec.summary) <= 120 and not generated

    advice = "{name}: write a docstring of {kind} whose first line is one sentence of at most 120 characters"
    assert_complete(lacking(has, advice))
