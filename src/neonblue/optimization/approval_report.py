"""Requests for approval as a person or an agent reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from neonblue.optimization.approval_desk import Waiting

if TYPE_CHECKING:
    from neonblue.optimization.authority import Authority
    from neonblue.stores import Store


def listed(authority: Authority) -> list[dict[str, Any]]:
    """Every request with its state, the newest first."""
    found = authority.desk.all(authority.approvers(), authority.now())
    return [plain(one) for one in reversed(found)]


def describe(store: Store, authority: Authority, approval_id: str) -> dict[str, Any]:
    """One request with its figures, and the experiment as it is now."""
    request = authority.desk.get(approval_id)
    found = authority.desk.stand(request, authority.approvers(), authority.now())
    experiment = store.experiments.find(json.loads(request.act)["experiment_id"])
    policy = authority.policy()
    now = None
    if experiment is not None:
        now = {
            "name": experiment.name,
            "status": experiment.status,
            "version": experiment.version,
            "weights": {variant.variant_id: variant.weight for variant in experiment.variants},
        }
    return {
        **plain(found),
        "now": authority.now().isoformat(),
        "act_text": request.act,
        "digest": request.digest,
        "experiment": now,
        "policy": {
            "version": policy.version,
            "autonomy": policy.policy.autonomy,
            "signed_by": policy.signed_by,
            "note": policy.note,
        },
    }


def plain(found: Waiting) -> dict[str, Any]:
    """A request as JSON values."""
    request = found.request
    return {
        "approval_id": request.approval_id,
        "state": found.state,
        "act": json.loads(request.act),
        "figures": json.loads(request.figures),
        "reason": request.reason,
        "asked_by": request.actor,
        "approvers": [*request.approvers],
        "requested_at": request.requested_at.isoformat(),
        "expires_at": request.expires_at.isoformat(),
        "approved_by": None if found.approver is None else found.approver.name,
    }
