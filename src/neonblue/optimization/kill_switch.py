"""The kill switch: a file, or a row; while there is one that no key lifted, nothing begins."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from neonblue.errors import ApprovalRequiredError, NeonBlueError
from neonblue.optimization.approvers import Approvers, write_private
from neonblue.optimization.signatures import is_signed, statement

if TYPE_CHECKING:
    from neonblue.stores.halts import Halts

LIFT_COMMAND = "neonblue stop-all --lift"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """The switch was thrown: by whom, when and why, as far as that is known."""

    halt_id: str
    by: str = ""
    reason: str = ""
    at: str = ""

    @property
    def text(self) -> str:
        """The halt for a person."""
        who = f" by {self.by}" if self.by else ""
        why = f": {self.reason}" if self.reason else ""
        return f"everything was stopped{who}{why}"


def throw_file(path: Path, *, by: str, reason: str) -> Halt:
    """Throw the switch by its file: needs no store and no process that answers."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    halt = Halt(halt_id=f"halt_{uuid4().hex[:12]}", by=by, reason=reason, at=at)
    content = {"halt_id": halt.halt_id, "by": by, "reason": reason, "at": at}
    write_private(path, json.dumps(content, indent=1) + "\n")
    return halt


def lift_statement(halt_ids: tuple[str, ...]) -> bytes:
    """What a key signs to lift these halts."""
    return statement("lift", halts=sorted(halt_ids))


class KillSwitch:
    """Reads the file and the rows each time it is asked: nothing is remembered."""

    def __init__(self, halts: Halts, path: Path) -> None:
        self._halts = halts
        self._path = path

    def thrown(self, approvers: Approvers) -> tuple[Halt, ...]:
        """Every halt that no approver's key lifted; none when things may go on."""
        found = {halt.halt_id: halt for halt in self._rows(approvers)}
        lifted = self._lifted(approvers)
        in_file = self._in_file()
        if in_file is not None and in_file.halt_id not in lifted:
            if in_file.halt_id not in found:
                self._keep(in_file)
            found[in_file.halt_id] = in_file
        return tuple(found.values())

    def throw(self, *, by: str, reason: str) -> Halt:
        """Throw it by row and by file."""
        halt = throw_file(self._path, by=by, reason=reason)
        self._keep(halt)
        return halt

    def lift(self, approvers: Approvers, *, public_key: str, signature: str) -> tuple[Halt, ...]:
        """Lift every halt there is, and return them.

        Raises ``ApprovalRequiredError`` unless a person's key signed exactly these.
        """
        halts = self.thrown(approvers)
        ids = tuple(halt.halt_id for halt in halts)
        signer = approvers.find(public_key)
        signed = is_signed(lift_statement(ids), public_key=public_key, signature=signature)
        if signer is None or signer.method != "key" or not signed:
            raise ApprovalRequiredError(
                f"a stop is lifted with an approver's key at the terminal: run `{LIFT_COMMAND}`"
            )
        content = {"halts": sorted(ids), "public_key": public_key, "signature": signature}
        for halt_id in ids:
            self._halts.add(halt_id, "lifted", content, datetime.now(UTC))
        self._path.unlink(missing_ok=True)
        return halts

    def _rows(self, approvers: Approvers) -> list[Halt]:
        lifted = self._lifted(approvers)
        return [
            Halt(
                halt_id=step.halt_id,
                by=str(step.content.get("by", "")),
                reason=str(step.content.get("reason", "")),
                at=str(step.content.get("at", "")),
            )
            for step in self._halts.steps()
            if step.step == "thrown" and step.halt_id not in lifted
        ]

    def _lifted(self, approvers: Approvers) -> set[str]:
        return {
            step.halt_id
            for step in self._halts.steps()
            if step.step == "lifted" and _is_lift(step.halt_id, step.content, approvers)
        }

    def _in_file(self) -> Halt | None:
        """The halt in the file; whatever stands there counts, an empty file too."""
        try:
            read = json.loads(self._path.read_bytes())
            return Halt(**{name: str(read[name]) for name in ("halt_id", "by", "reason", "at")})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            return Halt(halt_id=f"file_{self._mark()}", by=f"the file {str(self._path)!r}")

    def _mark(self) -> int:
        try:
            return self._path.lstat().st_mtime_ns
        except OSError:
            return 0

    def _keep(self, halt: Halt) -> None:
        """As a row too, so that removing the file lifts nothing; the file alone stops as well."""
        content = {"by": halt.by, "reason": halt.reason, "at": halt.at}
        try:
            self._halts.add(halt.halt_id, "thrown", content, datetime.now(UTC))
        except NeonBlueError as error:
            logger.warning("the stop could not be kept as a row (%s); its file holds", error)


def _is_lift(halt_id: str, content: Mapping[str, Any], approvers: Approvers) -> bool:
    halts, public_key = content.get("halts"), str(content.get("public_key"))
    if not isinstance(halts, list) or halt_id not in halts:
        return False
    persons = {
        one.public_key for one in (*approvers.keys, *approvers.former) if one.method == "key"
    }
    signed = lift_statement(tuple(str(one) for one in halts))
    valid = is_signed(signed, public_key=public_key, signature=str(content.get("signature")))
    return valid and public_key in persons
