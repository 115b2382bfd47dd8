"""`secconsole audit stream`: receivers of the audit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from secconsole.cli.command import Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.confirm import Affected, Effect, confirm_effect, confirmation_options
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column
from secconsole.config.private import read_private
from secconsole.domain.audit.audit_stream import LONGEST_PEM, StreamKind, parse_receiver
from secconsole.domain.errors import Invalid, NotFound, Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.audit_streams import (
    AddAuditStream,
    AuditStream,
    ListAuditStreams,
    RemoveAuditStream,
    StreamAdded,
    StreamTest,
    TestAuditStream,
)

TIMEOUT, INTERVAL = 50.0, 0.3  # seconds to wait for the outcome of a test

COLUMNS: list[Column[AuditStream]] = [
    Column("name", lambda s: s.name),
    Column("kind", lambda s: s.kind),
    Column("to", lambda s: s.to),
    Column("state", lambda s: s.state),
    Column("sent", lambda s: s.sent, "Last sent", numeric=True),
    Column("newest", lambda s: s.newest, numeric=True),
    Column("behind", lambda s: s.behind, "Entries behind", numeric=True),
    Column("behind_since", lambda s: s.behind_since),
    Column("last_sent", lambda s: s.last_sent, "Sent at"),
    Column("failures", lambda s: s.failures, numeric=True),
    Column("problem", lambda s: s.problem),
    Column("failing_since", lambda s: s.failing_since),
    Column("next_try", lambda s: s.next_try),
    Column("test", lambda s: s.test),
    Column("tested", lambda s: s.tested),
    Column("test_problem", lambda s: s.test_problem),
    Column("id", lambda s: s.id, "Id"),
    Column("created", lambda s: s.created),
    Column("by", lambda s: s.by),
]
_IN_TABLE = ("name", "kind", "to", "state", "behind", "behind_since", "problem")
IN_TABLE = [column for column in COLUMNS if column.key in _IN_TABLE]
ADDED: list[Column[StreamAdded]] = [
    Column("name", lambda a: a.stream.name),
    Column("kind", lambda a: a.stream.kind),
    Column("to", lambda a: a.stream.to),
    Column("id", lambda a: a.stream.id, "Id"),
    Column("secret", lambda a: a.secret.reveal() if a.secret else ""),
]


@click.group(cls=Group)
def stream() -> None:
    """Send the audit to other systems: syslog over TLS, a UNIX socket, or a signed webhook."""


@stream.command("list")
@with_backend
async def list_streams(context: CommandContext) -> None:
    """List the receivers of the audit, and how far each is behind."""
    found = await context.perform(ListAuditStreams(tenant=await context.tenant()))
    context.out.listing(IN_TABLE if context.out.is_table else COLUMNS, found.items)
    if context.out.is_table and not found.items:
        say("The audit is sent nowhere. Add a receiver: secconsole audit stream add")


@stream.command("add")
@click.argument("name")
@click.option("--syslog", metavar="HOST[:PORT]", help="Syslog over TLS (RFC 5425), by default at port 6514.")
@click.option("--socket", metavar="PATH", help="Syslog on a UNIX socket, as in /dev/log.")
@click.option("--webhook", metavar="URL", help="Requests signed as standardwebhooks.com specifies.")
@click.option(
    "--webhook-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The same from a private file, for a URL that is a secret.",
)
@click.option(
    "--receiver-ca", type=click.Path(path_type=Path), metavar="FILE", help="Trust only these authorities, as PEM."
)
@click.option(
    "--client-certificate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show this certificate, as PEM, to the receiver.",
)
@click.option(
    "--client-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Its key, in a file that only its owner may read.",
)
@click.option("--from-start", is_flag=True, help="Send all entries there are, not only new ones.")
@confirmation_options
@with_backend
async def add(
    context: CommandContext,
    name: str,
    syslog: str | None,
    socket: str | None,
    webhook: str | None,
    webhook_file: Path | None,
    receiver_ca: Path | None,
    client_certificate: Path | None,
    client_key: Path | None,
    from_start: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Send every entry of the audit to a receiver.

    The secret of a webhook is shown once.

    \b
    secconsole audit stream add siem --syslog siem.acme.example:6514 --yes
    secconsole audit stream add local --socket /dev/log --yes
    secconsole audit stream add hook --webhook https://siem.acme.example/audit --yes
    """
    if webhook_file is not None:
        if webhook is not None:
            raise Invalid("Use either --webhook or --webhook-file.", "webhook")
        webhook = read_private(webhook_file).strip()
    kind, to = _address({StreamKind.SYSLOG_TLS: syslog, StreamKind.SYSLOG_UNIX: socket, StreamKind.WEBHOOK: webhook})
    tenant = await context.tenant()
    wanted = AddAuditStream(
        tenant=tenant,
        name=name,
        kind=kind,
        to=to,
        ca=_pem(receiver_ca),
        certificate=_pem(client_certificate),
        key=Secret(read_private(client_key)) if client_key else None,
        from_start=from_start,
    )
    shown = parse_receiver(kind, to).words(kind)
    which = "Every entry that there is, and every new one," if from_start else "Every new entry"
    effect = Effect(
        f"{which} of the audit of {tenant} is sent to {shown}.",
        [Affected("stream", name, shown, str(kind), "receives the audit")],
    )
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    added = await context.perform(wanted)
    if context.out.format == "json":
        context.out.json(added, reveal=True)
    elif context.out.is_table:
        context.out.record(IN_TABLE, added.stream)
        if added.secret is not None:
            context.out.line(added.secret.reveal())
            say("This secret signs the requests. It is not shown again: give it to the receiver now.")
        say(f"Test it: secconsole audit stream test {added.stream.name}")
    else:
        context.out.listing(ADDED, [added])
    return ExitCode.DONE


@stream.command("test")
@click.argument("name")
@with_backend
async def test(context: CommandContext, name: str) -> int:
    """Send a test message to a receiver, and wait for the outcome: exit 0 if it took the message, 1 if not."""
    tenant = await context.tenant()
    asked = await context.perform(TestAuditStream(tenant=tenant, stream=name))
    found = await _tested(context, tenant, asked.id)
    context.out.record(COLUMNS, found)
    if found.test is StreamTest.WAITING:
        raise Unavailable("No process has sent the test yet. See: secconsole audit stream list")
    return ExitCode.DONE if found.test is StreamTest.PASSED else ExitCode.NO


@stream.command("remove")
@click.argument("name")
@confirmation_options
@with_backend
async def remove(context: CommandContext, name: str, dry_run: bool, yes: bool) -> int:
    """Send no more entries to a receiver."""
    tenant = await context.tenant()
    found = await _stream(context, tenant, name)
    unsent = f" It lacks the newest {found.behind:,}." if found.behind else ""
    effect = Effect(
        f"{found.to} gets no more entries of the audit of {tenant}.{unsent}",
        [Affected("stream", found.name, found.to, str(found.kind), "ends")],
    )
    if (ended := confirm_effect(context, effect, dry_run=dry_run, yes=yes)) is not None:
        return ended
    removed = await context.perform(RemoveAuditStream(tenant=tenant, stream=found.id))
    context.out.record(IN_TABLE if context.out.is_table else COLUMNS, removed)
    return ExitCode.DONE


async def _stream(context: CommandContext, tenant: str, name: str) -> AuditStream:
    found = await context.perform(ListAuditStreams(tenant=tenant))
    for one in found.items:
        if name in (one.id, one.name) or name.casefold() == one.name.casefold():
            return one
    raise NotFound("There is no such stream. See: secconsole audit stream list")


async def _tested(context: CommandContext, tenant: str, id: str) -> AuditStream:
    """Return a stream once its test has an outcome, or after a while."""
    loop = asyncio.get_running_loop()
    end = loop.time() + TIMEOUT
    while True:
        found = await _stream(context, tenant, id)
        if found.test is not StreamTest.WAITING or loop.time() > end:
            return found
        await asyncio.sleep(INTERVAL)


def _address(given: dict[StreamKind, str | None]) -> tuple[StreamKind, str]:
    found = [(kind, to) for kind, to in given.items() if to is not None]
    if len(found) != 1:
        raise Invalid("Give one receiver: --syslog HOST, --socket PATH or --webhook URL.", "to")
    return found[0]


def _pem(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"{path} cannot be read as PEM.", "certificate") from None
    if len(text) > LONGEST_PEM:
        raise Invalid(f"{path} is longer than {LONGEST_PEM:,} characters. Leave out what is not needed.", "certificate")
    return text
