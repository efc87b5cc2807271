"""Ed25519 signatures over statements in canonical JSON, each with a purpose of its own."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from neonblue.optimization.acts import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Purpose = Literal["approval", "approvers", "policy", "lift"]


def statement(purpose: Purpose, **content: Any) -> bytes:
    """What is signed: nothing that was signed for one purpose can be taken for another."""
    return canonical({"purpose": f"neonblue {purpose} 1", **content}).encode()


def encoded(data: bytes) -> str:
    """Bytes as URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes again; none for what is no base64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def is_signed(signed: bytes, *, public_key: str, signature: str) -> bool:
    """Whether the owner of the public key signed exactly this."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(decoded(public_key)).verify(decoded(signature), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory, for as long as one command runs."""

    private: Ed25519PrivateKey

    @classmethod
    def of_seed(cls, seed: bytes) -> SigningKey:
        """The key of 32 secret bytes. Raises ``ValueError`` for another length."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public_key(self) -> str:
        """What others need to verify."""
        return encoded(self.private.public_key().public_bytes_raw())

    def sign(self, what: bytes) -> str:
        """The signature over a statement."""
        return encoded(self.private.sign(what))
