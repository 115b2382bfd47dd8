"""The page for administrators and the unit agree with the program and the module."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pam.module import ROOT
from tests.server.test_packaging import commands_in, parse, unit

PAGE = (ROOT / "docs" / "ssh.md").read_text()
MODULE = (ROOT / "pam" / "pam_secconsole.c").read_text()


def test_its_commands_are_understood() -> None:
    for words in commands_in(PAGE):
        if "--help" not in words:  # which prints and ends
            parse(words)


def test_the_unit_starts_the_agent_where_the_module_looks_for_it() -> None:
    service = unit("secconsole-pam.service")["Service"]
    words = service["ExecStart"].replace("$SECCONSOLE_PAM", "--context prod --tenant acme").split()
    context = parse(words[words.index("secconsole") + 1 :])
    assert context.info_name == "pam-agent"
    assert context.params["listen"] == f"unix:{_path_in_module()}"
    assert Path(_path_in_module()).parent == Path("/run") / service["RuntimeDirectory"]


def test_the_page_describes_the_options_of_the_module() -> None:
    described = set(re.findall(r"^\| `([a-z_]+)", PAGE, re.M))
    understood = set(re.findall(r'"([a-z_]+)=?/?", \d+\)|argv\[i\], "([a-z_]+)"\)', MODULE))
    assert described == {name for names in understood for name in names if name}


def _path_in_module() -> str:
    found = re.search(r'struct options given = \{"([^"]+)"', MODULE)
    assert found is not None
    return found[1]
