"""What tells units apart without their ids: when they were exposed, or the values they have.

Ids may be made anew with each export. A sample of units by a hash of the time of their exposure,
or of all their values where there are no times, finds the same units again under other ids; by
chance two units with equal contents are in the same variant no more often than any two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from neonblue.models.untimed import UNTIMED

if TYPE_CHECKING:
    from neonblue.stores.database import Database

SAMPLED_UNITS = 4096
FEWEST_HASHES = 1024
"""Hashes below the limit that are read at least: fewer would look like all that there are."""
HASHES = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Units of one variant with the same contents that were stored at the same moment."""

    hashed: int
    variant_id: str
    stored_at: datetime
    units: int


def unit_contents(database: Database, experiment_id: str, units: int) -> tuple[Content, ...]:
    """Contents of some 4,096 units, those with the smallest hashes, by hash.

    Of units without times those count that have a value other than 0 and 1. Units in several
    variants are left out.
    """
    parameters = {"id": experiment_id, "untimed": UNTIMED, "most": SAMPLED_UNITS}
    limit = min(HASHES - 1, HASHES * SAMPLED_UNITS // max(1, units))
    rows = _of_times(database, parameters | {"limit": limit})
    if limit < HASHES - 1 and len({row[0] for row in rows}) < FEWEST_HASHES:
        # Times of whole seconds or days are fewer than units: all of them are looked at.
        rows = _of_times(database, parameters | {"limit": HASHES - 1})
    if not rows:
        rows = _of_values(database, parameters)
    return tuple(
        Content(hashed=int(hashed), variant_id=variant, stored_at=stored_at, units=int(count))
        for hashed, variant, stored_at, count in rows
    )


def _of_times(database: Database, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
    return database.rows(
        """
        SELECT hashed, variant, stored_at, count() AS units FROM (
            SELECT sipHash64(toUnixTimestamp64Micro(min(timestamp))) AS hashed,
                any(variant_id) AS variant, min(ingested_at) AS stored_at
            FROM events
            WHERE experiment_id = {id:String} AND event_type = 'exposure'
              AND timestamp != {untimed:DateTime64(6, 'UTC')}
              AND sipHash64(toUnixTimestamp64Micro(timestamp)) <= {limit:UInt64}
            GROUP BY user_id HAVING uniqExact(variant_id) = 1
        ) GROUP BY hashed, variant, stored_at ORDER BY hashed LIMIT {most:UInt32}
        """,
        parameters,
    )


def _of_values(database: Database, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
    return database.rows(
        """
        SELECT hashed, variant, stored_at, count() AS units FROM (
            SELECT sipHash64(arraySort(groupArrayIf((event_type, value), isNotNull(value))))
                AS hashed, any(variant_id) AS variant, min(ingested_at) AS stored_at
            FROM events FINAL
            WHERE experiment_id = {id:String} AND timestamp = {untimed:DateTime64(6, 'UTC')}
            GROUP BY user_id
            HAVING uniqExact(variant_id) = 1 AND countIf(value NOT IN (0, 1)) > 0
        ) GROUP BY hashed, variant, stored_at ORDER BY hashed LIMIT {most:UInt32}
        """,
        parameters,
    )


def variants_of(contents: Sequence[Content], most: int) -> dict[int, str]:
    """The variant of the ``most`` smallest hashes; '' where units of several have the contents."""
    found: dict[int, str] = {}
    for content in contents:
        known = found.get(content.hashed, content.variant_id)
        found[content.hashed] = content.variant_id if known == content.variant_id else ""
    return dict(sorted(found.items())[:most])


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Pairs of units with equal contents that were stored at different moments.

    ``alike`` of the ``pairs`` are in one variant; ``units`` were looked at.
    """

    units: int
    pairs: int
    alike: int


def copies_of(contents: Sequence[Content], *, most: int = 20) -> Copies:
    """How many pairs there are; contents of more than ``most`` units, as whole dates, are none."""
    groups: dict[int, list[Content]] = defaultdict(list)
    for content in contents:
        groups[content.hashed].append(content)
    pairs = alike = units = 0
    for group in groups.values():
        size = sum(one.units for one in group)
        if size > most:
            continue
        units += size
        for place, one in enumerate(group):
            for other in group[:place]:
                if one.stored_at != other.stored_at:
                    pairs += one.units * other.units
                    alike += one.units * other.units * (one.variant_id == other.variant_id)
    return Copies(units=units, pairs=pairs, alike=alike)
