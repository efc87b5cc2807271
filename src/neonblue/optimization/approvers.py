"""Who may approve: a file of public keys in which every entry is signed by one that was there.

The first key signs itself. From then on nobody enters or goes without the signature of a person's
key, and each entry holds the hash of the one before: a registry can be continued, not rewritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from neonblue.errors import ConflictError, InvalidInputError, UnavailableError
from neonblue.models.private_file import replace_private
from neonblue.models.written_text import is_name
from neonblue.optimization.acts import canonical
from neonblue.optimization.signatures import SigningKey, is_signed, statement

Method = Literal["key", "token", "totp"]
Change = Literal["add", "remove"]
SIGNED = ("number", "change", "name", "method", "public_key", "at", "previous", "by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """One key of one person. ``method``: a key under a passphrase, a token over HTTP, or the key
    that answers for an authenticator app."""

    name: str
    method: Method
    public_key: str
    added_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """The registry as read: the keys that count, the hash after each entry, and what is wrong.

    ``former`` are keys that were removed: what they did before stays done. With a ``fault`` no
    key counts.
    """

    entries: tuple[Mapping[str, Any], ...] = ()
    keys: tuple[Approver, ...] = ()
    former: tuple[Approver, ...] = ()
    heads: tuple[str, ...] = ()
    fault: str = ""

    @property
    def head(self) -> str:
        """The hash after the newest entry; empty without any."""
        return self.heads[-1] if self.heads else ""

    def find(self, public_key: str) -> Approver | None:
        """Whose key it is, if it counts."""
        return next((one for one in self.keys if one.public_key == public_key), None)

    def of(self, name: str, method: Method = "key") -> Approver | None:
        """The key of a person."""
        return next((one for one in self.keys if (one.name, one.method) == (name, method)), None)

    def with_entry(self, change: Change, approver: Approver, signer: SigningKey) -> dict[str, Any]:
        """The next entry, signed. Raises ``ConflictError`` when the registry cannot take it."""
        if self.fault:
            raise ConflictError(f"{self.fault}: nothing can be added")
        entry: dict[str, Any] = {
            "number": len(self.entries) + 1,
            "change": change,
            "name": approver.name,
            "method": approver.method,
            "public_key": approver.public_key,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "previous": self.head,
            "by": signer.public_key,
        }
        entry["signature"] = signer.sign(statement("approvers", **entry))
        replayed = replay((*self.entries, entry))
        if replayed.fault:
            raise ConflictError(f"the registry cannot take that entry: {replayed.fault}")
        return entry


def replay(entries: Sequence[Mapping[str, Any]]) -> Approvers:
    """The registry that these entries make, one after the other."""
    keys: list[Approver] = []
    former: list[Approver] = []
    heads: list[str] = []
    for number, entry in enumerate(entries, 1):
        if fault := _fault(entry, number, keys, heads[-1] if heads else ""):
            return Approvers(fault=f"entry {number} of the registry of approvers {fault}")
        approver = Approver(
            name=entry["name"],
            method=entry["method"],
            public_key=entry["public_key"],
            added_at=entry["at"],
        )
        if entry["change"] == "add":
            keys.append(approver)
        else:
            former += [one for one in keys if one.public_key == approver.public_key]
            keys = [one for one in keys if one.public_key != approver.public_key]
        heads.append(hashlib.sha256(canonical(entry).encode()).hexdigest())
    return Approvers(
        entries=tuple(entries), keys=tuple(keys), former=tuple(former), heads=tuple(heads)
    )


def _fault(entry: Mapping[str, Any], number: int, keys: Sequence[Approver], previous: str) -> str:
    if set(entry) != {*SIGNED, "signature"}:
        return "is none"
    if not all(isinstance(entry[name], str) for name in entry if name != "number"):
        return "is none"
    if entry["number"] != number or entry["previous"] != previous:
        return "does not follow the one before it"
    if entry["method"] not in ("key", "token", "totp") or entry["change"] not in ("add", "remove"):
        return "says what this version does not know"
    signed = statement("approvers", **{name: entry[name] for name in SIGNED})
    if not is_signed(signed, public_key=entry["by"], signature=entry["signature"]):
        return "is not signed by the key that it names"
    return _change_fault(entry, keys)


def _change_fault(entry: Mapping[str, Any], keys: Sequence[Approver]) -> str:
    persons = [one.public_key for one in keys if one.method == "key"]
    if not keys:
        first = entry["change"] == "add" and entry["method"] == "key"
        return "" if first and entry["by"] == entry["public_key"] else "is no first key"
    if entry["by"] not in persons:
        return "is signed by a key that may not"
    known = [one for one in keys if one.public_key == entry["public_key"]]
    if entry["change"] == "remove":
        if not known:
            return "removes a key that is not there"
        return "removes the last key" if persons == [entry["public_key"]] else ""
    if known:
        return "adds a key that is there"
    taken = any((one.name, one.method) == (entry["name"], entry["method"]) for one in keys)
    return "adds a name that is taken" if taken else ""


def read_approvers(path: Path) -> Approvers:
    """The registry in a file; empty when there is none, with a fault when it is damaged."""
    try:
        entries = json.loads(path.read_bytes())["entries"]
        return replay(entries)
    except FileNotFoundError:
        return Approvers()
    except (ValueError, TypeError, KeyError, InvalidInputError):
        return Approvers(fault=f"the registry of approvers {str(path)!r} cannot be read")
    except OSError as error:
        return Approvers(
            fault=f"the registry of approvers {str(path)!r} cannot be read ({error.strerror})"
        )


def write_approvers(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Replace the file in one step."""
    text = json.dumps({"version": 1, "entries": [*entries]}, indent=1) + "\n"
    write_private(path, text)


def write_private(path: Path, text: str) -> None:
    """Write a file for this user alone, in one step.

    Raises ``UnavailableError`` when the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_private(path, text.encode())
    except OSError as error:
        raise UnavailableError(
            f"{str(path)!r} cannot be written ({error.strerror}): let this user write its folder"
        ) from error


def checked_name(name: str) -> str:
    """A person's name as the registry takes it. Raises ``InvalidInputError`` for another."""
    if not name or not is_name(name) or "/" in name or name.startswith("."):
        raise InvalidInputError(
            f"{name!r} is no name for an approver: use letters, digits, '-', '_', '.' or '@'"
        )
    return name
