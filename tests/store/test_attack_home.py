"""A home in which others can put files, or take them away."""

from __future__ import annotations

import pytest

from secconsole.backends.embedded import open_embedded
from secconsole.domain.errors import Unavailable
from secconsole.operations.caller import Nobody
from tests.organisation import Organisation


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o1777])
async def test_a37_a_home_that_others_can_write_in_is_refused(organisation: Organisation, mode: int) -> None:
    await organisation.backend.close()
    organisation.home.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 700"):
        await open_embedded(Nobody(), "console")
    organisation.home.chmod(0o755)
    await (await open_embedded(Nobody(), "console")).close()
