"""Import of factors: keys that users have already, bound without a code from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secconsole.domain.limits import LONGEST_LABEL, LONGEST_USER
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.seeds.import_rules import Decided, ImportState, SameKey, decide
from secconsole.domain.seeds.seed import BadSeed, Seed, SeedKind, from_base32, make_seed
from secconsole.operations.events import FACTOR_IMPORTED, FACTORS_IMPORTED
from secconsole.operations.factor_import import FactorsImported, ImportedFactor, ImportFactors, NewFactor, added_up
from secconsole.service.context import Context
from secconsole.service.factors.codes import forget_other_proofs
from secconsole.service.factors.factor_keys import digest_of, key_columns, key_digest
from secconsole.service.registry import handles
from secconsole.store import factors, users
from secconsole.store.rows import FactorRecord, UserRecord

OnRecord = dict[bytes, SameKey]


@handles(ImportFactors)
def import_factors(context: Context, operation: ImportFactors) -> FactorsImported:
    named = {line.user.strip() for line in operation.factors if 0 < len(line.user.strip()) <= LONGEST_USER}
    known = users.users_by_name(context.connection, context.tenant.pk, sorted(named))
    on_record = factors.keys_on_record(context.connection, [user.pk for user in known.values()])
    plan = _Plan(context, operation, known, on_record)
    with context.entries_together():
        result = added_up([plan.outcome(line) for line in operation.factors])
    if operation.check_only or not result.taken:
        context.unchanged = True
    else:
        context.audit(
            FACTORS_IMPORTED, taken=result.taken, known=result.known, waits=result.waits, refused=result.refused
        )
    return result


class _Plan:
    """Decisions about the lines of one import, each after the effect of those before it."""

    def __init__(
        self,
        context: Context,
        operation: ImportFactors,
        known: Mapping[str, UserRecord],
        on_record: Mapping[int, Sequence[FactorRecord]],
    ) -> None:
        self._context, self._operation, self._known = context, operation, known
        self._factors = on_record
        self._keys: dict[int, OnRecord] = {}
        self._apps: dict[int, int] = {}

    def outcome(self, line: NewFactor) -> ImportedFactor:
        """Decide a line, and bind its key if it is taken and more than a check was asked for."""
        try:
            seed = _seed(line)
        except BadSeed as error:
            return ImportedFactor(line.line, line.user, line.serial, ImportState.REFUSED, error.message)
        user = self._known.get(seed.user)
        decided = self._decide(seed, user)
        if decided.state is ImportState.TAKEN and user is not None:
            self._take(seed, user)
        login = user.login if user else line.user
        return ImportedFactor(line.line, login, line.serial, decided.state, decided.reason, seed.is_weak)

    def _decide(self, seed: Seed, user: UserRecord | None) -> Decided:
        same, why_not = None, ""
        if user is not None:
            same = self._record(user).get(key_digest(self._context, user, seed.secret))
            why_not = self._context.why_not(user, ImportFactors.spec)
        apps = self._apps.get(user.pk, 0) if user else 0
        return decide(named=bool(seed.user), known=user is not None, why_not=why_not, same=same, apps=apps)

    def _record(self, user: UserRecord) -> OnRecord:
        """Return the keys that a user has or had, by their digests."""
        if user.pk not in self._keys:
            found = self._factors.get(user.pk, ())
            live = [factor for factor in found if factor.removed is None]
            # A live factor counts before a removed one with the same key, which an undone unbinding can leave.
            ordered = [*(factor for factor in found if factor.removed is not None), *live]
            digests = [(digest_of(self._context, user, factor), factor) for factor in ordered]
            self._keys[user.pk] = {
                digest: SameKey(factor.state, factor.removed is not None) for digest, factor in digests if digest
            }
            self._apps[user.pk] = len(live)
        return self._keys[user.pk]

    def _take(self, seed: Seed, user: UserRecord) -> None:
        context, pending = self._context, self._operation.pending
        state = FactorState.PENDING if pending else FactorState.ACTIVE
        self._keys[user.pk][key_digest(context, user, seed.secret)] = SameKey(state, removed=False)
        self._apps[user.pk] += 1
        if self._operation.check_only:
            return
        id = context.new_id()
        values: dict[str, object] = {
            "id": id,
            "tenant_pk": context.tenant.pk,
            "user_pk": user.pk,
            "kind": FactorKind.TOTP,
            "state": state,
            "label": (seed.label or seed.serial)[:LONGEST_LABEL],
            "algorithm": seed.algorithm,
            "digits": seed.digits,
            "period": seed.period,
            "counts": seed.kind is SeedKind.HOTP,
            "last_step": seed.counter - 1,  # of a token that counts: all counters before its next one are used
            "created": context.now,
            "bound": None if pending else context.now,
            "given": pending,  # so that its first use at a sign-in confirms it
        }
        factor = factors.add_factor(context.connection, values | key_columns(context, user, id, seed.secret))
        if not pending:
            forget_other_proofs(context, factor)
        context.audit(
            FACTOR_IMPORTED, user, kind=FactorKind.TOTP, factor=id, state=state, serial=seed.serial, weak=seed.is_weak
        )


def _seed(line: NewFactor) -> Seed:
    return make_seed(
        line.line,
        from_base32(line.secret.reveal()),
        user=line.user,
        serial=line.serial,
        label=line.label,
        kind=line.kind,
        algorithm=line.algorithm,
        digits=line.digits,
        period=line.period,
        counter=line.counter,
    )
