"""Work that a command asks of the process that owns the data: load, train, migrate, forget.

One module a job, each with ``run(workspace, arguments, report) -> result``: arguments and result
are JSON objects, so a job runs the same in this process or in the owner over its loopback
endpoint. ``report(done, total, message)`` is called often; ``total`` is 0 while unknown.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

from neonblue.errors import NotFoundError
from neonblue.workspace import Workspace

Report = Callable[[float, float, str], None]


class Job(Protocol):
    """The signature of every job module's ``run``."""

    def __call__(
        self, workspace: Workspace, arguments: Mapping[str, Any], report: Report
    ) -> dict[str, Any]: ...


JOBS: tuple[str, ...] = (
    "load",
    "define",
    "changes",
    "ingest",
    "dead-letters",
    "forecast-train",
    "forecast-calibration",
    "metrics",
    "questions",
    "models",
    "migrate",
    "inspect",
    "demo",
    "behavior-train",
    "behavior-drift",
    "behavior-events",
    "forget",
    "approvals",
    "approvers",
    "halt",
    "audit",
    "policy",
    "loop",
    "calibrate",
    "evaluate-flags",
)


def find_job(name: str) -> Job:
    """The job of that name, its module imported only now."""
    if name not in JOBS:
        raise NotFoundError(f"there is no job {name!r}: the jobs are {', '.join(JOBS)}")
    job: Job = import_module(f"neonblue.jobs.{name.replace('-', '_')}").run
    return job
