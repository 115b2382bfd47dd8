"""A fixed environment for tests, which keeps only the location of programs.

Otherwise tests would depend on the machine and its user: home and its settings, locale, time zone, proxies,
certificates, PostgreSQL's variables, colours, umask.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

KEPT = ("PATH", "TMPDIR", "CI", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
KEPT_BEGINNINGS = ("PYTEST_", "SECCONSOLE_TEST_", "SECCONSOLE_LONG_", "SECCONSOLE_HOSTILE_", "SECCONSOLE_KILL_", "COV")
UMASK = 0o022
ZONE = "UTC"
LOCALE = "C.UTF-8"


class FixedEnvironment:
    """The environment of this process and its children from `isolate` on, whose home `restore` removes."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="secconsole-home-"))

    def isolate(self) -> None:
        """Leave out every variable that is not kept, and set the ones that programs look for."""
        for name in list(os.environ):
            if name not in KEPT and not name.startswith(KEPT_BEGINNINGS):
                del os.environ[name]
        os.environ.update({"HOME": str(self.home), "TZ": ZONE, "LANG": LOCALE, "TERM": "xterm-256color"})
        time.tzset()
        os.umask(UMASK)

    def remove(self) -> None:
        """Remove the home. Files left in it come from a test that should have used its own folder."""
        shutil.rmtree(self.home, ignore_errors=True)
