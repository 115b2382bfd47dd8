"""An export writes what others put into entries, where an operator says: never a file that something runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.domain.errors import Invalid
from secconsole.operations.audit import ListAudit
from secconsole.tui import audit_export

ENTRIES = ListAudit(tenant="acme")


@pytest.mark.parametrize(
    "name", [".ssh/rc", ".ssh/authorized_keys", ".bashrc", "config.toml", "console.db-journal", ".csv", "x.csv/../rc"]
)
def test_a40_an_export_never_becomes_a_file_that_is_run(tmp_path: Path, name: str) -> None:
    for folder in (".ssh", "x.csv"):
        (tmp_path / folder).mkdir()
    for format in audit_export.FORMATS:
        with pytest.raises(Invalid, match=f"ends in .{format}") as refused:
            audit_export.begin(str(tmp_path / name), format, ENTRIES)
        assert refused.value.field == "path"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_export_is_named_after_what_it_is(tmp_path: Path) -> None:
    export = audit_export.begin(str(tmp_path / "Entries.CSV"), "csv", ENTRIES)
    export.file.close()
    assert export.path.exists()
    with pytest.raises(Invalid):
        audit_export.begin(str(tmp_path / "entries.json"), "csv", ENTRIES)
