"""Actions of the security settings."""

from __future__ import annotations

from secconsole.operations.delivery import ShowDelivery
from secconsole.operations.networks import ListNetworks
from secconsole.operations.policy import PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.tokens import ShowSecretKey
from secconsole.tui.actions import Action

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
    ),
    Action(
        "settings.mail",
        "Mail",
        "m",
        "Set up the mail server that sends codes, and test it.",
        ShowDelivery,
        priority=3,
        command="secconsole delivery set-smtp --host HOST --sender ADDRESS",
    ),
    Action(
        "settings.sms",
        "SMS",
        "s",
        "Set up the account at Twilio that sends codes, and test it.",
        ShowDelivery,
        priority=3,
        command="secconsole delivery set-twilio --account-sid AC… --from NUMBER",
    ),
    Action(
        "settings.messages",
        "Messages",
        "d",
        "Show the outcome of the latest messages.",
        ShowDelivery,
        priority=4,
        command="secconsole delivery show",
    ),
    Action(
        "settings.networks",
        "Networks",
        "n",
        "Allow networks to sign in from, and check an address.",
        ListNetworks,
        priority=4,
        command="secconsole network add NETWORK --note TEXT",
    ),
    Action(
        "settings.helpdesk",
        "Helpdesk",
        "u",
        "Set what unbinding needs, and how long bypass codes work.",
        ShowPolicy,
        priority=4,
        command="secconsole policy set --unbind-needs check",
    ),
    Action(
        "settings.reminders",
        "Reminders",
        "e",
        "Have users reminded by mail to bind a factor in time.",
        ShowPolicy,
        priority=4,
        command="secconsole policy set --reminders on",
    ),
    Action(
        "settings.key",
        "Secret key",
        "y",
        "Show the secret key that programs use, and rotate it.",
        ShowSecretKey,
        priority=4,
        command="secconsole secret-key rotate",
    ),
)
