"""`secconsole policy`: show, preview and set whether a second factor is required."""

from __future__ import annotations

from dataclasses import asdict, replace
from operator import itemgetter

import click

from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.diagnostics import say_sessions_ended
from secconsole.cli.output import Column
from secconsole.domain.errors import Invalid
from secconsole.domain.helpdesk import MOST_RESETS, MOST_STEP_UP, UnbindNeeds
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
    Column("bypass_minutes", lambda p: p.bypass_minutes, numeric=True),
    Column("bypass_most", lambda p: p.bypass_most, "Bypass minutes at most", numeric=True),
    Column("unbind_needs", lambda p: p.unbind_needs),
    Column("reminders", lambda p: p.reminders),
    Column("unbind_admins_need", lambda p: p.unbind_admins_need),
    Column("resets_warn", lambda p: p.resets_warn, "Resets in an hour, warning", numeric=True),
    Column("resets_most", lambda p: p.resets_most, "Resets in an hour, at most", numeric=True),
    Column("step_up_minutes", lambda p: p.step_up_minutes, "Step-up minutes", numeric=True),
    Column("helpdesk_text", lambda p: p.helpdesk_text, "Helpdesk"),
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
    Column("bucket", lambda e: e.bucket, "Counts as"),
    Column("locked_for", lambda e: e.locked_for, "Locked for"),
    Column("tell", lambda e: e.tell, "Tell the caller"),
]


@click.group(cls=Group)
def policy() -> None:
    """Show, preview and set whether a second factor is off, optional or required in a tenant."""


@policy.command("show")
@with_backend
async def show(context: CommandContext) -> None:
    """Show the current policy."""
    context.out.record(COLUMNS, await context.perform(ShowPolicy(tenant=await context.tenant())))


@policy.command("preview")
@click.argument("mode", type=EnumChoice(PolicyMode))
@with_backend
async def preview(context: CommandContext, mode: PolicyMode) -> None:
    """Show which users a policy would affect, without setting it."""
    _show_preview(context, await context.perform(PreviewPolicy(tenant=await context.tenant(), mode=mode)))


def _show_preview(context: CommandContext, found: PolicyPreview) -> None:
    flat = _flat(found)
    if context.out.format == "json":
        context.out.json(flat)
        return
    if not context.out.is_table:
        you = flat.pop("you")
        assert isinstance(you, dict)
        flat.update({f"you_{name}": value for name, value in you.items()})
        context.out.listing([Column(name, itemgetter(name)) for name in flat], [flat])
        return
    impact = found.impact
    context.out.pairs(
        [
            ("Policy", f"{found.policy} (now {found.now})"),
            ("Users", impact.users),
            ("Bound already", impact.bound),
            ("  always asked", f"{impact.always_asked:,} platform administrators"),
            ("Must bind", f"{impact.must_enroll:,}{_when(found)}"),
            ("  administrators", impact.admins_must_enroll),
            ("Locked out", impact.locked_out),
            ("Whitelisted", f"{impact.whitelisted:,}, {found.whitelisted_open:,} with no end date"),
            ("  put there by it", f"{found.platform_admins_added:,} platform administrators"),
            ("Only e-mail or SMS", impact.weak_only),
            ("Sessions ended", f"{found.sessions:,} opened with a password only"),
            ("Tokens ended", f"{found.tokens:,} created in such sessions"),
            ("Reminders", _reminders(found)),
            ("Unaffected", impact.unaffected),
            ("No longer required", f"{impact.no_longer_required:,} were required individually"),
        ]
    )
    context.out.line(_you(found))


def _flat(found: PolicyPreview) -> dict[str, object]:
    """Return the JSON of a preview, with the counts at the top level, as the contract of the command line fixes it."""
    reply = asdict(found)
    counts = reply.pop("impact")
    return {"policy": reply.pop("policy"), **counts, **reply, "you": reply["you"]}


def _reminders(found: PolicyPreview) -> str:
    if not found.reminders:
        return "off"
    return f"at most {found.reminder_mails:,} mails, to {found.reminded:,} users"


def _when(found: PolicyPreview) -> str:
    return f", after {found.grace_days} days" if found.grace_days else " at their next sign-in"


def _you(found: PolicyPreview) -> str:
    you = found.you
    if you.by_password:
        return f"{_you(replace(found, you=replace(you, by_password=False)))} Your own session stays open."
    if you.locked_out:
        return f"You ({you.login}) would be locked out."
    if you.must_enroll:
        return f"You ({you.login}) would have to bind a factor{_when(found).replace('their', 'your')}."
    return f"You ({you.login}) will not be locked out."


@policy.command("explain")
@click.argument("login")
@click.option("--from", "address", default="", metavar="IP", help="The address of the sign-in.")
@with_backend
async def explain(context: CommandContext, login: str, address: str) -> None:
    """Show what would happen if a user signed in now with the right password, and by which rule.

    \b
    secconsole policy explain ana --from 203.0.113.9
    """
    found = await context.perform(ExplainSignIn(tenant=await context.tenant(), user=login, address=address))
    if not context.out.is_table:
        context.out.record(EXPLAINED, found, reply=found)
        return
    then = [("Then", f"{found.then_outcome} by {found.then_rule}")] if found.then_rule else []
    context.out.pairs([("Login", found.login), ("Outcome", found.outcome), ("Rule", found.rule), *then])
    for line in (*found.verdict, "", "What to tell the caller", *(f"  {words}" for words in found.tell)):
        context.out.line(line)


@policy.command("set")
@click.argument("mode", type=EnumChoice(PolicyMode), required=False)
@click.option("--grace-days", type=click.IntRange(0), help="Days until users without a factor must bind one.")
@click.option("--kinds", metavar="KIND[,KIND]", help="The factor kinds that may be bound.")
@click.option(
    "--recovery-view/--no-recovery-view",
    default=None,
    help="Let users view recovery codes again that they create from now on.",
)
@click.option("--bypass-minutes", type=click.IntRange(1), help="Minutes that a bypass code works by default.")
@click.option("--bypass-most", type=click.IntRange(1), help="Minutes that a bypass code works at most, up to 1440.")
@click.option("--unbind-needs", type=EnumChoice(UnbindNeeds), help="What unbinding needs: none, check or approval.")
@click.option(
    "--unbind-admins-need",
    type=EnumChoice(UnbindNeeds),
    help="The same for users above the role user, where the stricter rule counts.",
)
@click.option("--resets-warn", type=click.IntRange(1, MOST_RESETS), help="Resets in an hour until a warning.")
@click.option("--resets-most", type=click.IntRange(1, MOST_RESETS), help="Resets in an hour at most, by helpdesk.")
@click.option("--step-up-minutes", type=click.IntRange(1, MOST_STEP_UP), help="Minutes that a step-up counts.")
@click.option("--helpdesk-text", metavar="TEXT", help="How users reach the helpdesk, shown at sign-in.")
@click.option(
    "--reminders",
    type=click.Choice(["on", "off"]),
    help="Mail users without a factor at the start of their grace period, after 3 and 7 days, and on its last day.",
)
@click.option(
    "--dry-run", is_flag=True, help="Only show which users it would affect, and how many mails it would send."
)
@click.option("--keep-sessions", is_flag=True, help="Keep sessions and tokens that needed only a password.")
@click.option("--no-whitelist-admins", is_flag=True, help="Do not add the platform administrators to the whitelist.")
@click.option("--expect", type=int, metavar="VERSION", help="Refuse (exit 5) if the policy has changed since.")
@with_backend
async def set_policy(
    context: CommandContext,
    mode: PolicyMode | None,
    grace_days: int | None,
    kinds: str | None,
    recovery_view: bool | None,
    bypass_minutes: int | None,
    bypass_most: int | None,
    unbind_needs: UnbindNeeds | None,
    reminders: str | None,
    dry_run: bool,
    unbind_admins_need: UnbindNeeds | None,
    resets_warn: int | None,
    resets_most: int | None,
    step_up_minutes: int | None,
    helpdesk_text: str | None,
    keep_sessions: bool,
    no_whitelist_admins: bool,
    expect: int | None,
) -> None:
    """Set the policy, with immediate effect.

    To preview the effect, use secconsole policy preview. Switching the policy on adds the platform administrators to
    the whitelist. Those who have a factor bound are still asked for it. Sessions and tokens that needed only a password
    end if a factor is now required.

    \b
    secconsole policy set required --grace-days 14 --reminders on --dry-run
    """
    numbers = {
        "bypass_minutes": bypass_minutes,
        "bypass_most": bypass_most,
        "resets_warn": resets_warn,
        "resets_most": resets_most,
        "step_up_minutes": step_up_minutes,
    }
    given = (mode, grace_days, kinds, recovery_view, unbind_needs, unbind_admins_need, reminders, helpdesk_text)
    if set(given) | set(numbers.values()) == {None}:
        raise Invalid("Give a mode (off, optional or required) or an option: see secconsole policy set --help.", "mode")
    by_mail = None if reminders is None else reminders == "on"
    if dry_run:
        if mode is None:
            mode = (await context.perform(ShowPolicy(tenant=await context.tenant()))).policy
        wanted = PreviewPolicy(tenant=await context.tenant(), mode=mode, grace_days=grace_days, reminders=by_mail)
        _show_preview(context, await context.perform(wanted))
        return
    changed = await context.perform(
        SetPolicy(
            tenant=await context.tenant(),
            mode=mode,
            grace_days=grace_days,
            kinds=None if kinds is None else _kinds(kinds),
            recovery_view=recovery_view,
            unbind_needs=unbind_needs,
            unbind_admins_need=unbind_admins_need,
            **numbers,
            reminders=by_mail,
            helpdesk_text=helpdesk_text,
            whitelist_admins=not no_whitelist_admins,
            keep_sessions=keep_sessions,
            expect=expect,
        )
    )
    context.out.record(COLUMNS, changed)
    if context.out.is_table:
        say_sessions_ended(changed.sessions_ended)


def _kinds(text: str) -> tuple[FactorKind, ...]:
    try:
        return tuple(FactorKind(word.strip()) for word in text.split(","))
    except ValueError:
        raise Invalid(f"--kinds must be a comma-separated list of {', '.join(FactorKind)}.", "kinds") from None
