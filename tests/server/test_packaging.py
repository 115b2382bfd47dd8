"""What is packaged and written for operators: it must not say what the program does not do."""

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
from secconsole.server.limits import TOLD, Limits
from secconsole.server.routes import LONGEST_BODY
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
    """A unit file; of settings that stand in it several times, all values, a line each."""
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
    """Read a command line down to its last command, and carry nothing out; raises what the program would."""
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


def test_the_units_command_line_is_understood() -> None:
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


def test_the_units_leave_the_server_time_and_files_enough() -> None:
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


def test_the_proxies_leave_requests_as_they_are() -> None:
    limits = Limits()
    assert int(re.findall(r"client_max_body_size\s+(\d+)m;", NGINX)[0]) * 1024 * 1024 == LONGEST_BODY
    assert int(re.findall(r"keepalive_timeout\s+(\d+)s;", NGINX)[0]) < limits.idle
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX
    changes = NGINX.partition("location = /v1/changes {")[2].partition("}")[0]
    assert "proxy_buffering off;" in changes
    logged = re.findall(r"log_format secconsole '(.*?)'", NGINX)[0]
    assert not re.search(r"\$(request\b|request_uri|uri|args|http_)", logged)
    socket = unit("secconsole.socket")["Socket"]["ListenStream"].splitlines()[0]
    for file in (NGINX, (PACKAGING / "Caddyfile").read_text()):
        assert socket in file


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    text = (PACKAGING / "secconsole.service").read_text().replace("/opt/secconsole/bin/python", sys.executable)
    (tmp_path / "secconsole.service").write_text(text)
    shutil.copy(PACKAGING / "secconsole.socket", tmp_path)
    paths = [str(tmp_path / name) for name in ("secconsole.service", "secconsole.socket")]
    found = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_it_works_without_memory_that_can_be_written_and_executed(store: Path, tmp_path: Path) -> None:  # noqa: F811
    """What MemoryDenyWriteExecute= denies; password hashing and event loop are machine code of other people's."""
    assert unit("secconsole.service")["Service"]["MemoryDenyWriteExecute"] == "yes"
    tried = subprocess.run([sys.executable, "-I", "-c", _DENIED, sys.executable, "-c", ""], capture_output=True,
                           text=True, check=False)  # fmt: skip
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


def test_every_command_for_operators_is_understood() -> None:
    found = list(commands_in(OPERATIONS.read_text()))
    assert len(found) > 15
    for words in found:
        context = parse([word for word in words if word not in ("[", "]")])
        assert context.info_name != "secconsole", words


def test_the_forced_command_is_understood() -> None:
    line = re.findall(r"ForceCommand (.+)", (PACKAGING / "sshd_config.conf").read_text())[0]
    words = shlex.split(line)
    at = words.index("secconsole")
    assert words[at - 2 : at] == ["-I", "-m"] or words[at - 1] == "-m"
    assert parse(words[at + 1 :]).command is cli


def test_every_option_that_is_named_exists() -> None:
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
    named = {word for path in (OPERATIONS, PACKAGING / "nginx.conf", PACKAGING / "Caddyfile", *PACKAGING.glob("sec*"))
             for word in re.findall(r"(?<![\w-])--[a-z][a-z-]*", path.read_text())}  # fmt: skip
    assert len(named) > 12
    assert named <= known | others


def test_every_file_and_metric_that_is_named_exists() -> None:
    text = OPERATIONS.read_text()
    for name in set(re.findall(r"packaging/[\w.]+", text)):
        assert (ROOT / name).exists(), name
    metrics = (ROOT / "secconsole" / "server" / "metrics.py").read_text()
    named = set(re.findall(r"`(secconsole_\w+)", text))
    assert len(named) == 6
    assert all(f'"{name}"' in metrics for name in named)
    headings = {
        re.sub(r"[^a-z -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^## (.+)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
