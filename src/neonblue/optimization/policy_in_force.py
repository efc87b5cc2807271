"""The policy that holds now, and whether a person's key signed it as it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neonblue.optimization.acts import canonical
from neonblue.optimization.approvers import Approvers, write_private
from neonblue.optimization.authority_files import AuthorityFiles
from neonblue.optimization.policy import Policy, read_policy
from neonblue.optimization.signatures import SigningKey, is_signed, statement


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInForce:
    """``serial`` counts signed policies and is 0 for one that is not signed as it stands;
    ``signed_by`` names whose key it was, ``note`` says why it is not signed."""

    policy: Policy
    serial: int = 0
    signed_by: str = ""
    note: str = ""

    @property
    def signed(self) -> bool:
        """Whether it may allow what a person would otherwise have to."""
        return self.serial > 0

    @property
    def version(self) -> str:
        """What an act is bound to: changes with the content and with the signature."""
        said = canonical({"policy": self.policy.plain(), "serial": self.serial})
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def record(self) -> dict[str, Any]:
        """What the audit log keeps, so that decisions can be replayed."""
        return {
            "version": self.version,
            "policy": self.policy.plain(),
            "serial": self.serial,
            "signed_by": self.signed_by,
            "note": self.note,
        }


def read_in_force(
    files: AuthorityFiles, approvers: Approvers, *, least_serial: int
) -> PolicyInForce:
    """The policy and what its signature is worth.

    A signature with a serial under ``least_serial`` belongs to a policy that was replaced. Raises
    ``InvalidInputError`` for a policy that cannot be used.
    """
    text = files.policy_text()
    if text is None:
        return PolicyInForce(policy=Policy(), note="there is no policy file")
    policy = read_policy(text, f"the policy {str(files.policy)!r}")
    found = read_signature(files)
    if found is None:
        return PolicyInForce(policy=policy, note="the policy is not signed")
    serial = found.get("serial")
    signer = approvers.find(str(found.get("public_key")))
    if signer is None or signer.method != "key":
        note = "the key that signed the policy is not an approver's"
    elif not isinstance(serial, int) or serial < 1 or not _signs(found, text, serial):
        note = "the policy was changed after it was signed"
    elif serial < least_serial:
        note = "the policy is older than one that was signed after it"
    else:
        return PolicyInForce(policy=policy, serial=serial, signed_by=signer.name)
    return PolicyInForce(policy=policy, note=note)


def sign_policy(files: AuthorityFiles, text: str, key: SigningKey, *, serial: int) -> None:
    """Sign the policy whose text was shown, not whatever is in the file by now.

    Raises ``InvalidInputError`` when it cannot be used.
    """
    read_policy(text, f"the policy {str(files.policy)!r}")
    signature = {
        "public_key": key.public_key,
        "serial": serial,
        "signature": key.sign(_statement(text, serial)),
    }
    write_private(files.signature, json.dumps(signature, indent=1) + "\n")


def read_signature(files: AuthorityFiles) -> Mapping[str, Any] | None:
    """The signature file, read; None when there is none that can be."""
    try:
        found = json.loads(files.signature.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _signs(found: Mapping[str, Any], text: str, serial: int) -> bool:
    return is_signed(
        _statement(text, serial),
        public_key=str(found.get("public_key")),
        signature=str(found.get("signature")),
    )


def _statement(text: str, serial: int) -> bytes:
    return statement("policy", sha256=hashlib.sha256(text.encode()).hexdigest(), serial=serial)
