"""Actions of the security settings, and the dialogs they open."""

from __future__ import annotations

from typing import Any, Protocol

from secconsole.domain.model import FactorKind
from secconsole.operations.base import Operation
from secconsole.operations.delivery import Delivery, SetSmtp, SetTwilio, ShowDelivery
from secconsole.operations.networks import AddNetwork, ListNetworks
from secconsole.operations.policy import Policy, PolicyPreview, PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.secret_keys import ListSecretKeys, RotateSecretKey
from secconsole.tui.actions import Action
from secconsole.tui.console import Console
from secconsole.tui.screens.settings.delivery import manage_delivery
from secconsole.tui.screens.settings.delivery_log import DeliveryLogDialog
from secconsole.tui.screens.settings.helpdesk import WORDS as NEEDS
from secconsole.tui.screens.settings.helpdesk import HelpdeskDialog
from secconsole.tui.screens.settings.kinds import KindsDialog
from secconsole.tui.screens.settings.networks import manage_networks
from secconsole.tui.screens.settings.reminders import RemindersDialog
from secconsole.tui.screens.settings.reminders import state_words as reminder_words
from secconsole.tui.screens.settings.secret_key import manage_secret_keys


class SettingsPlace(Protocol):
    """Interface of the place to its dialogs: what it last read, and how to show a change.

    The three are None until they are read.
    """

    policy: Policy | None
    preview: PolicyPreview | None
    delivery: Delivery | None

    @property
    def app(self) -> Console: ...

    def may_only_look(self, wanted: type[Operation[Any]]) -> str: ...

    def take_over(self, policy: Policy, words: str) -> None: ...

    def reload_now(self) -> None: ...


async def policy_of(place: SettingsPlace) -> Policy:
    """Return the policy that the place shows, or read it for a key that was typed before it was shown."""
    if place.policy is not None:
        return place.policy
    return await place.app.perform(ShowPolicy(tenant=place.app.tenant))


async def choose_kinds(place: SettingsPlace) -> None:
    tenant, policy = place.app.tenant, await policy_of(place)
    delivery, preview = place.delivery, place.preview
    if delivery is None or preview is None:
        delivery = await place.app.perform(ShowDelivery(tenant=tenant))
        preview = await place.app.perform(PreviewPolicy(tenant=tenant, mode=policy.policy))
    dialog = KindsDialog(
        policy,
        delivery,
        preview.impact.weak_only,
        why_not=place.may_only_look(SetPolicy),
        utf8=place.app.terminal.utf8,
    )
    changed = await place.app.ask(dialog)
    if changed is not None:
        place.take_over(changed, f"Users may bind {', '.join(changed.kinds)} now.")
    place.reload_now()


async def set_helpdesk(place: SettingsPlace) -> None:
    shown = await policy_of(place)
    policy = await place.app.ask(HelpdeskDialog(shown, why_not=place.may_only_look(SetPolicy)))
    if policy is not None:
        place.take_over(policy, f"Unbinding needs {NEEDS[policy.unbind_needs]}.")
    place.reload_now()


async def set_reminders(place: SettingsPlace) -> None:
    shown = await policy_of(place)
    wanted = PreviewPolicy(tenant=place.app.tenant, mode=shown.policy, reminders=True)
    preview = await place.app.perform(wanted)
    policy = await place.app.ask(RemindersDialog(shown, preview, why_not=place.may_only_look(SetPolicy)))
    if policy is not None:
        place.take_over(policy, f"Reminders: {reminder_words(policy)}.")
    place.reload_now()


async def set_up_mail(place: SettingsPlace) -> None:
    await _set_up_delivery(place, FactorKind.EMAIL, SetSmtp)


async def set_up_sms(place: SettingsPlace) -> None:
    await _set_up_delivery(place, FactorKind.SMS, SetTwilio)


async def _set_up_delivery(place: SettingsPlace, kind: FactorKind, wanted: type[SetSmtp | SetTwilio]) -> None:
    # Read again: another operator may have replaced the settings since the place was shown.
    delivery = await place.app.perform(ShowDelivery(tenant=place.app.tenant))
    allowed = place.policy is not None and kind in place.policy.kinds
    await manage_delivery(place.app, kind, delivery, allowed=allowed, why_not=place.may_only_look(wanted))
    place.reload_now()


async def show_messages(place: SettingsPlace) -> None:
    delivery = await place.app.perform(ShowDelivery(tenant=place.app.tenant))
    await place.app.ask(DeliveryLogDialog(delivery, place.app.clock()))


async def set_networks(place: SettingsPlace) -> None:
    await manage_networks(place.app, why_not=place.may_only_look(AddNetwork))
    place.reload_now()


async def manage_keys(place: SettingsPlace) -> None:
    keys = (await place.app.perform(ListSecretKeys(tenant=place.app.tenant))).items
    if done := await manage_secret_keys(place.app, keys, why_not=place.may_only_look(RotateSecretKey)):
        place.app.notify_done(done)
    place.reload_now()


ACTIONS: tuple[Action, ...] = (
    Action(
        "settings.change",
        "Change",
        "enter,down",
        "Continue to grace period, password and code.",
        SetPolicy,
        dangerous=True,
        priority=0,
        command="secconsole policy set MODE --grace-days N",
    ),
    Action(
        "settings.toggle",
        "On/off",
        "o,space",
        "Switch on or off at once, if nobody would have to bind.",
        SetPolicy,
        dangerous=True,
        priority=1,
        command="secconsole policy set optional",
    ),
    Action(
        "settings.must",
        "List",
        "l",
        "List all users who would have to bind.",
        PreviewPolicy,
        priority=1,
        command="secconsole user list --status unbound",
    ),
    Action(
        "settings.admins",
        "Administrators",
        "L",
        "List the administrators who would have to bind.",
        PreviewPolicy,
        priority=5,
        command="secconsole user list --status unbound --role tenant-admin",
    ),
    Action(
        "settings.kinds",
        "Kinds",
        "k",
        "Choose which factor kinds users may bind; the standard is quoted.",
        ShowPolicy,
        priority=2,
        command="secconsole policy set --kinds totp,sms",
        run=choose_kinds,
    ),
    Action(
        "settings.mail",
        "Mail",
        "m",
        "Set up the mail server that sends codes, and test it.",
        ShowDelivery,
        priority=3,
        command="secconsole delivery set-smtp --host HOST --sender ADDRESS",
        run=set_up_mail,
    ),
    Action(
        "settings.sms",
        "SMS",
        "s",
        "Set up the account at Twilio that sends codes, and test it.",
        ShowDelivery,
        priority=3,
        command="secconsole delivery set-twilio --account-sid AC… --from NUMBER",
        run=set_up_sms,
    ),
    Action(
        "settings.messages",
        "Messages",
        "d",
        "Show the outcome of the latest messages.",
        ShowDelivery,
        priority=4,
        command="secconsole delivery show",
        run=show_messages,
    ),
    Action(
        "settings.networks",
        "Networks",
        "n",
        "Allow networks to sign in from, and check an address.",
        ListNetworks,
        priority=4,
        command="secconsole network add NETWORK --note TEXT",
        run=set_networks,
    ),
    Action(
        "settings.helpdesk",
        "Helpdesk",
        "u",
        "Set what unbinding needs, and how long bypass codes work.",
        ShowPolicy,
        priority=4,
        command="secconsole policy set --unbind-needs check",
        run=set_helpdesk,
    ),
    Action(
        "settings.reminders",
        "Reminders",
        "e",
        "Have users reminded by mail to bind a factor in time.",
        ShowPolicy,
        priority=4,
        command="secconsole policy set --reminders on",
        run=set_reminders,
    ),
    Action(
        "settings.key",
        "Secret keys",
        "y",
        "Show the secret keys that programs use; create, rotate and revoke them.",
        ListSecretKeys,
        priority=4,
        command="secconsole secret-key list",
        run=manage_keys,
    ),
)
