"""What the worker found out about each event, and what it needs to know of units to do so."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from neonblue.stores.events import BEHAVIOUR

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

TABLE = "event_enrichments"


@cache
def enrichment_schema() -> pa.Schema:
    """The Arrow columns of an insert; ``sentiment_score`` and the probability may be null.

    Narrow on purpose, as it is written for every event: keywords are one text, and what the event
    itself says (its experiment, time and variant) is read there.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("event_id", pa.string()),
            ("user_id", pa.string()),
            ("user_journey_stage", pa.string()),
            ("behavioral_score", pa.float32()),
            ("intent", pa.string()),
            ("intent_probability", pa.float32()),
            ("segment", pa.string()),
            ("context_keywords", pa.string()),
            ("sentiment_score", pa.float32()),
            ("text_hash", pa.uint64()),
            ("likely_next_action", pa.string()),
            ("next_action_probability", pa.float32()),
            ("made_by", pa.string()),
        ]
    )


class Enrichments:
    """One row an event; the first one stays when an event comes again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, rows: pa.Table) -> None:
        """Append rows of ``enrichment_schema()``; acknowledged when it returns."""
        self._database.insert(TABLE, rows)

    def count(self) -> int:
        """How many events are enriched."""
        row = self._database.row("SELECT count() FROM event_enrichments FINAL")
        return int(row[0]) if row else 0

    def recent_users(
        self, *, days: float, limit: int, session_gap_ms: int = 30 * 60_000, most_events: int = 500
    ) -> pa.Table:
        """The units seen last, within ``days`` of the newest event, and what they did since their
        last pause of more than ``days``: ``user_id``, ``event_types`` with their ``counts``,
        ``sessions`` (cut by pauses of ``session_gap_ms``), ``last_ms``, ``last_type`` and
        ``last_types``, at most 16, latest first. A unit's latest ``most_events`` are looked at."""
        return self._database.table(
            """
            SELECT user_id, arrayDistinct(types) AS event_types,
                   arrayMap(each -> countEqual(types, each), event_types) AS counts,
                   toInt64(1 + arrayCount(gap -> gap > {gap:Int64}, arraySlice(gaps, begin + 1)))
                       AS sessions,
                   times[-1] AS last_ms, types[-1] AS last_type,
                   arraySlice(arrayReverse(types), 1, 16) AS last_types
            FROM (
                SELECT user_id, arraySort(groupArraySorted({most:UInt32})(
                           (-toUnixTimestamp64Milli(timestamp), event_id, toString(event_type))))
                           AS latest,
                       arrayReverse(arrayMap(each -> -each.1, latest)) AS times,
                       arrayDifference(times) AS gaps,
                       greatest(1, arrayLastIndex(gap -> gap > {window:Int64}, gaps)) AS begin,
                       arraySlice(arrayReverse(arrayMap(each -> each.3, latest)), begin) AS types
                FROM events FINAL
                WHERE {behaviour} AND user_id IN (
                    SELECT user_id FROM events
                    WHERE {behaviour} AND toUnixTimestamp64Milli(timestamp) >= (
                        SELECT max(toUnixTimestamp64Milli(timestamp)) - {window:Int64} FROM events
                        WHERE {behaviour}
                    )
                    GROUP BY user_id ORDER BY max(timestamp) DESC LIMIT {limit:UInt32}
                )
                GROUP BY user_id
            )
            """.replace("{most:UInt32}", str(int(most_events))).replace("{behaviour}", BEHAVIOUR),
            {"window": int(days * 86_400_000), "limit": limit, "gap": session_gap_ms},
        )

    def transitions(self, *, days: float, limit: int = 200_000) -> list[tuple[str, str, int]]:
        """How often one type of event followed another in a unit's recent past."""
        return [
            (before, after, int(times))
            for before, after, times in self._database.rows(
                """
                SELECT pair.1, pair.2, count() FROM (
                    SELECT arrayJoin(arrayZip(arrayPopBack(types), arrayPopFront(types))) AS pair
                    FROM (
                        SELECT user_id, arrayMap(e -> e.2, arraySort(groupArray(500)(
                            (timestamp, toString(event_type))))) AS types
                        FROM (
                            SELECT user_id, timestamp, event_type FROM events
                            WHERE {behaviour} AND timestamp >= (
                                SELECT max(timestamp) - toIntervalSecond({window:UInt32})
                                FROM events WHERE {behaviour})
                            ORDER BY timestamp DESC LIMIT {limit:UInt32}
                        )
                        GROUP BY user_id
                    )
                ) GROUP BY 1, 2
                """.replace("{behaviour}", BEHAVIOUR),
                {"window": int(days * 86_400), "limit": limit},
            )
        ]


def empty_enrichments() -> pa.Table:
    """No rows, with the right columns."""
    return enrichment_schema().empty_table()


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of enrichments from several."""
    import pyarrow as pa

    return pa.concat_tables(tables) if tables else empty_enrichments()
