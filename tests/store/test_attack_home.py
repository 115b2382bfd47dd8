"""A home in which other users can create or remove files."""

from __future__ import annotations

import pytest

from secconsole.backends.embedded import open_embedded
from secconsole.domain.errors import Unavailable
from secconsole.operations.caller import Nobody
from tests.organisation import Organisation


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o1777])
async def test_a37_a_home_writable_by_others_is_refused(organisation: Organisation, mode: int) -> None:
    await organisation.backend.close()
    organisation.home.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 700"):
        await open_embedded(Nobody(), "console")
    organisation.home.chmod(0o755)
    await (await open_embedded(Nobody(), "console")).close()


async def test_a_symbolic_link_as_lock_file_is_not_followed(organisation: Organisation) -> None:
    await organisation.backend.close()
    precious = organisation.home.parent / "precious"
    precious.touch(mode=0o644)
    precious.chmod(0o644)
    lock = organisation.home / "console.db.next"
    lock.unlink()
    lock.symlink_to(precious)
    with pytest.raises(Unavailable, match=r"console\.db\.next"):
        await open_embedded(Nobody(), "console")
    assert precious.stat().st_mode & 0o777 == 0o644
