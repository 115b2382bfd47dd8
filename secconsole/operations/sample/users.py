"""Values of examples about users, their factors, whitelist entries and invitations."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.import_rules import UNKNOWN_USER, ImportState
from secconsole.operations import factor_import, invitations, user_import, users, whitelist
from secconsole.operations.sample.audit import ENTRY
from secconsole.operations.sample.basics import ANA, BEN, EVENT, FACTOR_ID, NOW, REASON, TICKET

USER = users.UserRow(
    id=ANA,
    login="ana.kral",
    name="Ana Králová",
    email="ana.kral@acme.example",
    phone="+420601123456",
    role=Role.USER,
    status=BindingStatus.BOUND,
    flags=(),
    factors=(FactorKind.TOTP,),
    last_sign_in=NOW - timedelta(hours=1),
    mfa_required=False,
)
UNBOUND = replace(USER, status=BindingStatus.UNBOUND, factors=())
OTHER = users.UserRow(
    id=BEN,
    login="ben.ortiz",
    name="Ben Ortiz",
    email="ben.ortiz@acme.example",
    phone="",
    role=Role.HELPDESK,
    status=BindingStatus.UNBOUND,
    flags=(Flag.WHITELISTED,),
    factors=(),
    last_sign_in=None,
    mfa_required=False,
)
FACTOR_ROW = users.FactorRow(
    id=FACTOR_ID,
    kind=FactorKind.TOTP,
    state=FactorState.ACTIVE,
    label="work phone",
    masked="work phone",
    created=NOW - timedelta(days=40),
    bound=NOW - timedelta(days=40),
    last_used=NOW - timedelta(hours=1),
    exhausted=False,
)
KEY = Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
FACTORS_IMPORTED = factor_import.FactorsImported(
    taken=1,
    known=0,
    waits=1,
    refused=0,
    weak=0,
    items=(
        factor_import.ImportedFactor(1, "ana.kral", "", ImportState.TAKEN),
        factor_import.ImportedFactor(2, "nobody", "", ImportState.WAITS, UNKNOWN_USER),
    ),
)
INVITED = invitations.Invited(ANA, "ana.kral", "a•••@acme.example")
EXEMPTION = whitelist.Exemption(
    user=BEN,
    login="ben.ortiz",
    name="Ben Ortiz",
    role=Role.HELPDESK,
    status=BindingStatus.UNBOUND,
    reason="his phone is being repaired",
    since=NOW,
    until=NOW + timedelta(days=7),
    by="root",
)
CHANGED = users.UserChanged(USER, version=7)
MISSING = whitelist.NotDone("cleo", "cleo", "There is no such user.")
SHOW_USER_REPLY = users.UserDetail(
    user=UNBOUND,
    version=8,
    created=NOW - timedelta(days=90),
    factors=(),
    whitelist=None,
    undo=users.Undoable(EVENT, NOW + timedelta(minutes=10), "root", REASON, TICKET, NOW),
    look_alikes=(users.LookAlike("01KAMZC8S0V2X4Z6B8D0F2H4K6", "ana.kra1", "Ana Kraljević"),),
    suspicions=(),
    failures=0,
    locked_until=None,
    locked=False,
    has_password=True,
    mfa_required=False,
    keeps_factor=False,
    sessions=0,
    password_sessions=0,
    tokens=0,
    events=(ENTRY,),
    recovery_left=0,
    known_networks=2,
)
IMPORT_USERS_REPLY = user_import.ImportResult(
    created=1,
    updated=0,
    unchanged=0,
    rejected=(user_import.Rejected(3, "eli stone", "A login cannot contain spaces."),),
)
