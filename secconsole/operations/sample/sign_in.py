"""Values of examples about sign-ins, sessions and tokens."""

from __future__ import annotations

from datetime import timedelta

from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.model import FactorKind, OfferedKind, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations import factors, secret_keys, sessions, signin, step_up, tokens
from secconsole.operations.sample.basics import (
    CHALLENGE,
    FACTOR_ID,
    NEW_KEY,
    NOW,
    OLD_KEY,
    PENDING_ID,
    ROOT,
    SESSION,
    SESSION_TOKEN,
    TENANT,
)

STARTED = signin.BindingStarted(
    enrollment=PENDING_ID,
    kind=FactorKind.TOTP,
    uri=Secret("otpauth://totp/acme:ana.kral?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=acme"),
    key=Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
    expires=NOW + timedelta(hours=1),
)
MAILED = signin.KeyMailed(True, "a•••@acme.example", retry_at=NOW + timedelta(seconds=40))
COMPLETE = signin.SignInAnswer(SignInStatus.COMPLETE, token=SESSION_TOKEN, server_time=NOW)
ACCEPTED = factors.Verdict(True, server_time=NOW, factor=FACTOR_ID)
TOKEN_ROW = tokens.TokenRow(
    id="01KAN9R5T7V9X1Z3B5D7F9H1K3",
    name="ci",
    scopes=(Scope.READ,),
    owner="root",
    user=ROOT,
    created=NOW,
    expires=NOW + timedelta(days=30),
    last_used=None,
)
SECRET_KEY = secret_keys.SecretKey(
    OLD_KEY, NOW - timedelta(days=60), NOW - timedelta(minutes=1), None, None, "default", secret_keys.USUAL_SCOPES
)
NEW_SECRET_KEY = secret_keys.NewSecretKey(
    id=NEW_KEY,
    key=Secret("secconsole_key_h7Rw2VtYp4Kc9ZmE1xQn6uJb3sLf8gDa5oNi0TvXqBk"),
    created=NOW,
    previous_id=None,
    previous_until=None,
)
SIGN_IN_REPLY = signin.SignInAnswer(
    SignInStatus.SECOND_FACTOR,
    challenge=CHALLENGE,
    factors=(signin.OfferedFactor(FACTOR_ID, OfferedKind.TOTP, "work phone"),),
    server_time=NOW,
)
SEND_CODE_REPLY = signin.SignInAnswer(
    SignInStatus.SECOND_FACTOR,
    challenge=CHALLENGE,
    factors=(signin.OfferedFactor(FACTOR_ID, OfferedKind.SMS, "••• 009"),),
    prefix="XYWD",
    message="A code is on its way to ••• 009.",
    server_time=NOW,
    retry_at=NOW + timedelta(seconds=40),
    sent=True,
)
SEND_STEP_UP_CODE_REPLY = step_up.CodeSent(
    sent=True,
    prefix="XYWD",
    masked="••• 009",
    expires=NOW + timedelta(minutes=10),
    retry_at=NOW + timedelta(seconds=40),
)
SHOW_SIGN_IN_SENDING_REPLY = signin.SendStatus(
    MessageState.FAILED,
    "The owner of this number answered STOP. No SMS is delivered until they send START (21610). Nothing was sent.",
    server_time=NOW,
)
WHO_AM_I_REPLY = signin.Identity(
    id=ROOT,
    login="root",
    name="",
    role=Role.PLATFORM_ADMIN,
    tenant=TENANT,
    bound=True,
    signed_in_at=NOW,
    ends_at=NOW + timedelta(hours=12),
    proved_at=NOW,
    step_up_until=NOW + timedelta(minutes=5),
    email="root@acme.example",
    recovery_left=9,
    renew_recovery=True,
)
LIST_SESSIONS_REPLY = sessions.SessionPage(
    (
        sessions.SessionRow(
            id=SESSION,
            created=NOW - timedelta(hours=1),
            last_seen=NOW - timedelta(minutes=3),
            expires=NOW + timedelta(hours=11),
            channel="api",
            address="192.0.2.7",
            current=False,
            factor="totp",
        ),
    )
)
