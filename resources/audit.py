"""The audit log, for reading."""

import json

from fastmcp.dependencies import Shared
from fastmcp.resources import resource

from neonblue.workspace import Workspace, open_workspace

NEWEST = 100


@resource("audit://log", mime_type="application/json")
def audit_log(workspace: Workspace = Shared(open_workspace)) -> str:
    """The newest acts, approvals and refusals, and whether the whole log verifies."""
    from neonblue.optimization.audit_report import shown_entries, verified

    audit = workspace.authority.audit
    return json.dumps({"check": verified(audit), "entries": shown_entries(audit, limit=NEWEST)})


@resource("audit://experiment/{experiment_id}", mime_type="application/json")
def audit_of_experiment(experiment_id: str, workspace: Workspace = Shared(open_workspace)) -> str:
    """What was asked, allowed, refused and done with one experiment."""
    from neonblue.optimization.audit_report import shown_entries

    audit = workspace.authority.audit
    return json.dumps({"entries": shown_entries(audit, limit=NEWEST, experiment_id=experiment_id)})


@resource("audit://entry/{entry_id}", mime_type="application/json")
def audit_entry(entry_id: str, workspace: Workspace = Shared(open_workspace)) -> str:
    """One entry with everything that the decision rested on."""
    from neonblue.optimization.audit_report import shown_entry

    return json.dumps(shown_entry(workspace.authority.audit, entry_id))


RESOURCES = (audit_log, audit_of_experiment, audit_entry)
