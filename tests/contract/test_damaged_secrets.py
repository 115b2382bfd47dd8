"""A13 and A28: a sealed secret that does not open is denied and reported once, without harm to others.

Two users' seeds are really swapped in the database, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.caller import Nobody
from secconsole.operations.factors import VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import VerifySignIn
from secconsole.operations.tenants import ShowAdoption
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import ShowUser
from secconsole.server.app import make_app
from secconsole.server.metrics import Metrics
from secconsole.store.schema import factors, users
from tests.organisation import TENANT, Organisation


async def swapped(organisation: Organisation) -> None:
    """Swap the sealed seeds of ana and ben in the database."""
    for login in ("ana", "ben", "eve"):
        await organisation.add(login)
        await organisation.bind(login)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))

    def swap(connection: sa.Connection) -> None:
        query = sa.select(users.c.login, factors.c.pk, factors.c.sealed).join(users, users.c.pk == factors.c.user_pk)
        rows = {login: (pk, sealed) for login, pk, sealed in connection.execute(query)}
        (ana, seed_of_ana), (ben, seed_of_ben) = rows["ana"], rows["ben"]
        for pk, sealed in ((ana, seed_of_ben), (ben, seed_of_ana)):
            connection.execute(sa.update(factors).where(factors.c.pk == pk).values(sealed=sealed))

    organisation.backend.store.write(swap).result()


async def reports(organisation: Organisation) -> list[AuditEntry]:
    page = await organisation.perform(ListAudit(tenant=TENANT, action="secret.damaged"))
    return list(page.items)


async def damage(organisation: Organisation) -> tuple[int, int]:
    """Return the figures of damaged secrets, and of the reports that Overview opens."""
    adoption = await organisation.perform(ShowAdoption(tenant=TENANT))
    return adoption.damaged, adoption.damage_reports


async def sign_in(organisation: Organisation, login: str, code: Secret[str]) -> SignInStatus:
    answer = await organisation.start(login)
    assert answer.challenge is not None
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=code)
    return (await organisation.perform(verify, Nobody())).status


async def test_swapped_seeds_work_for_neither_account_and_are_reported_once(
    organisation: Organisation, caplog: pytest.LogCaptureFixture
) -> None:
    await swapped(organisation)
    caplog.set_level(logging.ERROR)
    for code in (organisation.code("ana"), organisation.code("ben"), organisation.code("ana", 1)):
        assert await sign_in(organisation, "ana", code) is SignInStatus.SECOND_FACTOR
    ana = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    (entry,) = await reports(organisation)
    assert (entry.target, entry.target_id, entry.outcome) == ("ana", ana.user.id, "failed")
    assert entry.details["row"] == ana.factors[0].id
    assert entry.details["purpose"] == "totp"
    assert [record for record in caplog.records if "does not open" in record.getMessage()]
    assert organisation.backend.damaged_secrets >= 3
    assert ana.failures == 3, "a try is a try"


async def test_both_accounts_are_reported_and_others_can_sign_in(organisation: Organisation) -> None:
    await swapped(organisation)
    for login in ("ana", "ben"):
        verify = VerifyCode(tenant=TENANT, user=login, code=organisation.code(login))
        assert not (await organisation.perform(verify)).accepted
    assert {entry.target for entry in await reports(organisation)} == {"ana", "ben"}
    assert await sign_in(organisation, "eve", organisation.code("eve")) is SignInStatus.COMPLETE


async def test_overview_counts_damaged_factors_until_they_are_unbound(organisation: Organisation) -> None:
    await swapped(organisation)
    await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))
    assert await damage(organisation) == (1, 1)
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="its seed was swapped"))
    assert await damage(organisation) == (0, 1)
    assert len(await reports(organisation)) == 1


async def test_a_metric_counts_damaged_factors(organisation: Organisation) -> None:
    metrics = Metrics()
    make_app(organisation.backend, metrics=metrics)
    await swapped(organisation)
    assert "secconsole_damaged_secrets 0.0" in metrics.text()
    await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))
    assert "secconsole_damaged_secrets 1.0" in metrics.text()
