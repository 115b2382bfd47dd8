"""The built-in themes in a clone, in an sdist, and in a wheel installed without the source beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from secconsole.config.locations import built_in_themes_dir

SOURCE = Path(__file__).parents[2]
NAMES = [
    "ansi-dark",
    "ansi-light",
    "colour-blind-safe",
    "ember",
    "fjord",
    "high-contrast",
    "parchment",
    "secconsole-dark",
    "secconsole-light",
]


def build(source: Path, target: str, into: Path) -> Path:
    """Build one distribution with the backend that pip uses, and return its file."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into], cwd=source, check=True)
    (built,) = into.iterdir()
    return built


def listed(python: Path | str, home: Path, **variables: str) -> dict[str, str]:
    """Return the themes that `secconsole theme list` finds, each with its file."""
    command = [python, "-m", "secconsole", "theme", "list", "--format", "json"]
    environment = {**os.environ, "SECCONSOLE_HOME": str(home), **variables}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=True)
    return {theme["name"]: theme["file"] for theme in json.loads(done.stdout)["items"] if not theme["problem"]}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(SOURCE, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the sdist alone, as a distribution's packagers do."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    return build(source, "wheel", tmp_path_factory.mktemp("wheel"))


def test_a_clone_keeps_its_themes_at_the_top(tmp_path: Path) -> None:
    assert not (SOURCE / "secconsole" / "themes").exists()
    assert built_in_themes_dir() == SOURCE / "themes"
    assert sorted(listed(sys.executable, tmp_path)) == NAMES


def test_an_sdist_contains_what_a_clone_does(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    assert sorted(Path(name).stem for name in files if name.startswith("themes/")) == NAMES
    assert {"README.md", "LICENSE", "Makefile", "constraints.txt", "tests/conftest.py"} <= files


def test_an_installed_wheel_includes_its_themes(wheel: Path, tmp_path: Path) -> None:
    """Run with the dependencies of this environment on PYTHONPATH, where its editable install has no effect."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    found = listed(python, tmp_path, PYTHONPATH=sysconfig.get_path("purelib"))
    assert sorted(found) == NAMES
    assert all(Path(file).is_relative_to(environment) for file in found.values())


def test_a_wheel_contains_nothing_outside_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top.partition("-")[0] for top in tops} == {"secconsole"}


def test_a_wheel_installs_manual_page_and_completion_of_its_commands(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", wheel], check=True)
    share = environment / "share"
    page = (share / "man" / "man1" / "secconsole.1").read_text()
    assert page.startswith(".TH SECCONSOLE 1")
    for command in ("unbind", "policy set", "audit stream add", "completion"):
        assert f'.SS "secconsole {command}"' in page
    for file in (
        "bash-completion/completions/secconsole",
        "zsh/site-functions/_secconsole",
        "fish/vendor_completions.d/secconsole.fish",
    ):
        assert "_SECCONSOLE_COMPLETE" in (share / file).read_text()
