"""Every dialog that acts copies the command that does the same: `ctrl+y`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

import secconsole.tui.screens
import secconsole.tui.sign_in
from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.jobs import JobKind
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.operations import load_all
from secconsole.operations.audit_retention import SetRetention
from secconsole.operations.audit_streams import AddAuditStream
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.jobs import StartJob
from secconsole.operations.policy import SetPolicy
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.screens.dialog import NO_COMMAND, ConfirmDialog, Dialog
from secconsole.tui.screens.secret_once import SecretOnceDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog
from secconsole.tui.text.command_templates import template_of
from secconsole.tui.text.commands import command_line
from tests.examples import example_of
from tests.tui.conftest import TENANT, OpenConsole, Organisation, settled
from tests.tui.test_history import parsed
from tests.tui.test_sight import OTHERS, USERS, at_place

load_all()

# Changes without a command, and the reason.
_SIGN_IN = "a step of a sign-in, which the command sign-in goes through as a whole"
WITHOUT = {
    "challenge.start": "for applications, over HTTP",
    "clock.mend": "doctor --mend-clock does it on the machine itself, and no screen does",
    "delivery.confirm": "delivery test sends the code and confirms it",
    "factor.import": "its keys come from a file, which no argument can hold",
    "job.advance": "the driver of a job does it",
    "recovery.view": "shows secrets on a screen only",
    "sign-in": _SIGN_IN,
    "sign-in.bind": _SIGN_IN,
    "sign-in.confirm": _SIGN_IN,
    "sign-in.mail-key": _SIGN_IN,
    "sign-in.new-password": _SIGN_IN,
    "sign-in.send-code": _SIGN_IN,
    "sign-in.verify": _SIGN_IN,
    "sign-out": "ends the session of this console",
    "step-up": "proves who sits at this console",
    "step-up.send-code": "proves who sits at this console",
    "user.import": "its people come from a file or a paste, which no argument can hold",
    "verify": "no screen does it",
}

# Dialogs without a command, and the reason.
_PICKS = "only leads to another dialog"
_FILE = "writes a file on this machine"
_LOOK = "only shows something"
SILENT = {
    "AdviceDialog": _PICKS,
    "AlertDialog": _PICKS,
    "AlertsDialog": _PICKS,
    "BoundDialog": _LOOK,
    "BypassCodeDialog": _LOOK,
    "CheckedKeysDialog": "imports a file, which no argument can hold",
    "CheckedDialog": "imports a file or a paste, which no argument can hold",
    "ColumnsDialog": "changes this console only",
    "DeliveryDialog": _LOOK,
    "DeliveryLogDialog": _LOOK,
    "DeliveryStatusDialog": _PICKS,
    "DryRunDialog": _LOOK,
    "EndingDialog": _LOOK,
    "KeysDialog": _PICKS,
    "SecretKeysDialog": _PICKS,
    "ExportDialog": _FILE,
    "ExportJobDialog": _FILE,
    "HistoryDialog": _PICKS,
    "ImportDialog": "reads a file or a paste, which no argument can hold",
    "KindDialog": _PICKS,
    "LabelDialog": _PICKS,
    "ListDialog": _FILE,
    "ListExportDialog": _FILE,
    "NameDialog": "changes this console only",
    "NamedFiltersDialog": "changes this console only",
    "NetworksDialog": _PICKS,
    "NewKeyDialog": _LOOK,
    "OneTimePasswordDialog": _LOOK,
    "RecoveryCodesDialog": _LOOK,
    "RenewRecoveryDialog": _PICKS,
    "ReportDialog": _FILE,
    "RoleDialog": _PICKS,
    "RulesDialog": _PICKS,
    "SaveDialog": _FILE,
    "SetUpDialog": _PICKS,
    "StepUpDialog": "proves who sits at this console",
    "StreamSecretDialog": _LOOK,
    "StreamsDialog": _PICKS,
    "TenantDialog": "changes this console only",
    "TokenDialog": _LOOK,
    "WayDialog": _PICKS,
    "WhichFactorDialog": "proves who sits at this console",
    "WindowDialog": "changes this console only",
}


def every_dialog() -> list[type[Dialog[Any]]]:
    for package in (secconsole.tui.screens, secconsole.tui.sign_in):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found, left = [], list(Dialog.__subclasses__())
    while left:
        one = left.pop()
        left += one.__subclasses__()
        found.append(one)
    return [one for one in dict.fromkeys(found) if one.__module__.startswith("secconsole.")]


def has_command(dialog: type[Dialog[Any]]) -> bool:
    if issubclass(dialog, SubmitDialog) and dialog.operation_now is SubmitDialog.operation_now:
        return dialog.has_command
    return dialog.operation_now is not Dialog.operation_now


def test_every_change_has_a_command_or_a_reason_for_none() -> None:
    lacking = {name for name, one in OPERATIONS.items() if one.spec.writes and not template_of(example_of(name))}
    assert lacking == set(WITHOUT)


def test_every_dialog_has_a_command_or_a_reason_for_none() -> None:
    bases = {"PickDialog", "SecretDialog", "SecretOnceDialog"}
    silent = {one.__name__ for one in every_dialog() if not has_command(one)}
    assert silent - bases - set(SILENT) == set(), "say why in SILENT"
    assert set(SILENT) - silent == set(), "these have a command"


@pytest.mark.parametrize("kind", JobKind)
def test_every_kind_of_job_is_a_command(kind: JobKind) -> None:
    by_filter = command_line(StartJob(tenant=TENANT, kind=kind, filter="-status:bound role:user", reason="lost"))
    assert parsed(by_filter)["words"] == "-status:bound role:user"
    named = parsed(command_line(StartJob(tenant=TENANT, kind=kind, users=("ana", "bob"), reason="lost")))
    assert (named["logins"], named["words"]) == (("ana", "bob"), None)
    assert parsed(command_line(StartJob(tenant=TENANT, kind=kind, filter="", reason="lost")))["words"] == ""


def test_commands_that_depend_on_a_choice() -> None:
    def line(operation: Operation[Any]) -> str:
        found = command_line(operation)
        assert parsed(found) is not None
        return found

    app = line(EnrollFactor(tenant=TENANT, user="ana"))
    assert app.startswith("secconsole factor enroll ana --algorithm=SHA1 --digits=6")
    sms = EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address="+420601123456")
    assert "--kind=sms --phone=+420601123456" in line(sms)
    syslog = AddAuditStream(tenant=TENANT, name="siem", kind=StreamKind.SYSLOG_TLS, to="siem.acme.example", ca="PEM")
    assert "siem --syslog=siem.acme.example --receiver-ca=FILE" in line(syslog)
    hook = AddAuditStream(tenant=TENANT, name="hook", kind=StreamKind.WEBHOOK, to="https://siem/secret-path")
    assert "secret-path" not in line(hook)
    assert line(SetRetention(tenant=TENANT, keep_days=0)).startswith("secconsole audit retention set forever")


async def copied_at(console: OpenConsole, number: str, keys: str) -> tuple[list[str], list[str]]:
    """Open each dialog of a place, press ctrl+y, and return the lines copied and the dialogs without a command."""
    app = await console("root")
    copied: list[str] = []
    silent: list[str] = []
    async with app.run_test(size=(100, 30)) as pilot:
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await settled(pilot)
        await at_place(app, pilot, number)
        place = app.screen
        if number == "2":
            await pilot.press("slash", *"uma", "enter")
            await settled(pilot)
        for sequence in " ".join(keys).split() if isinstance(keys, tuple) else keys.split():
            for key in sequence.split(","):
                await pilot.press(key)
                await settled(pilot)
            app.clear_notifications()
            dialog = app.screen
            await pilot.press("ctrl+y")
            await settled(pilot)
            assert app.screen is dialog, (sequence, app.screen)  # nothing was done, and nothing was opened
            if any(n.message == NO_COMMAND for n in app._notifications):
                silent.append(type(dialog).__name__)
            for _ in range(4):
                if app.screen is not place:
                    await pilot.press(*(["space"] if isinstance(app.screen, SecretOnceDialog) else []), "escape")
                    await settled(pilot)
    return copied, silent


@pytest.mark.parametrize("number", ["2", *OTHERS])
async def test_dialogs_copy_commands_that_the_command_line_reads(
    console: OpenConsole, organisation: Organisation, number: str
) -> None:
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("nina",), reason="works in the clean room"))
    copied, silent = await copied_at(console, number, USERS if number == "2" else OTHERS[number])
    assert set(silent) - set(SILENT) - {"Dialog", "EntryDialog"} == set()  # some entries were made by no command
    for line in copied:
        assert parsed(line) is not None, line
    if number in "2345":
        assert copied


async def test_a_question_copies_what_it_asks_about(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    copied: list[str] = []
    app = await console("uma", place="account")
    async with app.run_test(size=(100, 30)) as pilot:
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await settled(pilot)
        await pilot.press("m")
        await settled(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("ctrl+y")
        await settled(pilot)
    assert copied == ["secconsole account cancel-mfa"]
