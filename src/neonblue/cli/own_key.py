"""Which key on this machine signs, opened by its passphrase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neonblue.cli.terminal import ask_secret, require_terminal
from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.optimization.approver_keys import key_path, open_key
from neonblue.optimization.authority_files import AuthorityFiles
from neonblue.optimization.signatures import SigningKey

Keys = Sequence[Mapping[str, Any]]


def opened_key(files: AuthorityFiles, keys: Keys, name: str | None) -> SigningKey:
    """The key of ``name``, or the only one here; asks for the passphrase.

    Raises ``NotFoundError`` when no registered key lies here.
    """
    require_terminal()
    chosen = _chosen(files, keys, name)
    key = open_key(key_path(files.keys, chosen), ask_secret(f"passphrase of {chosen}"))
    if not any(one["public_key"] == key.public_key for one in keys):
        raise NotFoundError(
            f"the key of {chosen!r} here is not the one that is registered: "
            "`neonblue approver list` shows those"
        )
    return key


def _chosen(files: AuthorityFiles, keys: Keys, name: str | None) -> str:
    names = [str(one["name"]) for one in keys if one["method"] == "key"]
    if not names:
        raise NotFoundError("nobody can approve yet: run `neonblue approver add NAME` first")
    here = [one for one in names if key_path(files.keys, one).exists()]
    if name is not None and name in here:
        return name
    if name is None and len(here) == 1:
        return here[0]
    if name is None and here:
        raise InvalidInputError(f"whose key is it? say --by with one of {', '.join(here)}")
    raise NotFoundError(
        f"{name or 'no approver'!r} has no key in {str(files.keys)!r}: approvers are "
        f"{', '.join(names)}"
    )
