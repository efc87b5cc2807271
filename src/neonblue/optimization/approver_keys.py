"""A person's private key, in a file that only their passphrase opens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.optimization.acts import canonical
from neonblue.optimization.approvers import checked_name, write_private
from neonblue.optimization.signatures import SigningKey, decoded, encoded

MEMORY_COST, BLOCK_SIZE = 1 << 17, 8  # 128 MB and about half a second a try
MIN_PASSPHRASE = 10
SEED_BYTES = 32


def key_path(folder: Path, name: str) -> Path:
    """The file of a person's key."""
    return folder / f"{checked_name(name)}.key"


def new_key(path: Path, passphrase: str) -> SigningKey:
    """Make a key and keep it under a passphrase.

    Raises ``InvalidInputError`` for a passphrase that is too short, ``ConflictError`` when there
    is a key already.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise InvalidInputError(
            f"the passphrase has {len(passphrase)} characters: take {MIN_PASSPHRASE} or more, e.g. "
            "four words that nobody would put together"
        )
    if path.exists():
        raise ConflictError(f"there is a key at {str(path)!r} already: remove it, or choose a name")
    seed, salt, nonce = os.urandom(SEED_BYTES), os.urandom(16), os.urandom(12)
    key = SigningKey.of_seed(seed)
    head = {
        "version": 1,
        "public_key": key.public_key,
        "kdf": "scrypt",
        "memory_cost": MEMORY_COST,
        "block_size": BLOCK_SIZE,
        "salt": encoded(salt),
        "nonce": encoded(nonce),
    }
    sealed = _cipher(passphrase, head).encrypt(nonce, seed, canonical(head).encode())
    write_private(path, json.dumps({**head, "sealed": encoded(sealed)}, indent=1) + "\n")
    return key


def open_key(path: Path, passphrase: str) -> SigningKey:
    """The key in a file.

    Raises ``NotFoundError`` without one, ``InvalidInputError`` when the passphrase is another or
    the file is damaged.
    """
    from cryptography.exceptions import InvalidTag

    found = read_key(path)
    head = {name: value for name, value in found.items() if name != "sealed"}
    try:
        sealed, nonce = decoded(found["sealed"]), decoded(found["nonce"])
        seed = _cipher(passphrase, head).decrypt(nonce, sealed, canonical(head).encode())
        return SigningKey.of_seed(seed)
    except InvalidTag:
        raise InvalidInputError("that is not the passphrase of the key: try again") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"the key {str(path)!r} is damaged ({error})") from error


def read_key(path: Path) -> dict[str, Any]:
    """What the file says without the passphrase: the public key and how it is sealed."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no key at {str(path)!r}: `neonblue approver add NAME` makes one"
        ) from None
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"the key {str(path)!r} cannot be read ({error})") from error
    if not isinstance(found, dict) or found.get("version") != 1:
        raise InvalidInputError(f"the key {str(path)!r} is not one that this version knows")
    return found


def _cipher(passphrase: str, head: dict[str, Any]) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    cost, block = int(head["memory_cost"]), int(head["block_size"])
    if not MEMORY_COST <= cost <= MEMORY_COST << 4 or block != BLOCK_SIZE:
        raise ValueError("it is sealed in a way that is too weak or too strong")
    kdf = Scrypt(salt=decoded(head["salt"]), length=32, n=cost, r=block, p=1)
    return ChaCha20Poly1305(kdf.derive(passphrase.encode()))
