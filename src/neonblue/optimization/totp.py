"""Codes of an authenticator app (RFC 6238): six digits, each good once, from a shared secret.

The secret also makes a key that the registry knows, so what a code approves is signed like
everything else. Whoever can read the secret's file can make codes: weaker than a passphrase.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.optimization.approvers import checked_name, write_private
from neonblue.optimization.signatures import SigningKey, decoded, encoded

SECRET_BYTES = 20
STEP_SECONDS = 30
DIGITS = 6
DRIFT_STEPS = (0, -1, 1)
"""The step that it is, and the ones beside it: the app's clock is another."""


def new_secret() -> bytes:
    """What app and server share."""
    return os.urandom(SECRET_BYTES)


def secret_path(folder: Path, name: str) -> Path:
    """Where a person's secret is kept."""
    return folder / f"{checked_name(name)}.json"


def keep_secret(path: Path, secret: bytes) -> None:
    """Keep it for this user alone."""
    write_private(path, json.dumps({"secret": encoded(secret)}) + "\n")


def read_secret(path: Path) -> bytes | None:
    """The secret in a file, or None."""
    try:
        return decoded(json.loads(path.read_bytes())["secret"]) or None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def enrolment_uri(name: str, secret: bytes) -> str:
    """What an authenticator app reads, as text or as a QR code made of it."""
    return str(_totp(secret).get_provisioning_uri(name, "NeonBlue"))


def enrolment_text(secret: bytes) -> str:
    """The secret for typing into an app."""
    return base64.b32encode(secret).decode()


def key_of_secret(secret: bytes) -> SigningKey:
    """The key that signs for codes made from this secret."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"neonblue totp 1").derive(secret)
    return SigningKey.of_seed(seed)


def is_code(text: str, secret: bytes, now: datetime, take: Callable[[int], bool]) -> bool:
    """Whether it is a code of now; ``take`` says whether nobody used that step's code yet."""
    digits = "".join(text.split())
    step = int(now.timestamp()) // STEP_SECONDS
    for drift in DRIFT_STEPS:
        if hmac.compare_digest(code_at(secret, step + drift), digits.encode()):
            return take(step + drift)
    return False


def code_at(secret: bytes, step: int) -> bytes:
    """The code of a step, as an app shows it."""
    code: bytes = _totp(secret).generate(step * STEP_SECONDS)
    return code


def checked_enrolment(text: str, secret: bytes, now: datetime) -> None:
    """Raises ``InvalidInputError`` unless the app shows the right code."""
    if not is_code(text, secret, now, lambda _: True):
        raise InvalidInputError(
            "that is not the code of now: check the clocks of app and machine, and try again"
        )


def _totp(secret: bytes) -> Any:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # SHA-1 is what the apps know
