"""Every figure of Overview opens exactly the list of those that it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import create_demo
from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.owner import owner_here
from secconsole.domain.impact import impact
from secconsole.domain.roles import Role
from secconsole.domain.users.search import parse_search
from secconsole.operations.tenants import Adoption, ShowAdoption
from secconsole.operations.users import CountUsers, ListUsers
from secconsole.operations.whitelist import ListWhitelist
from secconsole.tui.screens.overview.panels import _kinds, _roles
from secconsole.tui.screens.overview.wants import groups_of, present_only, wanting

TENANT = "acme"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("figures") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(made))
        asyncio.run(create_demo(made, users=300, seed=7))
        yield made


async def listed(backend: EmbeddedBackend, target: str) -> int:
    """Return how many entries a line opens, on which count and list agree."""
    place, _, search = target.partition(":")
    if place == "whitelist":
        return len((await backend.perform(ListWhitelist(tenant=TENANT, search=search))).items)
    assert place == "users"
    wanted, problems = parse_search(search)
    assert not problems
    counted = await backend.perform(CountUsers(tenant=TENANT, filter=wanted))
    assert not counted.capped
    found = await backend.perform(ListUsers(tenant=TENANT, filter=wanted, limit=500))
    assert len(found.items) == counted.count
    return counted.count


async def figures(adoption: Adoption) -> list[tuple[int, str]]:
    now = impact(adoption.groups, adoption.policy)
    present = present_only(adoption)
    found = [(number, target) for number, _, target in wanting(adoption, now)]
    shares = {"bound": now.bound, "pending": now.pending, "unbound": now.unbound}
    found += [(number, f"users:status:{status}{present}") for status, number in shares.items()]
    cells = [cell.target for cell in _kinds(adoption, now, True).cells]
    numbers = [number for kind in adoption.kinds for number in (kind.bound, kind.alone) if number]
    found += zip(numbers, cells, strict=True)
    roles = [cell.target for cell in _roles(adoption, now, True).cells]
    return found + [
        (sum(group.count for group in groups_of(adoption, Role(role)) if not group.disabled), target)
        for target in roles
        for role in [target.removeprefix("users:role:").split()[0]]
    ]


async def test_each_figure_opens_the_list_behind_it(home: Path) -> None:
    backend = await open_embedded(owner_here(), "command")
    try:
        adoption = await backend.perform(ShowAdoption(tenant=TENANT))
        assert {"totp", "email", "sms"} == {kind.kind for kind in adoption.kinds if kind.alone}
        assert present_only(adoption) == " -is:disabled"
        found = await figures(adoption)
        opened = {target: await listed(backend, target) for _, target in found}
        assert opened == {target: number for number, target in found}
        assert {"whitelist:until:none", "whitelist:until:<7d"} <= {target for _, target in found}
    finally:
        await backend.close()
