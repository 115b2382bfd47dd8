"""An export with hostile entries, written where an operator says, never runs anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.domain.errors import Invalid
from secconsole.operations.audit import ListAudit
from secconsole.tui.screens.audit import export

ENTRIES = ListAudit(tenant="acme")


@pytest.mark.parametrize(
    "name", [".ssh/rc", ".ssh/authorized_keys", ".bashrc", "config.toml", "console.db-journal", ".csv", "x.csv/../rc"]
)
def test_a40_an_export_never_creates_an_executable_file(tmp_path: Path, name: str) -> None:
    for folder in (".ssh", "x.csv"):
        (tmp_path / folder).mkdir()
    for format in export.FORMATS:
        with pytest.raises(Invalid, match=f"ends in .{format}") as refused:
            export.begin(str(tmp_path / name), format, ENTRIES)
        assert refused.value.field == "path"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_export_is_named_by_its_content(tmp_path: Path) -> None:
    begun = export.begin(str(tmp_path / "Entries.CSV"), "csv", ENTRIES)
    begun.file.close()
    assert begun.path.exists()
    with pytest.raises(Invalid):
        export.begin(str(tmp_path / "entries.json"), "csv", ENTRIES)
