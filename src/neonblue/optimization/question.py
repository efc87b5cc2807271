"""One act that is asked about, with everything that the answer rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neonblue.optimization import facts as fact_gathering
from neonblue.optimization.acts import Act, Actor
from neonblue.optimization.policy_in_force import PolicyInForce
from neonblue.optimization.policy_rules import Facts, Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``claimant`` is who may ask again after a crash without losing an approval."""

    act: Act
    actor: Actor
    figures: Mapping[str, Any]
    facts: Facts
    in_force: PolicyInForce
    claimant: str

    def record(self, judgement: Judgement, **more: Any) -> dict[str, Any]:
        """What the audit log keeps of it, so that it can be judged again."""
        return {
            "act": {
                "kind": self.act.kind,
                "experiment_id": self.act.experiment_id,
                "arguments": self.act.arguments,
                "state_version": self.act.state_version,
                "policy_version": self.act.policy_version,
            },
            "digest": self.act.digest(),
            "figures": self.figures,
            "facts": fact_gathering.plain(self.facts),
            "policy": self.in_force.version,
            "signed": self.in_force.signed,
            "answer": judgement.answer,
            "reasons": [[reason.code, reason.text] for reason in judgement.reasons],
            **more,
        }
