"""Which winners are certified: the share of false ones among them is bounded, by the log alone.

Every experiment that was started here counts, in the order of the starts. Its evidence is what the
conclusion was logged with; one that ended without a winner counts as evidence of zero, which only
makes the bar higher. What a start outside the log would change, the log cannot know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.stats.online_fdr import e_bh, e_lond_bar
from neonblue.stats.programme import EndedTest, log_bayes_factor

if TYPE_CHECKING:
    from neonblue.stores.audit_entries import AuditEntry

NO_EVIDENCE = -math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Ship:
    """One winner: its log e-value, and whether each procedure certifies it.

    ``log_bar`` is the log e-value that e-LOND asked for. ``note`` says why there is no evidence.
    """

    experiment_id: str
    winner: str
    entry_id: str
    log_e_value: float
    log_bar: float
    by_e_lond: bool
    by_e_bh: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """``fdr`` bounds the expected share of winners without an effect among the certified ones, for
    each of the two procedures; ``started`` counts the experiments."""

    fdr: float
    started: int
    ships: tuple[Ship, ...]


def certificate(entries: Sequence[AuditEntry], *, fdr: float) -> Certificate:
    """Certify the winners of a log whose entries come in their order.

    Raises ``InvalidInputError`` for an ``fdr`` that is no share and for entries that are not as
    NeonBlue writes them.
    """
    if not 0.0 < fdr < 1.0:
        raise InvalidInputError(f"fdr {fdr!r} is no share of ships: give one like 0.05")
    try:
        return _certificate(entries, fdr)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"the log has an entry that is not as NeonBlue writes it ({error!r}): verify it"
        ) from error


def _certificate(entries: Sequence[AuditEntry], fdr: float) -> Certificate:
    numbers = _starts(entries)
    concluded = _conclusions(entries)
    values = {name: _log_e_value(entry) for name, entry in concluded.items() if name in numbers}
    together = dict(
        zip(
            numbers, e_bh([values.get(name, NO_EVIDENCE) for name in numbers], fdr=fdr), strict=True
        )
    )
    ships: list[Ship] = []
    for name, entry in concluded.items():
        found = sum(ship.by_e_lond for ship in ships)
        bar = e_lond_bar(numbers[name], found, fdr=fdr) if name in numbers else math.inf
        value = values.get(name, NO_EVIDENCE)
        ships.append(
            Ship(
                experiment_id=name,
                winner=entry.details["act"]["arguments"]["winner"],
                entry_id=entry.entry_id,
                log_e_value=value,
                log_bar=bar,
                by_e_lond=value >= bar,
                by_e_bh=together.get(name, False),
                note=_note(entry, started_here=name in numbers),
            )
        )
    return Certificate(fdr=fdr, started=len(numbers), ships=tuple(ships))


def _starts(entries: Sequence[AuditEntry]) -> dict[str, int]:
    """The number of each experiment in the order of its first start."""
    numbers: dict[str, int] = {}
    for entry in entries:
        if entry.event == "done" and entry.details["act"]["kind"] == "start":
            numbers.setdefault(entry.experiment_id, len(numbers) + 1)
    return numbers


def _conclusions(entries: Sequence[AuditEntry]) -> dict[str, AuditEntry]:
    """The permission under which each experiment was concluded with a winner, in that order."""
    allowed = {entry.entry_id: entry for entry in entries if entry.event == "allowed"}
    found: dict[str, AuditEntry] = {}
    for entry in entries:
        if entry.event != "done" or entry.details["act"]["kind"] != "conclude":
            continue
        permission = allowed.get(entry.details["allowed"])
        if permission is None:
            continue
        if permission.details["act"]["arguments"].get("decision") == "ship":
            found[entry.experiment_id] = permission
    return found


def _evidence(entry: AuditEntry) -> Mapping[str, Any]:
    found = (entry.details.get("figures") or {}).get("evidence")
    return found if isinstance(found, Mapping) else {}


def _log_e_value(entry: AuditEntry) -> float:
    """Of the best of several comparisons: the mean of e-values is one, so the best over their
    number is below one."""
    found = _evidence(entry)
    if not found:
        return NO_EVIDENCE
    test = EndedTest(z=float(found["z"]), progress=float(found["progress"]))
    return log_bayes_factor(test) - math.log(int(found["comparisons"]))


def _note(entry: AuditEntry, *, started_here: bool) -> str:
    if not started_here:
        return "it was started elsewhere: the log does not know which others were"
    if not _evidence(entry):
        return "it was concluded without evidence that holds at every look"
    return ""
