"""`secconsole policy`: show, preview and set whether a second factor is asked for."""

from __future__ import annotations

from dataclasses import asdict
from operator import itemgetter

import click

from secconsole.cli.command import Noun, Word
from secconsole.cli.output import Column
from secconsole.cli.work import Work, working
from secconsole.domain.errors import Invalid
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.operations.policy import (
    ExplainSignIn,
    Explanation,
    Policy,
    PolicyPreview,
    PreviewPolicy,
    SetPolicy,
    ShowPolicy,
)

COLUMNS: list[Column[Policy]] = [
    Column("policy", lambda p: p.policy),
    Column("grace_days", lambda p: p.grace_days),
    Column("kinds", lambda p: p.kinds, "Factor kinds"),
    Column("required_since", lambda p: p.required_since),
    Column("changed", lambda p: p.changed),
    Column("changed_by", lambda p: p.changed_by),
    Column("recovery_view", lambda p: p.recovery_view, "Codes seen again"),
    Column("version", lambda p: p.version),
]
EXPLAINED: list[Column[Explanation]] = [
    Column("login", lambda e: e.login),
    Column("outcome", lambda e: e.outcome),
    Column("rule", lambda e: e.rule),
    Column("then_outcome", lambda e: e.then_outcome),
    Column("then_rule", lambda e: e.then_rule),
    Column("message", lambda e: e.message),
    Column("because", lambda e: e.because),
]


@click.group(cls=Noun)
def policy() -> None:
    """Whether a second factor is off, optional or required in a tenant."""


@policy.command("show")
@working
async def show(work: Work) -> None:
    """Show what holds now."""
    work.out.record(COLUMNS, await work.perform(ShowPolicy(tenant=await work.tenant())))


@policy.command("preview")
@click.argument("mode", type=Word(PolicyMode))
@working
async def preview(work: Work, mode: PolicyMode) -> None:
    """Say what a policy would do to whom, and change nothing."""
    found = await work.perform(PreviewPolicy(tenant=await work.tenant(), mode=mode))
    flat = _flat(found)
    if work.out.format == "json":
        work.out.json(flat)
        return
    if not work.out.is_table:
        you = flat.pop("you")
        assert isinstance(you, dict)
        flat.update({f"you_{name}": value for name, value in you.items()})
        work.out.listing([Column(name, itemgetter(name)) for name in flat], [flat])
        return
    impact = found.impact
    work.out.pairs(
        [
            ("Policy", f"{mode} (now {found.now})"),
            ("Users", impact.users),
            ("Bound already", impact.bound),
            ("Must bind", f"{impact.must_enroll:,}{_when(found)}"),
            ("  administrators", impact.admins_must_enroll),
            ("Locked out", impact.locked_out),
            ("Whitelisted", f"{impact.whitelisted:,}, {found.whitelisted_open:,} without an end"),
            ("  put there by it", f"{found.platform_admins_added:,} platform administrators"),
            ("Only e-mail or SMS", impact.weak_only),
            ("Unaffected", impact.unaffected),
        ]
    )
    work.out.line(_you(found))


def _flat(found: PolicyPreview) -> dict[str, object]:
    """The JSON of a preview: the counts stand beside the rest, as the command line's contract has them."""
    reply = asdict(found)
    counts = reply.pop("impact")
    return {"policy": reply.pop("policy"), **counts, **reply, "you": reply["you"]}


def _when(found: PolicyPreview) -> str:
    return f", after {found.grace_days} days" if found.grace_days else " at their next sign-in"


def _you(found: PolicyPreview) -> str:
    you = found.you
    if you.locked_out:
        return f"You ({you.login}) would be locked out."
    if you.must_enroll:
        return f"You ({you.login}) would have to bind a factor{_when(found).replace('their', 'your')}."
    return f"You ({you.login}) will not be locked out."


@policy.command("explain")
@click.argument("login")
@click.option("--from", "address", default="", metavar="IP", help="The address that the sign-in would come from.")
@working
async def explain(work: Work, login: str, address: str) -> None:
    """Say what would happen to a user who signed in now with the right password, and by which rule.

    \b
    secconsole policy explain ana --from 203.0.113.9
    """
    found = await work.perform(ExplainSignIn(tenant=await work.tenant(), user=login, address=address))
    if not work.out.is_table:
        work.out.record(EXPLAINED, found, reply=found)
        return
    then = [("Then", f"{found.then_outcome} by {found.then_rule}")] if found.then_rule else []
    work.out.pairs([("Login", found.login), ("Outcome", found.outcome), ("Rule", found.rule), *then])
    for line in (found.message, *found.because):
        work.out.line(line)


@policy.command("set")
@click.argument("mode", type=Word(PolicyMode), required=False)
@click.option("--grace-days", type=click.IntRange(0), help="Days until somebody without a factor must bind one.")
@click.option("--kinds", metavar="KIND[,KIND]", help="The factor kinds that may be bound.")
@click.option(
    "--recovery-view/--no-recovery-view", default=None,
    help="Let users look again at the recovery codes that they make from now on.",
)  # fmt: skip
@click.option("--no-whitelist-admins", is_flag=True, help="Do not put the platform administrators on the whitelist.")
@click.option("--expect", type=int, metavar="VERSION", help="Refuse (exit 5) if somebody changed it since.")
@working
async def set_policy(
    work: Work,
    mode: PolicyMode | None,
    grace_days: int | None,
    kinds: str | None,
    recovery_view: bool | None,
    no_whitelist_admins: bool,
    expect: int | None,
) -> None:
    """Set the policy, effective at once everywhere; see first: secconsole policy preview

    Switching from off puts the platform administrators on the whitelist; those of them who have a factor bound are
    still asked for it.

    \b
    secconsole policy set required --grace-days 7
    """
    if mode is None and grace_days is None and kinds is None and recovery_view is None:
        raise Invalid("Say what to set: off, optional or required, --grace-days, --kinds or --recovery-view.", "mode")
    changed = await work.perform(
        SetPolicy(
            tenant=await work.tenant(), mode=mode, grace_days=grace_days,
            kinds=None if kinds is None else _kinds(kinds), recovery_view=recovery_view,
            whitelist_admins=not no_whitelist_admins, expect=expect,
        )
    )  # fmt: skip
    work.out.record(COLUMNS, changed)


def _kinds(text: str) -> tuple[FactorKind, ...]:
    try:
        return tuple(FactorKind(word.strip()) for word in text.split(","))
    except ValueError:
        raise Invalid(f"--kinds takes some of {', '.join(FactorKind)}, separated by commas.", "kinds") from None
