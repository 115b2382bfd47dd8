"""Break the rules of the program one by one, and check that the tests fail: `make mutations`.

Each mutation is applied alone to a copy of the tree, on which the named tests must fail. Mutations that survive are
listed, and the exit code is 1. Arguments on the command line select mutations by a part of their name.

A mutation is found by its text alone, which has to be there once in the whole package, so files may move. When a rule
is written in another way, write its mutation in the same way: `tests/unit/test_mutations.py` names those not found.
"""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "secconsole"
_COPIED = (PACKAGE, "tests", "themes", "pyproject.toml", "docs", "packaging", "README.md", "CHANGELOG.md")
_SECONDS = 600
_FAILED = 1  # what pytest ends with if tests failed; anything else is a mutation that cannot even be loaded


@dataclass(frozen=True)
class Mutation:
    """One rule broken: `old` becomes `new`, and one of `tests` has to fail."""

    name: str
    old: str
    new: str
    tests: tuple[str, ...]

    def file(self, root: Path = ROOT) -> Path:
        """Return the one file with the text, or raise `LookupError` if none or several have it."""
        found = [path for path in sorted((root / PACKAGE).rglob("*.py")) if self.old in path.read_text()]
        count = sum(path.read_text().count(self.old) for path in found)
        if count != 1:
            raise LookupError(f"{self.name}: the text is there {count} times: {self.old!r}")
        return found[0]


def _m(name: str, old: str, new: str, *tests: str) -> Mutation:
    return Mutation(name, old, new, tuple(f"tests/{test}.py" for test in tests))


MUTATIONS = (
    # ---- a code counts once --------------------------------------------------------------------------------------
    _m(
        "a time step is used twice",
        'factors.c.last_step < sa.bindparam("step")',
        'factors.c.last_step <= sa.bindparam("step")',
        "contract/test_sign_in",
    ),
    _m(
        "a recovery code is used twice",
        "_UNUSED = sa.and_(_ROW.used.is_(None), _ROW.voided.is_(None))",
        "_UNUSED = sa.and_(_ROW.voided.is_(None))",
        "contract/test_recovery",
    ),
    _m(
        "recovery codes outlive an unbinding",
        "_UNUSED = sa.and_(_ROW.used.is_(None), _ROW.voided.is_(None))",
        "_UNUSED = sa.and_(_ROW.used.is_(None))",
        "contract/test_recovery",
    ),
    _m("codes of ten minutes ago are right", "WINDOW = 1 ", "WINDOW = 20 ", "unit/test_totp"),
    # ---- sign-in -------------------------------------------------------------------------------------------------
    _m(
        "a sign-in under way does not end",
        "challenge.used is not None or challenge.stage != stage or challenge.expires <= context.now",
        "challenge.used is not None or challenge.stage != stage",
        "contract/test_sign_in",
    ),
    _m(
        "six wrong codes in one sign-in",
        "MOST_WRONG = 5\nMOST_WRONG_BINDING",
        "MOST_WRONG = 6\nMOST_WRONG_BINDING",
        "contract/test_recovery",
        "contract/test_sign_in",
    ),
    _m(
        "a user who is held back signs in",
        "facts.disabled or facts.held_back:  # 1",
        "facts.disabled:  # 1",
        "unit/test_sign_in_decision",
    ),
    _m(
        "a platform administrator is exempt",
        "if facts.platform_admin and facts.active_factor:  # 4",
        "if False:  # 4",
        "unit/test_sign_in_decision",
    ),
    _m(
        "codes are checked while the account is held",
        "    if until := held(context, user, bucket):\n        return None, held_words(context, until)\n    usable",
        "    usable",
        "contract/test_sign_in",
        "contract/test_failure_buckets",
    ),
    _m(
        "a factor takes any number of wrong codes",
        "usable = [f for f in among if f.failures < EXHAUSTED]",
        "usable = list(among)",
        "contract/test_failure_buckets",
        "contract/test_sign_in",
    ),
    # ---- throttling ----------------------------------------------------------------------------------------------
    _m(
        "strangers are never locked",
        "return bucket in SIGN_IN and throttle.run(bucket).worst >= MOST_IN_BUCKET",
        "return False",
        "unit/test_throttle",
    ),
    _m("a bucket takes more than it may", "MOST_IN_BUCKET = 50", "MOST_IN_BUCKET = 60", "unit/test_throttle"),
    _m("the limit of the standard is one more", ">= MOST_FAILURES", "> MOST_FAILURES", "unit/test_throttle"),
    _m(
        "the owner's sign-in ends the strangers' delay",
        "own = replace(NONE, tries=run.tries, last=run.last) if bucket is Bucket.STRANGERS else NONE",
        "own = NONE",
        "unit/test_throttle",
    ),
    _m(
        "delays do not grow",
        "return min(FIRST_DELAY << min(tries - FREE_TRIES, 16), LONGEST_DELAY)",
        "return FIRST_DELAY",
        "unit/test_throttle",
    ),
    # ---- permissions ----------------------------------------------------------------------------------------------
    _m(
        "another tenant is open",
        "if found is None or (foreign and actor.role is not Role.PLATFORM_ADMIN):",
        "if found is None:",
        "contract/test_tenants",
    ),
    _m(
        "helpdesk acts on helpdesk",
        "return actor is target and rank(actor) >= rank(Role.TENANT_ADMIN)",
        "return actor is target",
        "unit/test_roles",
    ),
    _m("administrators act on an equal", "return is_peer(actor, target)", "return actor is target", "unit/test_roles"),
    _m("everyone acts on those above", "return rank(actor) > rank(target)", "return True", "unit/test_roles"),
    _m(
        "one administrator alone demotes another one to reset them",
        "if context.is_peer(user) and approvals.lacks(context, user, kind=ApprovalKind.RESET):",
        "if False:",
        "contract/test_role_takeover",
    ),
    _m(
        "ranks are not looked at",
        "if target is None or not (spec.on_lower or spec.others_only):",
        "if True:",
        "contract/test_attack_roles",
        "contract/test_unbinding",
    ),
    _m(
        "users apply it to themselves",
        'return NOT_YOURSELF if spec.others_only else ""',
        'return ""',
        "contract/test_not_yourself",
    ),
    _m("changes of other tenants are heard of", "if self.tenant != change.tenant:", "if False:", "unit/test_audience"),
    # ---- step-up, sessions, tokens -------------------------------------------------------------------------------
    _m(
        "nothing needs a proof",
        '    if spec.step_up == "always":\n        need_proof(context)\n',
        "",
        "contract/test_step_up",
    ),
    _m(
        "a proof lasts for hours",
        "default=USUAL_STEP_UP) * 60_000",
        "default=USUAL_STEP_UP) * 6_000_000",
        "contract/test_step_up",
    ),
    _m(
        "an ended session acts",
        "if session is None or session.ended is not None or now >= session.expires:",
        "if session is None or now >= session.expires:",
        "contract/test_sessions",
    ),
    _m(
        "a session idles for ever",
        "IDLE = 60 * 60_000",
        "IDLE = 60_000 * 60_000",
        "contract/test_sessions",
        "contract/test_sign_in",
    ),
    _m(
        "sessions outlast a change of role",
        "bypass.OTHER_ROLE)\n    ended = sessions.end_sessions(context.connection, user.pk, now=context.now,",
        "bypass.OTHER_ROLE)\n    ended = (lambda *_, **__: 0)(context.connection, user.pk, now=context.now,",
        "contract/test_password_sessions",
        "contract/test_attack_roles",
        "contract/test_sessions",
    ),
    _m("scopes are not looked at", "if spec.scope not in actor.token.scopes:", "if False:", "contract/test_tokens"),
    _m(
        "a revoked token acts",
        "if token is None or token.ended is not None or _has_expired(token, now):",
        "if token is None or _has_expired(token, now):",
        "contract/test_tokens",
    ),
    # ---- helpdesk ------------------------------------------------------------------------------------------------
    _m(
        "a new login makes a second person",
        "one[0] == other[0] if one[0] or other[0] else one[1] == other[1]",
        "one == other",
        "contract/test_approvals",
    ),
    _m("a grant outlasts its giver", "and not giver.disabled", "and giver.id", "contract/test_approvals"),
    _m(
        "a bypass code outlasts its issuer",
        "if issuer is None or issuer.disabled or not may(issuer.role, Permission.UNBIND):",
        "if issuer is None:",
        "contract/test_bypass",
    ),
    _m(
        "a bypass code outlasts a role that an import changes",
        "bypass.revoke(context, user, bypass.OTHER_ROLE)\n        ended",
        "ended",
        "contract/test_bypass",
    ),
    # ---- allowed networks ----------------------------------------------------------------------------------------
    _m(
        "a network exempts from binding",
        "if facts.active_factor and facts.network_exempt and not facts.keeps_factor:",
        "if facts.network_exempt and not facts.keeps_factor:",
        "unit/test_sign_in_decision",
    ),
    _m(
        "sessions work from any network",
        "if home is not None and not leaves and not admission_of(",
        "if home is not None and leaves and not admission_of(",
        "contract/test_networks",
    ),
    _m(
        "a sign-in goes on from any network",
        "if not admission_of(context, tenant, user.role).is_allowed:\n        return Rule.NETWORK\n",
        "pass\n",
        "contract/test_networks",
    ),
    # ---- after a breach ------------------------------------------------------------------------------------------
    _m(
        "a freeze refuses platform administrators",
        "return frozen and not platform_admin",
        "return frozen",
        "unit/test_sign_in_decision",
    ),
    _m(
        "a sign-in goes on during a freeze",
        "return Rule.FROZEN if frozen else None",
        "return None",
        "contract/test_incident",
    ),
    _m(
        "programs check codes during a freeze",
        "    if is_frozen_out(frozen=frozen, platform_admin=user.role",
        "    if False and is_frozen_out(frozen=frozen, platform_admin=user.role",
        "contract/test_incident",
    ),
    _m(
        "a tenant administrator ends sessions of those above",
        "role for role in Role if outranks(role, context",
        "role for role in () if outranks(role, context",
        "contract/test_incident",
    ),
    _m(
        "networks are new although others signed in from there",
        "sa.not_(sa.exists(older))",
        "sa.true()",
        "contract/test_incident",
    ),
    _m(
        "an origin that is not known is allowed",
        "return Admission(Ground.UNREADABLE)",
        "return Admission(Ground.NO_RULE)",
        "unit/test_network_rules",
    ),
    _m(
        "a change of networks stays unconfirmed",
        "return now < rule.pending_until <= now + CONFIRM_WITHIN + NOTICED",
        "return rule.pending_until > 0",
        "unit/test_network_rules",
    ),
    _m(
        "anyone's sign-in confirms a change of networks",
        "and rule.pending_by == user.id for rule",
        "for rule",
        "contract/test_networks",
    ),
    _m("a relayed request is of this machine", "    if relayed:\n        return None\n", "", "unit/test_network_rules"),
    # ---- the whitelist, undoing, sending -------------------------------------------------------------------------
    _m(
        "a whitelist entry does not end",
        "return sa.or_(exemptions.c.until.is_(None), exemptions.c.until > now)",
        "return sa.true()",
        "contract/test_unbinding",
        "contract/test_attack_clock",
        "store/test_migrations",
    ),
    _m(
        "an unbinding is undone after an hour",
        "UNDO = UNDO_MINUTES * 60_000",
        "UNDO = UNDO_MINUTES * 600_000",
        "contract/test_unbinding",
    ),
    _m("messages go to the cloud's metadata address", '"169.254.0.0/16",', "", "unit/test_reach"),
    # ---- replies kept --------------------------------------------------------------------------------------------
    _m(
        "a request sent again is done again",
        "WHERE idempotency.expires <= :now",
        "WHERE :now > 0",
        "contract/test_idempotency",
    ),
    _m(
        "a key gives another request's reply",
        "return Replay(KeyReused(_REUSED))",
        "return self._open(row, context)",
        "contract/test_idempotency",
    ),
    # ---- audit, keys ---------------------------------------------------------------------------------------------
    _m(
        "a changed entry of the audit passes",
        "if row.mac != mac_of_values(keys, link.mac, row[:_COUNT]):",
        "if False:",
        "contract/test_audit_chain",
    ),
    _m("the audit's end can be cut off", "if head.seq > link.seq:", "if False:", "contract/test_audit_chain"),
    _m(
        "a sealed secret opens in another place",
        'return b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)',
        'return b""',
        "store/test_keys",
        "contract/test_damaged_secrets",
    ),
    # ---- HTTP ----------------------------------------------------------------------------------------------------
    _m(
        "a header not understood counts as none",
        'raise NotSignedIn("The Authorization header must be: Bearer TOKEN.")',
        "return request.state.caller.without_token",
        "server/test_peers",
    ),
    _m("passwords cost an attacker half", "time_cost: int = 2", "time_cost: int = 1", "unit/test_passwords"),
    # ---- text, limits --------------------------------------------------------------------------------------
    _m(
        "controls reach the terminal",
        "hidden = not char.isprintable() or char in BLANK",
        "hidden = char in BLANK",
        "unit/test_text",
    ),
    _m("marks are piled on a letter", " or marks > _MOST_MARKS", "", "unit/test_text"),
    _m(
        "a cell is a formula", 'return "\'" + cell if _RISKY.match(cell) else cell', "return cell", "unit/test_safe_csv"
    ),
    _m(
        "a bearer has any length",
        "if isinstance(credential, Bearer) and len(credential.token.reveal()) > LONGEST_BEARER:",
        "if False:",
        "contract/test_text_limits",
        "store/test_text_before_locks",
    ),
)


def run(mutation: Mutation, tree: Path, number: int) -> str:
    """Apply a mutation to a copy of the tree and return what went against it: nothing if its tests fail."""
    path = mutation.file(tree)
    before = path.read_text()
    try:
        _write(path, before.replace(mutation.old, mutation.new), number)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not alone", "-k", "not postgres"]
        done = subprocess.run(
            [*command, *mutation.tests],
            cwd=tree,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={**os.environ, "PYTHONPATH": str(tree)},
        )
    except subprocess.TimeoutExpired:
        return f"its tests took longer than {_SECONDS} seconds"
    finally:
        _write(path, before, number + 1)
    if done.returncode == _FAILED:
        return ""
    return "SURVIVED" if done.returncode == 0 else f"pytest ended with {done.returncode}: {done.stdout[-500:]}"


def _write(path: Path, text: str, number: int) -> None:
    """Write a source with a new time, by which Python knows that its bytecode is stale."""
    path.write_text(text)
    os.utime(path, (2_000_000_000 + number, 2_000_000_000 + number))


def main(words: list[str]) -> int:
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    trees: queue.Queue[Path] = queue.Queue()
    with tempfile.TemporaryDirectory(prefix="secconsole-mutations-") as folder:
        workers = min(os.cpu_count() or 1, len(chosen)) or 1
        for number in range(workers):
            trees.put(_copy(Path(folder) / str(number)))

        def tried(at: int) -> bool:
            tree = trees.get()
            try:
                problem = run(chosen[at], tree, 2 * at)
            finally:
                trees.put(tree)
            print(f"{'noticed ' if not problem else 'NOT     '} {chosen[at].name} {problem}", flush=True)
            return not problem

        with ThreadPoolExecutor(workers) as pool:
            noticed = list(pool.map(tried, range(len(chosen))))
    print(f"{sum(noticed)} of {len(chosen)} were noticed.")
    return 0 if all(noticed) else 1


def _copy(tree: Path) -> Path:
    tree.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.png")
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, tree / name)
    return tree


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
