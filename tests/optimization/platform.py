"""A data directory with its authority, its loop and a platform whose units a test makes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from neonblue.models import MetricDefinition
from neonblue.optimization.approval_desk import Grant, grant_statement
from neonblue.optimization.approvers import Approver, read_approvers, write_approvers
from neonblue.optimization.authority import Authority
from neonblue.optimization.loop.goal import Goal, goal_id_of
from neonblue.optimization.loop.step import CycleReport, LoopParts, run_step
from neonblue.optimization.policy_in_force import sign_policy
from neonblue.optimization.signatures import SigningKey
from neonblue.settings import StoreSettings
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace, authority_files

KEY = SigningKey.of_seed(bytes(range(32)))
TEXT = "more people buy"
AUTONOMOUS = 'autonomy = "autonomous"\n[limits]\nincubation_days = 1\n'
BASELINE, UNITS = 0.2, 6000


class Platform:
    """Data directory, authority, loop and a platform whose units convert as a test says."""

    def __init__(self, folder: Path) -> None:
        self.ahead = timedelta()
        self.workspace = Workspace(StoreSettings(data_dir=folder / "data"))
        self.files = authority_files(self.workspace.settings)
        self.authority = Authority(self.workspace.store, self.files, clock=self.now)
        self._rng, self._units = np.random.default_rng(7), 0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def add_person(self) -> None:
        known = read_approvers(self.files.approvers)
        ana = Approver(name="ana", method="key", public_key=KEY.public_key, added_at="")
        write_approvers(self.files.approvers, [*known.entries, known.with_entry("add", ana, KEY)])

    def policy(self, text: str) -> None:
        self.files.policy.parent.mkdir(exist_ok=True, parents=True)
        self.files.policy.write_text(text)
        sign_policy(self.files, text, KEY, serial=1)

    def step(self, goal: Goal) -> CycleReport:
        workspace = self.workspace
        return run_step(
            LoopParts(
                store=workspace.store,
                memory=lambda: workspace.memory,
                learner=lambda: workspace.learner,
                kinds=workspace.event_kinds,
                authority=self.authority,
                now=self.now,
            ),
            goal,
        )

    def steps(self, goal: Goal, count: int) -> list[tuple[str, str]]:
        """Act and outcome of each step of some calls."""
        return [(step.act, step.outcome) for _ in range(count) for step in self.step(goal).steps]

    def approve(self, approval_id: str, digest: str) -> None:
        """What `neonblue approve` makes of a passphrase."""
        expires_at = (self.now() + timedelta(hours=1)).isoformat()
        signed = grant_statement(
            approval_id=approval_id, digest=digest, expires_at=expires_at, code=""
        )
        grant = Grant(
            approval_id=approval_id,
            digest=digest,
            expires_at=expires_at,
            public_key=KEY.public_key,
            signature=KEY.sign(signed),
        )
        self.authority.desk.keep_grant(grant, self.authority.approvers(), self.authority.now())

    def visitors(
        self, experiment_id: str, *, lift: float, units: int = UNITS, split: float = 0.5
    ) -> None:
        """Units of the last day: exposed, and some of them buy."""
        started = self.now() - timedelta(hours=20)
        rows: list[dict[str, Any]] = []
        for _ in range(units):
            self._units += 1
            treated = self._rng.random() < split
            moment = started + timedelta(seconds=float(self._rng.uniform(0, 60_000)))
            rate = BASELINE * (1 + lift) if treated else BASELINE
            unit = f"u{self._units}"
            variant = "treatment" if treated else "control"
            rows.append(event(experiment_id, unit, variant, "exposure", moment))
            if self._rng.random() < rate:
                later = moment + timedelta(minutes=5)
                rows.append(event(experiment_id, unit, variant, "purchase", later))
        table = pa.Table.from_pylist(rows, schema=event_schema())
        self.workspace.store.events.insert(table)


def event(
    experiment_id: str, unit: str, variant: str, event_type: str, moment: datetime
) -> dict[str, Any]:
    return {
        "event_id": f"{unit}-{event_type}",
        "user_id": unit,
        "experiment_id": experiment_id,
        "variant_id": variant,
        "event_type": event_type,
        "timestamp": moment,
        "session_id": "",
        "properties": [],
        "source": "test",
    }


def goal_of(at_once: int = 1) -> Goal:
    return Goal(
        goal_id=goal_id_of(TEXT),
        text=TEXT,
        metrics=(
            MetricDefinition(name="purchase", kind="proportion", event_type="purchase", mde=0.02),
        ),
        mde=0.2,
        baseline_mean=BASELINE,
        ideas=("show the price first", "hide the coupon field"),
        minimum_duration_days=2.0,
        at_once=at_once,
    )
