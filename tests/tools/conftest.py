"""A person with a key beside the workspace, and events that experiments can rest on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.optimization.approval_desk import Grant, grant_statement
from neonblue.optimization.approvers import Approver, read_approvers, write_approvers
from neonblue.optimization.policy_in_force import sign_policy
from neonblue.optimization.signatures import SigningKey
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

SEED = bytes(range(32))


class Person:
    """Ana, whose key is registered; she approves what she is asked, and signs policies."""

    def __init__(self, workspace: Workspace) -> None:
        self.authority = workspace.authority
        self.key = SigningKey.of_seed(SEED)
        files = self.authority.files
        approver = Approver(name="ana", method="key", public_key=self.key.public_key, added_at="")
        known = read_approvers(files.approvers)
        write_approvers(files.approvers, [known.with_entry("add", approver, self.key)])

    def approve(self, approval_id: str) -> None:
        """What `neonblue approve ID` does with her passphrase."""
        approvers, now = self.authority.approvers(), self.authority.now()
        (waiting,) = [
            one
            for one in self.authority.desk.all(approvers, now)
            if one.request.approval_id == approval_id
        ]
        digest, expires_at = waiting.request.digest, (now + timedelta(hours=1)).isoformat()
        signed = grant_statement(
            approval_id=approval_id, digest=digest, expires_at=expires_at, code=""
        )
        grant = Grant(
            approval_id=approval_id,
            digest=digest,
            expires_at=expires_at,
            public_key=self.key.public_key,
            signature=self.key.sign(signed),
        )
        self.authority.desk.keep_grant(grant, approvers, now)

    def sign(self, policy: str) -> None:
        """Write a policy and sign it."""
        self.authority.files.policy.parent.mkdir(exist_ok=True)
        self.authority.files.policy.write_text(policy)
        sign_policy(self.authority.files, policy, self.key, serial=1)


@pytest.fixture
def person(workspace: Workspace) -> Person:
    return Person(workspace)


@pytest.fixture
def add_units(workspace: Workspace) -> Callable[..., None]:
    """Adds units of an experiment, now, with a purchase each at a variant's rate."""

    def add(experiment_id: str, rates: dict[str, float], units: int) -> None:
        rng, now = np.random.default_rng(7), datetime.now(UTC)
        names, rows = list(rates), []
        for unit in range(units):
            variant = names[unit % len(names)]
            stem: dict[str, Any] = {
                "user_id": f"{experiment_id}-{unit}",
                "experiment_id": experiment_id,
                "variant_id": variant,
                "session_id": "",
                "properties": [("visits", "2")],
                "source": "test",
            }
            seen = {"event_id": f"x{unit}", "event_type": "exposure", "timestamp": now}
            rows.append(stem | seen)
            if rng.random() < rates[variant]:
                moment = now + timedelta(milliseconds=1)
                bought = {"event_id": f"p{unit}", "event_type": "purchase", "value": 1.0}
                rows.append(stem | bought | {"timestamp": moment})
        workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))

    return add
