"""Values that examples of requests and replies share: one small tenant on one morning."""

from __future__ import annotations

# Declarations reach every value as an attribute of this package, whichever module it is in.
from secconsole.operations.sample.audit import *  # noqa: F403
from secconsole.operations.sample.basics import *  # noqa: F403
from secconsole.operations.sample.helpdesk import *  # noqa: F403
from secconsole.operations.sample.settings import *  # noqa: F403
from secconsole.operations.sample.sign_in import *  # noqa: F403
from secconsole.operations.sample.users import *  # noqa: F403
