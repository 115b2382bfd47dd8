"""Build hook: a wheel installs the manual page and the completion scripts, made from the commands."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShareHook(BuildHookInterface[Any]):
    """Runs `docs.man_page` on the tree that is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add what belongs below share/ to a wheel.

        An editable install goes without: it would show the commands of another day.
        """
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        made = Path(self._folder.name)
        subprocess.run([sys.executable, "-m", "docs.man_page", str(made)], cwd=self.root, check=True)  # noqa: S603
        files = [file for file in made.rglob("*") if file.is_file()]
        build_data["shared_data"] |= {str(file): f"share/{file.relative_to(made)}" for file in files}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the files again."""
        if version != "editable":
            self._folder.cleanup()
