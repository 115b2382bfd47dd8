"""Files with keys as other programs write them, in their smallest form."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from cryptography.fernet import Fernet

SECRET = b"12345678901234567890"  # of RFC 4226 and RFC 6238
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
HEX = SECRET.hex()
FERNET_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="

OTPAUTH = f"otpauth://totp/Acme:ana?secret={BASE32}&issuer=Acme\n"
OATH = f"token01, {HEX}, hotp, 6\ntoken02, {HEX}, totp, 6, 30\ntoken03, {HEX}, totp, 8, 60\n"
OATH_USERS = f"# version: 2\nana, people, acme, token02, {HEX}, totp, 6, 60\n"
YUBICO = "# OATH mode\n508327,,0,69cfb9202438ca68964ec3244bfa4843d073a43b,,2013-12-12T08:41:07,\n"
YUBICO_TRADITIONAL = (
    "OATH-HOTP,11.12.13 18:55,1,cccccccccccc,,916821d3a138bf855e70069605559a206ba854cd,,,0,0,0,8,0,0,0,0,0,0\n"
    "Yubico OTP,12/11/2013 11:10,1,vvgutbiedkvi,ab86c04de6a3,d26a7c0f85fdda28bd816e406342b214,,,0,0,0,0,0,0,0,0,0,0\n"
)
PAM = f'{BASE32}\n" RATE_LIMIT 3 30\n" STEP_SIZE 60\n" WINDOW_SIZE 3\n" TOTP_AUTH\n12345678\n87654321\n'
AEGIS = json.dumps(
    {
        "version": 1,
        "header": {"slots": None, "params": None},
        "db": {
            "version": 3,
            "entries": [
                {
                    "type": "totp",
                    "uuid": "01234567-89ab-cdef-0123-456789abcdef",
                    "name": "ana",
                    "issuer": "Acme",
                    "icon": None,
                    "info": {"secret": BASE32, "algo": "SHA256", "digits": 7, "period": 20},
                },
                {
                    "type": "hotp",
                    "name": "eli",
                    "issuer": "",
                    "info": {"secret": BASE32, "algo": "SHA1", "digits": 6, "counter": 5},
                },
                {
                    "type": "steam",
                    "name": "game",
                    "info": {"secret": BASE32, "algo": "SHA1", "digits": 5, "period": 30},
                },
            ],
        },
    }
)
SIGNED = bytes(range(120, 140))  # a key with bytes above 127
FREEOTP = json.dumps(
    {
        "tokenOrder": ["Acme:ana"],
        "tokens": [
            {
                "algo": "SHA1",
                "counter": 0,
                "digits": 6,
                "issuerExt": "Acme",
                "label": "ana",
                "period": 30,
                "secret": [byte - 256 if byte > 127 else byte for byte in SIGNED],
                "type": "TOTP",
            },
            {"algo": "SHA1", "counter": 6, "digits": 6, "label": "eli", "secret": list(SECRET), "type": "HOTP"},
        ],
    }
)
KEYCLOAK = json.dumps(
    {
        "realm": "acme",
        "users": [
            {"username": "bo", "credentials": [{"type": "password", "secretData": "{}", "credentialData": "{}"}]},
            {
                "username": "ana",
                "credentials": [
                    {
                        "type": "otp",
                        "userLabel": "phone",
                        "secretData": json.dumps({"value": SECRET.decode()}),
                        "credentialData": json.dumps(
                            {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA256"}
                        ),
                    }
                ],
            },
            {
                "username": "eli",
                "credentials": [
                    {
                        "type": "otp",
                        "secretData": json.dumps({"value": BASE32}),
                        "credentialData": json.dumps({"subType": "totp", "digits": 8, "secretEncoding": "BASE32"}),
                    }
                ],
            },
        ],
    }
)
PRIVACYIDEA_TOKENS = [
    {
        "serial": "TOTP0001",
        "type": "totp",
        "otpkey": HEX,
        "description": "phone",
        "otplen": 8,
        "count": 57701234,
        "active": True,
        "revoked": False,
        "locked": False,
        "rollout_state": "",
        "_hashed_pin": None,
        "info_list": {"hashlib": "sha256", "timeStep": "60", "timeShift": "0"},
        "issuer": "privacyIDEA",
        "user": {"login": "ana", "realm": "acme", "resolver": "people", "uid": "1", "custom_attributes": {}},
    },
    {"serial": "HOTP0001", "type": "hotp", "otpkey": HEX, "otplen": 6, "count": 12, "info_list": {"hashlib": "sha1"}},
    {"serial": "TOTP0002", "type": "totp", "otpkey": HEX, "otplen": 6, "active": False, "info_list": {}},
    {"serial": "PISP0001", "type": "spass", "otpkey": "", "otplen": 6, "info_list": {}},
]


def privacyidea(tokens: object = PRIVACYIDEA_TOKENS, key: str = FERNET_KEY) -> str:
    """Return an export as pi-tokenjanitor writes it."""
    return Fernet(key).encrypt(json.dumps(tokens, indent=2).encode()).decode()


def field(number: int, value: int | bytes) -> bytes:
    """Return one field of a protocol buffer."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def google(*accounts: bytes, size: int = 1, index: int = 0, batch: int = 77) -> str:
    """Return the text of a QR code of Google Authenticator."""
    payload = b"".join(field(1, account) for account in accounts)
    payload += field(2, 1) + field(3, size) + field(4, index) + field(5, batch)
    return "otpauth-migration://offline?data=" + quote(base64.b64encode(payload).decode(), safe="")


def account(name: str = "Acme:ana", secret: bytes = SECRET, issuer: str = "Acme", *more: tuple[int, int]) -> bytes:
    """Return one account of such a code."""
    parts = field(1, secret) + field(2, name.encode()) + field(3, issuer.encode())
    return parts + b"".join(field(number, value) for number, value in more)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
