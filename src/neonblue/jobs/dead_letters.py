"""List, export and replay messages that could not be used."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.models.private_file import open_private

if TYPE_CHECKING:
    from neonblue.jobs import Report
    from neonblue.stores import Store
    from neonblue.stores.dead_letters import DeadLetter
    from neonblue.workspace import Workspace

PAGE = 1_000
ACTIONS = ("list", "export", "replay")


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``action`` of ``ACTIONS``; ``reason`` and ``ids`` narrow down; ``path`` is for the export."""
    store, action = workspace.store, arguments["action"]
    if action == "list":
        return _listed(store, arguments)
    if action == "export":
        return _exported(store, arguments, report)
    if action == "replay":
        return _replayed(workspace, arguments, report)
    raise InvalidInputError(f"there is no action {action!r}: use one of {', '.join(ACTIONS)}")


def _listed(store: Store, arguments: Mapping[str, Any]) -> dict[str, Any]:
    letters = store.dead_letters.waiting(
        reason=arguments.get("reason"),
        letter_ids=arguments.get("ids", ()),
        after=arguments.get("after", ""),
        limit=int(arguments.get("limit", 20)),
    )
    return {"waiting": store.dead_letters.counts(), "letters": [_shown(each) for each in letters]}


def _exported(store: Store, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    written = 0
    with open_private(Path(arguments["path"])) as file:
        for page in _pages(store, arguments):
            for letter in page:
                payload = b64encode(letter.payload).decode()
                file.write(json.dumps({**_shown(letter), "payload_base64": payload}) + "\n")
            written += len(page)
            report(written, 0, "letters written")
    return {"exported": written}


def _replayed(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Through the same pipeline again: what can be used now is stored, the rest waits on."""
    from neonblue.ingest.stream.record import LineRecord
    from neonblue.ingest.stream.service import open_pipeline

    store = workspace.store
    pipeline = open_pipeline(store, source="replay", kinds=workspace.event_kinds)
    counts = {"replayed": 0, "still_waiting": 0}
    for page in _pages(store, arguments):
        records = [
            LineRecord(
                each.topic,
                each.partition,
                each.offset,
                each.key or None,
                each.payload,
                letter_id=each.letter_id,
            )
            for each in page
        ]
        written = pipeline.write(pipeline.prepare(records))
        failed = {letter.letter_id for letter in written.dead_letters}
        good = [letter for letter in page if letter.letter_id not in failed]
        store.dead_letters.save(good, "replayed")
        counts["replayed"] += len(good)
        counts["still_waiting"] += len(failed)
        report(counts["replayed"], 0, "letters replayed")
    return counts


def _pages(store: Store, arguments: Mapping[str, Any]) -> Iterator[tuple[DeadLetter, ...]]:
    after = ""
    while page := store.dead_letters.waiting(
        reason=arguments.get("reason"),
        letter_ids=arguments.get("ids", ()),
        after=after,
        limit=PAGE,
    ):
        yield page
        after = page[-1].letter_id


def _shown(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.letter_id,
        "reason": letter.reason,
        "detail": letter.detail,
        "recorded_at": letter.recorded_at.isoformat() if letter.recorded_at else None,
        "bytes": len(letter.payload),
        "payload": letter.payload[:200].decode("utf-8", "backslashreplace"),
    }
