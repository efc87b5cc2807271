"""The shop of ``neonblue demo --loop``: what is true there, which nobody outside it is told."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BASELINE = 0.2
"""Share of visitors who buy when nothing is changed."""
EFFECTS: Mapping[str, float] = {
    "demand a phone number before checkout": -0.7,
    "suggest products while visitors type": 0.0,
    "promise the delivery date on product pages": 0.6,
}
"""True relative lift of the purchase rate, by the change."""
BROKEN_CHANGE = "suggest products while visitors type"
"""Its first release loses exposures of the treatment, until somebody hears of it."""
LOST_SHARE = 0.8
CONTROL = "control"
HALTED = frozenset({"paused", "stopped", "rolled_back"})


@dataclass
class Shop:
    """Visitors, what they are shown and whether they buy; and the releases of its features."""

    rng: random.Random
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Experiments that the shop has heard of, by id: their newest change message."""
    mended: bool = False

    def hear(self, change: Mapping[str, Any]) -> None:
        """Obey a change of an experiment; the feature that lost exposures is mended on a halt."""
        known = self.shown.get(change["experiment_id"])
        if known is not None and known["state_version"] >= change["state_version"]:
            return
        self.shown[change["experiment_id"]] = dict(change)
        if self._change_of(change) == BROKEN_CHANGE and change["status"] in HALTED:
            self.mended = True

    def asks(self) -> bool:
        """Whether a visitor's flags matter: an experiment runs, or a winner is rolled out."""
        return any(one["status"] in ("running", "rolled_out") for one in self.shown.values())

    def visit(self, unit: str, flags: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The events of one visitor who gets these flags (by key, as OFREP answers them).

        A purchase names an experiment, so it is told to each that the visitor takes part in.
        """
        rate, taking_part = BASELINE, []
        for key, change in self.shown.items():
            flag = flags.get(key, {})
            if change["status"] not in ("running", "rolled_out") or not flag.get("variant"):
                continue
            if flag["variant"] != CONTROL:
                rate *= 1.0 + EFFECTS.get(self._change_of(change), 0.0)
            if change["status"] == "running" and flag["reason"] == "SPLIT":
                taking_part.append((key, flag["variant"]))
        events = [self._event(unit, "visit")]
        events += [
            self._event(unit, "exposure", key, variant)
            for key, variant in taking_part
            if not self._loses(self.shown[key], variant)
        ]
        if self.rng.random() < rate:
            events += [self._event(unit, "purchase", key) for key, _ in taking_part or [("", "")]]
        return events

    def heard(self) -> dict[str, dict[str, Any]]:
        """Status, share of all visitors with the winner, and change, by experiment."""
        return {
            key: {
                "status": one["status"],
                "fraction": one["experiment"]["roll_out_fraction"],
                "change": self._change_of(one),
            }
            for key, one in self.shown.items()
        }

    def truth(self) -> dict[str, float]:
        """True lifts by experiment, told when all is over."""
        return {key: EFFECTS.get(self._change_of(one), 0.0) for key, one in self.shown.items()}

    def _loses(self, change: Mapping[str, Any], variant: str) -> bool:
        faulty = self._change_of(change) == BROKEN_CHANGE and not self.mended
        return faulty and variant != CONTROL and self.rng.random() < LOST_SHARE

    def _event(
        self, unit: str, event_type: str, key: str = "", variant: str = ""
    ) -> dict[str, Any]:
        named = {"variant_id": variant} if variant else {}
        return {
            "event_id": f"{unit}-{event_type}-{key}",
            "user_id": unit,
            "experiment_id": key or None,
            "event_type": event_type,
            **named,
        }

    def _change_of(self, change: Mapping[str, Any]) -> str:
        return str(change["experiment"]["name"])
