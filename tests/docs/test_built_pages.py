"""What is built from commands and operations: the manual page, completion scripts and JSON schemas."""

from __future__ import annotations

import shutil
import subprocess

import click
import jsonschema_rs
import msgspec
import pytest

from docs import json_schemas, man_page
from secconsole.cli.app import NAME, cli
from secconsole.operations.base import OPERATIONS, example_of
from secconsole.operations.wire import encode


def test_the_manual_page_has_every_command() -> None:
    text = man_page.page()
    paths = [context.command_path for context in man_page.commands(click.Context(cli, info_name=NAME))]
    assert len(paths) > 100
    assert [path for path in paths if f'.SS "{path}"'.replace("-", "\\-") not in text] == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_manual_page_is_valid_roff() -> None:
    done = subprocess.run(["groff", "-man", "-ww", "-z", "-Kutf8"], input=man_page.page().encode(), capture_output=True)
    assert done.stderr.decode() == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_completion_script(shell: str) -> None:
    assert "_SECCONSOLE_COMPLETE" in man_page.completion(shell)


def test_the_example_of_each_operation_fits_its_schema() -> None:
    assert len(OPERATIONS) > 100
    for name, kind in OPERATIONS.items():
        reply = msgspec.json.decode(encode(example_of(name).reply))
        assert jsonschema_rs.is_valid(json_schemas.reply_schema(kind), reply), name
