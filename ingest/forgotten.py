"""Takes users who were forgotten out of a batch: a replayed topic must not bring them back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from neonblue.ingest.enrich import Enrichment
from neonblue.stores.forgotten import NEVER

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.ingest.pipeline import Prepared
    from neonblue.stores import Store
    from neonblue.stores.dead_letters import DeadLetter
    from neonblue.stores.forgotten import Forgotten

REASON = "forgotten_user"
# Messages that could not be read have no columns: the ids that they quote, as far as they do.
QUOTED_USER = re.compile(rb'"user_id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)')


def without_forgotten(prepared: Prepared, forgotten: Forgotten) -> tuple[Prepared, int]:
    """The batch without what is of forgotten users, and how many messages that leaves out."""
    if not forgotten.anybody():
        return prepared, 0
    events, kept = _events_kept(prepared.events, forgotten)
    letters = tuple(each for each in prepared.dead_letters if not _names_forgotten(each, forgotten))
    dropped = prepared.events.num_rows - len(kept) + len(prepared.dead_letters) - len(letters)
    if dropped == 0:
        return prepared, 0
    smaller = replace(
        prepared,
        events=events,
        indices=[prepared.indices[row] for row in kept],
        enrichment=_enrichment_of(prepared.enrichment, kept),
        dead_letters=letters,
    )
    return smaller, dropped


def forgotten_meanwhile(prepared: Prepared, store: Store) -> tuple[Prepared, int]:
    """Erase what was written of users who were forgotten while it was being written.

    Another process may forget somebody between the look at the tombstones, which are kept for a
    second, and the insert. So they are read again after it: a tombstone older than the insert is
    found here, and a younger one's deletion finds the rows. Returns the batch without them, and
    how many messages that leaves out.
    """
    store.forgotten.reread()
    kept, dropped = without_forgotten(prepared, store.forgotten)
    if dropped == 0:
        return prepared, 0
    users = set(prepared.events["user_id"].unique().to_pylist())
    for letter in prepared.dead_letters:
        users |= _users_of(letter)
    for user, accepted in store.forgotten.among(users).items():
        if accepted == NEVER:
            store.forgetting.erase(user)
    stay = set(_keys(kept.events))
    store.events.delete([key for key in _keys(prepared.events) if key not in stay])
    return kept, dropped


def _keys(events: pa.Table) -> list[tuple[str, str, str]]:
    names = ("experiment_id", "user_id", "event_id")
    return list(zip(*(events[name].to_pylist() for name in names), strict=True))


def _events_kept(events: pa.Table, forgotten: Forgotten) -> tuple[pa.Table, list[int]]:
    """The events that stay, and their rows."""
    import pyarrow as pa

    rows = list(range(events.num_rows))
    known = forgotten.among(events["user_id"].unique().to_pylist()) if rows else {}
    if not known:
        return events, rows
    users, times = events["user_id"].to_pylist(), events["timestamp"].to_pylist()
    kept = [row for row in rows if users[row] not in known or times[row] >= known[users[row]]]
    return events.take(pa.array(kept, pa.int64())), kept


def _enrichment_of(enrichment: Enrichment | None, kept: list[int]) -> Enrichment | None:
    import pyarrow as pa

    if enrichment is None:
        return None
    place = {row: number for number, row in enumerate(kept)}
    chosen = [number for number, position in enumerate(enrichment.positions) if position in place]
    return Enrichment(
        rows=enrichment.rows.take(pa.array(chosen, pa.int64())),
        positions=[place[enrichment.positions[number]] for number in chosen],
    )


def _names_forgotten(letter: DeadLetter, forgotten: Forgotten) -> bool:
    """Whether a message that cannot be used is of somebody whose events are not taken at all."""
    return any(accepted == NEVER for accepted in forgotten.among(_users_of(letter)).values())


def _users_of(letter: DeadLetter) -> set[str]:
    users = {letter.key.decode("utf-8", "replace")}
    users.update(_unquoted(found) for found in QUOTED_USER.findall(letter.payload))
    return users


def _unquoted(text: bytes) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1].decode("utf-8", "replace")
