"""Packaged files and operators' documentation agree with the program."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from secconsole.cli.app import cli
from secconsole.cli.command import Call
from secconsole.domain.limits import IMPORT_BODY
from secconsole.server.transport.limits import TOLD, Limits
from tests.server.serving import line_to, serving
from tests.server.test_serve import SIGN_IN, begin_sign_in, store  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
OPERATIONS = ROOT / "docs" / "operations.md"
NGINX = (PACKAGING / "nginx.conf").read_text()
#: refuses itself memory that can be written and executed, then becomes the program
_DENIED = """
import ctypes, mmap, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
    sys.exit("this kernel cannot deny it")
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    os.execv(sys.argv[1], sys.argv[1:])
sys.exit("it was not denied")
"""


def unit(name: str) -> configparser.ConfigParser:
    """Parse a unit file, with all values of repeated settings, one per line."""
    read = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    seen: dict[str, list[str]] = {}
    lines = []
    for line in (PACKAGING / name).read_text().splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            seen.setdefault(key, []).append(value)
            line = f"{key}=" + "\n ".join(seen[key])
        lines.append(line)
    read.read_string("\n".join(lines))
    return read


def parse(words: list[str]) -> click.Context:
    """Parse a command line down to its last command without executing it, or raise like the program would."""
    context = cli.make_context("secconsole", list(words), obj=Call(lambda _: 0))
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        name, command, rest = context.command.resolve_command(context, rest)
        assert name is not None
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    return context


def commands_in(text: str) -> Iterator[list[str]]:
    """The command lines of code blocks, and those between backquotes."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(secconsole [a-z-][^`]*)`", re.sub(r"^```\n.*?^```", "", text, flags=re.M | re.S))
    for line in lines:
        if line.startswith("secconsole ") and "…" not in line:
            yield shlex.split(line, comments=True)[1:]


def test_the_command_line_of_the_unit_is_valid() -> None:
    start = unit("secconsole.service")["Service"]["ExecStart"]
    python, isolated, module, package, *words = start.split()
    assert (python, isolated, module, package) == ("/opt/secconsole/bin/python", "-I", "-m", "secconsole")
    assert words[-1] == "$SECCONSOLE_SERVE"
    for file in (NGINX, (PACKAGING / "Caddyfile").read_text()):
        added = re.findall(r"^#\s+SECCONSOLE_SERVE=(.+)$", file, re.M)
        assert len(added) == 1
        context = parse([*words[:-1], *added[0].split()])
        assert context.info_name == "serve"
        assert context.params["listen"] == ("systemd",)
        assert context.params["trusted_proxy"]
        assert context.params["limit_concurrency"] == Limits().connections


def test_the_units_allow_enough_time_and_files() -> None:
    service = unit("secconsole.service")["Service"]
    limits = Limits()
    assert int(service["TimeoutStopSec"]) > limits.stop
    assert int(service["LimitNOFILE"]) > limits.connections + TOLD + 64
    assert service["Type"] == "notify"
    assert "PrivateUsers" not in service, "the kernel could not say who is at the other end"
    listen = unit("secconsole.socket")["Socket"]
    assert listen["SocketMode"] == "0660"
    made = set(re.findall(r"^[ug] (\S+)", (PACKAGING / "secconsole.sysusers").read_text(), re.M))
    assert {service["User"], service["Group"], listen["SocketUser"], listen["SocketGroup"]} == made


def test_the_proxy_configurations_do_not_change_requests() -> None:
    limits = Limits()
    assert int(re.findall(r"client_max_body_size\s+(\d+)m;", NGINX)[0]) * 1024 * 1024 == IMPORT_BODY
    assert int(re.findall(r"keepalive_timeout\s+(\d+)s;", NGINX)[0]) < limits.idle
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX
    changes = NGINX.partition("location = /v1/changes {")[2].partition("}")[0]
    assert "proxy_buffering off;" in changes
    logged = re.findall(r"log_format secconsole '(.*?)'", NGINX)[0]
    assert not re.search(r"\$(request\b|request_uri|uri|args|http_)", logged)
    socket = unit("secconsole.socket")["Socket"]["ListenStream"].splitlines()[0]
    for file in (NGINX, (PACKAGING / "Caddyfile").read_text()):
        assert socket in file


def complaints(folder: Path) -> list[str]:
    """Return systemd's complaints about the units in a folder, without those about other programs' units."""
    paths = [str(folder / name) for name in ("secconsole.service", "secconsole.socket")]
    found = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
    return [line for line in found.stderr.splitlines() if "secconsole" in line]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    text = (PACKAGING / "secconsole.service").read_text().replace("/opt/secconsole/bin/python", sys.executable)
    shutil.copy(PACKAGING / "secconsole.socket", tmp_path)
    (tmp_path / "secconsole.service").write_text(text + "\n[Nonsense]\n")
    assert complaints(tmp_path), "systemd reported nothing about a section that it does not know"
    (tmp_path / "secconsole.service").write_text(text)
    assert complaints(tmp_path) == []


def test_the_server_runs_without_writable_executable_memory(store: Path, tmp_path: Path) -> None:  # noqa: F811
    """MemoryDenyWriteExecute= also applies to the machine code of libraries, in password hashing and event loop."""
    assert unit("secconsole.service")["Service"]["MemoryDenyWriteExecute"] == "yes"
    tried = subprocess.run(
        [sys.executable, "-I", "-c", _DENIED, sys.executable, "-c", ""], capture_output=True, text=True, check=False
    )
    if tried.stderr == "this kernel cannot deny it\n":
        pytest.skip(tried.stderr)
    path = tmp_path / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{path}", before=_DENIED) as server, line_to(path) as line:
        begin_sign_in(line)
        server.signal()
        server.wait_for("STOPPING=1")
        line.socket.sendall(SIGN_IN)
        assert b'"status":"complete"' in line.rest()
        assert server.exit_code() == 0


def test_every_command_for_operators_is_valid() -> None:
    found = list(commands_in(OPERATIONS.read_text()))
    assert len(found) > 15
    for words in found:
        command = words[: words.index(">")] if ">" in words else words
        context = parse([word for word in command if word not in ("[", "]")])
        assert context.info_name != "secconsole", words


def test_the_forced_command_is_valid() -> None:
    line = re.findall(r"ForceCommand (.+)", (PACKAGING / "sshd_config.conf").read_text())[0]
    words = shlex.split(line)
    at = words.index("secconsole")
    assert words[at - 2 : at] == ["-I", "-m"] or words[at - 1] == "-m"
    assert parse(words[at + 1 :]).command is cli


def test_every_named_option_exists() -> None:
    known: set[str] = set()

    def add(command: click.Command) -> None:
        known.update(option for parameter in command.params for option in parameter.opts)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                add(inner)

    add(cli)
    others = {"--constraint", "--now", "--unix-socket", "--format"}  # of pip, systemctl, curl and pg_dump
    named = {
        word
        for path in (OPERATIONS, PACKAGING / "nginx.conf", PACKAGING / "Caddyfile", *PACKAGING.glob("sec*"))
        for word in re.findall(r"(?<![\w-])--[a-z][a-z-]*", path.read_text())
    }
    assert len(named) > 12
    assert named <= known | others


def test_every_named_file_and_metric_exists() -> None:
    text = OPERATIONS.read_text()
    for name in set(re.findall(r"packaging/[\w.-]+", text)):
        assert (ROOT / name).exists(), name
    metrics = "".join((ROOT / "secconsole" / face / "metrics.py").read_text() for face in ("server", "radius"))
    named = set(re.findall(r"`(secconsole_\w+)", text))
    assert len(named) >= 7
    assert all(f'"{name}"' in metrics for name in named)
    headings = {
        re.sub(r"[^a-z -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^## (.+)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
