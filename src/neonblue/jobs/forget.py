"""Remove a user from ClickHouse and ChromaDB for good, in the process that owns the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.jobs import Report
from neonblue.workspace import Workspace

WAIT_SECONDS = 90.0
INDEX_SECONDS = 60.0


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``user``: the id; ``wait_seconds``: how long to wait until replaced files are gone too.

    The result counts the rows each table had; nothing names the user.

    A tombstone stays, so that messages read again do not bring the user back. With ``readmit``
    nothing is removed: events from now on are taken again. Raises ``UnavailableError`` when a row
    or the journey is found afterwards.
    """
    from neonblue.memory.collections import USER_JOURNEYS

    user = str(arguments.get("user", ""))
    if not user:
        raise InvalidInputError("no user was named: run neonblue forget USER")
    store = workspace.store
    if arguments.get("readmit"):
        return {"readmitted": store.forgotten.readmit(user)}
    report(0, 3, "removing rows from ClickHouse")
    # First of all, so that no message of the user comes in behind.
    store.forgotten.add(user)
    erased = store.forgetting.erase(user)
    store.sessions.refresh()
    store.named_users.refresh()
    report(1, 3, "removing the journey from the memory")
    documents = len(store.documents.get(USER_JOURNEYS.name, [user]))
    # Also when ClickHouse has no document: an index that was written by a dying process may.
    workspace.memory.erase(USER_JOURNEYS, [user])
    if workspace.memory.holds(USER_JOURNEYS, user, within_seconds=INDEX_SECONDS):
        raise UnavailableError(
            "the user is not forgotten: the memory still has the journey. Run `neonblue forget` "
            "again; another process may have written it at this moment"
        )
    report(2, 3, "waiting until ClickHouse has removed the files it replaced")
    wait = float(arguments.get("wait_seconds", WAIT_SECONDS))
    purged = store.forgetting.purge(within_seconds=wait)
    report(3, 3, "done")
    return {
        "rows_erased": erased,
        "journeys_erased": documents,
        "old_files_removed": purged,
        "not_reached": _not_reached(store.forgetting.mentions(user)),
    }


def _not_reached(mentions: Mapping[str, int]) -> list[str]:
    """What may still hold the id, and what to do about it."""
    told = [
        f"{count} events of other users hold the id in their property {name!r}: they stay; send "
        "those events again, with the same event_id, without it"
        for name, count in mentions.items()
    ]
    return [
        *told,
        "files beside the store: what was loaded or exported, and the rejected rows of neonblue "
        "load (*.rejects.csv, where it was run): search them for the id and delete those lines",
        "messages in Kafka, until its retention removes them",
        "models, which keep what they learnt of many users together: neonblue behavior train "
        "learns anew",
    ]
