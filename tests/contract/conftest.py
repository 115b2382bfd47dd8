"""One suite for every backend: the store in this process, and a server in front of either database.

`make test-all` runs every module on every backend. `make test` runs each as `MODULES` says:

- `ALIKE`: on the embedded store, because the tested code is above the store and the same for all backends.
- `DIFFERS`: on the embedded store and over HTTP on PostgreSQL, because the database or the server takes part:
  locks, conditional updates, throttles, the clock, search, the audit's order, tokens and sources of requests.
- `OWN`: on the backends of the module's own fixture.

A test marked `alike` in a module that `DIFFERS` runs on the embedded store only.

A new module must be added to this table, or `test_backends.py` fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.extent import ALL, POSTGRES, QUICK, extent_of
from tests.organisation import Organisation, organisation_in

BACKENDS = ("embedded", "http", POSTGRES)
ALIKE, DIFFERS, OWN = ("embedded",), ("embedded", POSTGRES), ()

MODULES: dict[str, tuple[str, ...]] = {
    "test_advice": ALIKE,
    "test_alerts": DIFFERS,
    "test_approvals": DIFFERS,
    "test_attack_clock": DIFFERS,
    "test_attack_data": ALIKE,
    "test_attack_roles": ALIKE,
    "test_attack_second_factor": DIFFERS,
    "test_attack_sending": ALIKE,
    "test_audit_chain": DIFFERS,
    "test_audit_filters": DIFFERS,
    "test_audit_retention": DIFFERS,
    "test_audit_rows": DIFFERS,
    "test_audit_streams": DIFFERS,
    "test_backends": OWN,
    "test_bypass": DIFFERS,
    "test_caller_check": DIFFERS,
    "test_challenges": DIFFERS,
    "test_changes_by_tenant": DIFFERS,
    "test_checked_sign_ins": DIFFERS,
    "test_damaged_secrets": ALIKE,
    "test_delivery": ALIKE,
    "test_factor_import": DIFFERS,
    "test_failure_buckets": DIFFERS,
    "test_filters": DIFFERS,
    "test_hashing_last": ALIKE,
    "test_history": DIFFERS,
    "test_idempotency": OWN,
    "test_import_changes": ALIKE,
    "test_import_parts": DIFFERS,
    "test_import_rules": ALIKE,
    "test_incident": DIFFERS,
    "test_invitations": DIFFERS,
    "test_jobs": DIFFERS,
    "test_jobs_listed": DIFFERS,
    "test_jobs_mail": DIFFERS,
    "test_networks": DIFFERS,
    "test_new_token": DIFFERS,
    "test_not_yourself": ALIKE,
    "test_notices": ALIKE,
    "test_overdue": DIFFERS,
    "test_own_account": ALIKE,
    "test_own_changes": DIFFERS,
    "test_own_rules": ALIKE,
    "test_password_sessions": ALIKE,
    "test_platform_admin_factor": ALIKE,
    "test_policy_explain": ALIKE,
    "test_readiness": DIFFERS,
    "test_recovery": DIFFERS,
    "test_refused_sends": ALIKE,
    "test_refused_sign_ins": DIFFERS,
    "test_reminding": ALIKE,
    "test_reset": DIFFERS,
    "test_role_table": ALIKE,
    "test_role_takeover": ALIKE,
    "test_search_letters": DIFFERS,
    "test_secret_keys": DIFFERS,
    "test_sessions": DIFFERS,
    "test_sign_in": DIFFERS,
    "test_sign_in_reads": ALIKE,
    "test_step_up": DIFFERS,
    "test_tenants": DIFFERS,
    "test_text_limits": ALIKE,
    "test_tokens": ALIKE,
    "test_typed_codes": ALIKE,
    "test_unbinding": DIFFERS,
    "test_unknown_logins": DIFFERS,
    "test_user_changes": DIFFERS,
    "test_wrong_clock": DIFFERS,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for this folder's organisation on the backends of its module."""
    module = metafunc.module.__name__.rpartition(".")[2]
    chosen = MODULES.get(module, BACKENDS)
    if "organisation" in metafunc.fixturenames and chosen is not OWN:
        if metafunc.definition.get_closest_marker("alike"):
            chosen = ALIKE
        extent = extent_of(metafunc.config)
        metafunc.parametrize("organisation", {ALL: BACKENDS, QUICK: ALIKE}.get(extent, chosen), indirect=True)


@pytest_asyncio.fixture
async def organisation(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Organisation]:
    """Tenant `acme` on the backend that the suite is run for, which signing in goes through as well."""
    postgres = request.getfixturevalue("postgres") if request.param == POSTGRES else None
    async with organisation_in(home, over_http=request.param != "embedded", postgres=postgres) as made:
        yield made
