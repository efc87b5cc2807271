"""Which experiments have the same units in the same split: a sketch of each, and its likes.

A sketch is the units with the smallest hashes (bottom-k; Cohen, Kaplan 2007), each with its
variant, so that two experiments can be compared without reading either's events. Of uploaded
totals it is one hash a metric of its counts and moments over the variants.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

from neonblue.models import MetricSummary
from neonblue.stores.unit_contents import unit_contents, variants_of
from neonblue.stores.unit_starts import BEGINNING

if TYPE_CHECKING:
    from neonblue.stores.database import Database
    from neonblue.stores.unit_starts import UnitStarts

SKETCHED_UNITS = 1024
READ_UNITS = 4 * SKETCHED_UNITS
"""Units below the hash that is read up to, on average: enough for the sketch, cheap to group."""
FEWEST_SHARED = 20
LEAST_SHARE = 0.2
LEAST_AGREEMENT = 0.95
LEAST_KEPT = 0.98
"""Share of the units of before that an experiment still has where only more came."""
HASHES = 2**64
BY_ID, BY_CONTENT = "unit_sketches", "content_sketches"

Sketch = Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Another experiment with the same units in the same split; ``share`` of the smaller one's."""

    experiment_id: str
    share: float


class UnitSketches:
    """Sketches of units and the experiments that share them."""

    def __init__(self, database: Database, starts: UnitStarts) -> None:
        self._database = database
        self._starts = starts

    def of_events(
        self, experiment_id: str, units: int, *, keep: bool, anew: bool = False
    ) -> Sketch:
        """The sketch of an experiment with ``units`` units; read again when they have doubled.

        ``keep`` stores it, so that later experiments can be compared with it; ``anew`` reads it in
        any case, as after a load. Where units of before are gone, and not only under other ids,
        another start begins.
        """
        started_at = self._starts.newest(experiment_id)
        stored, sketched_units, sketched_at = self._stored(experiment_id, since=started_at)
        known = bool(stored) and 2 * sketched_units > units
        if known and not anew and not self._replaced_since(experiment_id, sketched_at):
            return stored
        sketch = self._from_events(experiment_id, units)
        if keep:
            found = unit_contents(self._database, experiment_id, units)
            contents = variants_of(found, SKETCHED_UNITS)
            before, *_ = self._stored(experiment_id, since=started_at, table=BY_CONTENT)
            if units_went_away(stored, sketch) and (
                units_went_away(before, contents)
                if len(before) >= FEWEST_SHARED
                else not self._numbered(experiment_id) or units < sketched_units
            ):
                self._starts.begin(experiment_id)
            self._save(experiment_id, sketch, units)
            self._save(experiment_id, contents, units, table=BY_CONTENT)
        return sketch

    def _numbered(self, experiment_id: str) -> bool:
        """Whether units have the numbers of their rows for ids: in another order they change."""
        row = self._database.row(
            "SELECT min(user_id LIKE 'row-%') FROM events WHERE experiment_id = {id:String}",
            {"id": experiment_id},
        )
        return row is not None and bool(row[0])

    def _replaced_since(self, experiment_id: str, moment: datetime) -> bool:
        """Whether a load has replaced what an experiment had."""
        row = self._database.row(
            "SELECT count() FROM loads WHERE state = 'replacing' AND experiment_id IN "
            "({id:String}, '') AND recorded_at > {moment:DateTime64(6, 'UTC')}",
            {"id": experiment_id, "moment": moment},
        )
        return row is not None and row[0] > 0

    def of_totals(self, experiment_id: str, hashes: Sequence[int], *, keep: bool) -> Sketch:
        """The sketch of uploaded totals, given one hash a metric."""
        sketch = dict.fromkeys(hashes, "")
        stored, *_ = self._stored(experiment_id)
        if keep and not sketch.keys() <= stored.keys():
            self._save(experiment_id, sketch, 0)
        return sketch

    def like(self, experiment_id: str, sketch: Sketch) -> tuple[Likeness, ...]:
        """The other experiments that share units and split with this one, by id.

        Units are known by their ids, and by when they were exposed or by their values.
        """
        contents, *_ = self._stored(experiment_id, table=BY_CONTENT)
        found = self._like(experiment_id, contents, BY_CONTENT)
        found |= self._like(experiment_id, sketch, BY_ID)
        return tuple(
            Likeness(experiment_id=other, share=share) for other, share in sorted(found.items())
        )

    def _like(self, experiment_id: str, sketch: Sketch, table: str) -> dict[str, float]:
        if not sketch:
            return {}
        rows = self._database.rows(
            """
            SELECT experiment_id, min(variant_id) = '' AS totals FROM {table:Identifier}
            WHERE experiment_id != {id:String} AND unit_hash IN {hashes:Array(UInt64)}
            GROUP BY experiment_id
            HAVING uniqExact(unit_hash) >= {least:UInt32} OR min(variant_id) = ''
            ORDER BY experiment_id LIMIT 100
            """,
            {
                "id": experiment_id,
                "hashes": sorted(sketch),
                "least": FEWEST_SHARED,
                "table": table,
            },
        )
        found = {}
        for other, totals in rows:
            alike = totals and table == BY_ID
            share = 1.0 if alike else shared_split(sketch, self._stored(other, table=table)[0])
            if share is not None:
                found[other] = share
        return found

    def _stored(
        self, experiment_id: str, *, since: datetime = BEGINNING, table: str = BY_ID
    ) -> tuple[Sketch, int, datetime]:
        """The sketch kept ``since`` then, the units it was made of, and when it was made."""
        rows = self._database.rows(
            """
            SELECT unit_hash, variant_id, units, sketched_at FROM {table:Identifier} FINAL
            WHERE experiment_id = {id:String} AND sketched_at >= {since:DateTime64(6, 'UTC')}
            ORDER BY unit_hash LIMIT {limit:UInt32}
            """,
            {
                "id": experiment_id,
                "limit": 2 * SKETCHED_UNITS,
                "since": since,
                "table": table,
            },
        )
        sketch = {int(hashed): str(variant) for hashed, variant, *_ in rows}
        units = max((units for *_, units, _ in rows), default=0)
        return sketch, units, max((at for *_, at in rows), default=BEGINNING)

    def _from_events(self, experiment_id: str, units: int) -> Sketch:
        limit = min(HASHES - 1, HASHES * READ_UNITS // max(1, units))
        rows = self._database.rows(
            """
            SELECT sipHash64(user_id) AS unit_hash, any(variant_id) FROM events
            WHERE experiment_id = {id:String} AND event_type = 'exposure'
              AND sipHash64(user_id) <= {limit:UInt64}
            GROUP BY user_id HAVING uniqExact(variant_id) = 1
            ORDER BY unit_hash LIMIT {most:UInt32}
            """,
            {"id": experiment_id, "limit": limit, "most": SKETCHED_UNITS},
        )
        return {int(hashed): str(variant) for hashed, variant in rows}

    def _save(self, experiment_id: str, sketch: Sketch, units: int, table: str = BY_ID) -> None:
        self._database.insert_rows(
            table,
            ["experiment_id", "unit_hash", "variant_id", "units"],
            [[experiment_id, hashed, variant, units] for hashed, variant in sketch.items()],
        )


def total_hashes(totals: Sequence[Sequence[MetricSummary]]) -> list[int]:
    """One hash a metric of its counts and moments over the variants, whatever their names."""
    hashes = []
    for each in totals:
        if len(each) > 1 and all(one.n > 0 and one.variance > 0 for one in each):
            numbers = sorted((one.n, round(one.mean, 9), round(one.variance, 9)) for one in each)
            digest = blake2b(repr(numbers).encode(), digest_size=8).digest()
            hashes.append(int.from_bytes(digest, "big"))
    return hashes


def _units(sketch: Sketch) -> dict[int, str]:
    """The units of a sketch that may hold hashes of totals too."""
    units = sorted(hashed for hashed, variant in sketch.items() if variant)
    return {hashed: sketch[hashed] for hashed in units[:SKETCHED_UNITS]}


def shared_split(mine: Sketch, other: Sketch) -> float | None:
    """The share of the smaller one's units that both have, where their variants agree.

    None when they share too few, or when units are split independently of each other. Variants
    may have other names, but each has to be another one's.
    """
    mine, other = _units(mine), _units(other)
    if not mine or not other:
        return None
    top = min(_reach(mine), _reach(other))
    mine = {hashed: variant for hashed, variant in mine.items() if hashed <= top}
    other = {hashed: variant for hashed, variant in other.items() if hashed <= top}
    both = mine.keys() & other.keys()
    smaller = min(len(mine), len(other))
    if len(both) < FEWEST_SHARED or len(both) < LEAST_SHARE * smaller:
        return None
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for one in both:
        pairs[mine[one]][other[one]] += 1
    likeliest = [counts.most_common(1)[0] for counts in pairs.values()]
    apart = len({name for name, _ in likeliest}) == len(likeliest) > 1
    agree = sum(count for _, count in likeliest)
    return len(both) / smaller if apart and agree >= LEAST_AGREEMENT * len(both) else None


def units_went_away(before: Sketch, now: Sketch) -> bool:
    """Whether an experiment no longer has the units, or not in the variants, that it had.

    More units only make the reach of a sketch shorter: up to it, those of before are all there.
    """
    reach = _reach(now)
    earlier = {one: variant for one, variant in before.items() if variant and one <= reach}
    kept = sum(now.get(one) in (variant, "") for one, variant in earlier.items())
    return len(earlier) >= FEWEST_SHARED and kept < LEAST_KEPT * len(earlier)


def _reach(sketch: Sketch) -> int:
    """The hash up to which a sketch has every unit."""
    return max(sketch) if len(sketch) >= SKETCHED_UNITS else HASHES - 1
