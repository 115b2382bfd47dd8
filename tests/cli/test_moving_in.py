"""Every command on the page about moving in does what the page says, in its order."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pytest

from secconsole.domain.factors.totp import Algorithm, TotpParameters, code_for_step, time_step
from secconsole.domain.secret import Secret
from tests.cli.conftest import Shell
from tests.seeds import samples

PAGE = Path(__file__).parents[2] / "docs" / "moving-in.md"
BLOCKS = re.findall(r"^```\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("secconsole ")]
# No mail is set up here, and two of the files hold lines that are refused.
OTHER_CODES = {"invite": 5, "tokens.pi": 7, "tokens.csv": 7}
HOMES = "/home/*/.google_authenticator"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files that the page names, made the current one."""
    owner = tmp_path.owner()
    home = tmp_path / "homes" / owner
    home.mkdir(parents=True)
    for name, text in {
        "people.csv": f"login\nana\nbob\neli\n{owner}\n" if owner != "root" else "login\nana\nbob\neli\n",
        "tokens.pi": samples.privacyidea(),
        "tokens.key": samples.FERNET_KEY + "\n",
        "realm.json": samples.KEYCLOAK,
        "tokens.csv": samples.OATH,
        "serials.csv": "serial,login\ntoken02,bob\n",
        f"homes/{owner}/.google_authenticator": samples.PAM,
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_works_in_this_order(shell: Shell, files: Path) -> None:
    assert len(COMMANDS) > 10
    for line in COMMANDS:
        command, _, source = line.removeprefix("secconsole ").partition(" < ")
        words = [str(next(files.glob("homes/*/.goo*"))) if word == HOMES else word for word in shlex.split(command)]
        given = (files / source).read_bytes() if source else b""
        answer = shell(*words, input=given)
        assert answer.code == next((OTHER_CODES[word] for word in words if word in OTHER_CODES), 0), (line, answer)
    assert shell.json("policy", "show")["policy"] == "off", "the last command goes back"


def test_codes_of_the_former_system_are_accepted(shell: Shell, files: Path) -> None:
    shell("user", "import", "people.csv")
    shell("factor", "import", "tokens.pi", "--password-stdin", input=samples.FERNET_KEY)
    shell("factor", "import", "tokens.csv", "--map", "serials.csv")
    key = Secret(samples.SECRET)
    eight = TotpParameters(Algorithm.SHA256, digits=8, period=60)
    of_ana = code_for_step(key, time_step(time.time(), eight.period), eight)
    of_bob = code_for_step(key, time_step(time.time()))
    assert [shell("verify", login, input=code).code for login, code in (("ana", of_ana), ("bob", of_bob))] == [0, 0]
