"""Which experiments have the same units in the same split: a sketch of each, and its likes.

A sketch is the units with the smallest hashes (bottom-k; Cohen, Kaplan 2007), each with its
variant, so that two experiments can be compared without reading either's events. Of uploaded
totals it is one hash a metric of its counts and moments over the variants.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from neonblue.models import MetricSummary

if TYPE_CHECKING:
    from neonblue.stores.database import Database

SKETCHED_UNITS = 1024
READ_UNITS = 4 * SKETCHED_UNITS
"""Units below the hash that is read up to, on average: enough for the sketch, cheap to group."""
FEWEST_SHARED = 20
LEAST_SHARE = 0.2
LEAST_AGREEMENT = 0.95
HASHES = 2**64

Sketch = Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Another experiment with the same units in the same split; ``share`` of the smaller one's."""

    experiment_id: str
    share: float


class UnitSketches:
    """Sketches of units and the experiments that share them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_events(
        self, experiment_id: str, units: int, *, keep: bool, anew: bool = False
    ) -> Sketch:
        """The sketch of an experiment with ``units`` units; read again when they have doubled.

        ``keep`` stores it, so that later experiments can be compared with it; ``anew`` reads it in
        any case, as after a load.
        """
        stored, sketched_units = self._stored(experiment_id)
        if stored and 2 * sketched_units > units and not anew:
            return stored
        sketch = self._from_events(experiment_id, units)
        if keep:
            self._save(experiment_id, sketch, units)
        return sketch

    def of_totals(self, experiment_id: str, hashes: Sequence[int], *, keep: bool) -> Sketch:
        """The sketch of uploaded totals, given one hash a metric."""
        sketch = dict.fromkeys(hashes, "")
        stored, _ = self._stored(experiment_id)
        if keep and not sketch.keys() <= stored.keys():
            self._save(experiment_id, sketch, 0)
        return sketch

    def like(self, experiment_id: str, sketch: Sketch) -> tuple[Likeness, ...]:
        """The other experiments that share units and split with this one, by id."""
        if not sketch:
            return ()
        rows = self._database.rows(
            """
            SELECT experiment_id, min(variant_id) = '' AS totals FROM unit_sketches
            WHERE experiment_id != {id:String} AND unit_hash IN {hashes:Array(UInt64)}
            GROUP BY experiment_id
            HAVING uniqExact(unit_hash) >= {least:UInt32} OR min(variant_id) = ''
            ORDER BY experiment_id LIMIT 100
            """,
            {"id": experiment_id, "hashes": sorted(sketch), "least": FEWEST_SHARED},
        )
        found = []
        for other, totals in rows:
            share = 1.0 if totals else shared_split(sketch, self._stored(other)[0])
            if share is not None:
                found.append(Likeness(experiment_id=other, share=share))
        return tuple(found)

    def _stored(self, experiment_id: str) -> tuple[Sketch, int]:
        rows = self._database.rows(
            """
            SELECT unit_hash, variant_id, units FROM unit_sketches FINAL
            WHERE experiment_id = {id:String} ORDER BY unit_hash LIMIT {limit:UInt32}
            """,
            {"id": experiment_id, "limit": 2 * SKETCHED_UNITS},
        )
        sketch = {int(hashed): str(variant) for hashed, variant, _ in rows}
        return sketch, max((units for *_, units in rows), default=0)

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

    def _save(self, experiment_id: str, sketch: Sketch, units: int) -> None:
        self._database.insert_rows(
            "unit_sketches",
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
    if any(variant == other.get(hashed) == "" for hashed, variant in mine.items()):
        return 1.0
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


def _reach(sketch: Sketch) -> int:
    """The hash up to which a sketch has every unit."""
    return max(sketch) if len(sketch) >= SKETCHED_UNITS else HASHES - 1
