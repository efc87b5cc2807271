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
    from neonblue.stores.loads import Loads
    from neonblue.stores.unit_starts import UnitStarts

SKETCHED_UNITS = 1024
READ_UNITS = 4 * SKETCHED_UNITS
"""Units below the hash that is read up to, on average: enough for the sketch, cheap to group."""
FEWEST_SHARED = 20
LEAST_SHARE = 0.2
LEAST_AGREEMENT = 0.95
MOST_LEFT_OUT = 0.8
"""Share of what was read below which the rest is a choice: what is left is then exploratory."""
LEAST_KEPT = 0.98
"""Share of the units of before that an experiment still has where only more came."""
HASHES = 2**64
BY_ID, BY_CONTENT = "unit_sketches", "content_sketches"

Sketch = Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Another experiment with the same units in the same split; ``share`` of the smaller one's.

    ``shared`` are hashes of units that both have, up to ``top``, of ``mine`` that this one has.
    ``chosen`` says that this one has some, and only some, of the other's units.
    """

    experiment_id: str
    share: float
    shared: frozenset[int] = frozenset()
    top: int = HASHES - 1
    mine: int = 0
    chosen: bool = False


class UnitSketches:
    """Sketches of units and the experiments that share them."""

    def __init__(self, database: Database, starts: UnitStarts, loads: Loads) -> None:
        self._database = database
        self._starts = starts
        self._loads = loads

    def of_events(
        self, experiment_id: str, units: int, *, keep: bool, anew: bool = False
    ) -> Sketch:
        """The sketch of an experiment with ``units`` units; read again when they have doubled.

        ``keep`` stores it, so that later experiments can be compared with it; ``anew`` reads it in
        any case, as after a load. Where units of before are gone, and not only under other ids,
        another start begins.
        """
        started_at = self._starts.of(experiment_id).began_at
        stored, sketched_units, sketched_at = self._stored(experiment_id, since=started_at)
        known = bool(stored) and 2 * sketched_units > units
        if known and not anew and not self._loads.replaced_since(experiment_id, sketched_at):
            return stored
        sketch = self._from_events(experiment_id, units)
        if keep:
            found = unit_contents(self._database, experiment_id, units)
            contents = variants_of(found, SKETCHED_UNITS)
            before, *_ = self._stored(experiment_id, since=started_at, table=BY_CONTENT)
            self._note_start(
                experiment_id,
                fewer=units < sketched_units,
                ids=kept_units(stored, sketch),
                contents=kept_units(before, contents),
            )
            self._save(experiment_id, sketch, units)
            self._save(experiment_id, contents, units, table=BY_CONTENT)
        return sketch

    def _note_start(
        self, experiment_id: str, *, fewer: bool, ids: Kept | None, contents: Kept | None
    ) -> None:
        """Write a start down where units went away, and not only under other ids.

        Numbers of rows are no ids: without contents only their being ``fewer`` tells.
        """
        if ids is None or not ids.went_away:
            self._note_return(experiment_id)
        elif contents is not None:
            if contents.went_away:
                chosen = ids.chosen or contents.chosen
                self._starts.begin(experiment_id, chosen=chosen)
        elif fewer or not self._numbered(experiment_id):
            self._starts.begin(experiment_id, chosen=ids.chosen)

    def _note_return(self, experiment_id: str) -> None:
        """Where units had been chosen and all of before are there again, that is a start."""
        if not self._starts.of(experiment_id).chosen:
            return
        ever, units, _ = self._stored(experiment_id)
        kept = kept_units(ever, self._from_events(experiment_id, units))
        if kept is None or not kept.went_away:
            self._starts.begin(experiment_id)

    def _numbered(self, experiment_id: str) -> bool:
        """Whether units have the numbers of their rows for ids: in another order they change."""
        row = self._database.row(
            "SELECT min(user_id LIKE 'row-%') FROM events WHERE experiment_id = {id:String}",
            {"id": experiment_id},
        )
        return row is not None and bool(row[0])

    def of_totals(self, experiment_id: str, hashes: Sequence[int], *, keep: bool) -> Sketch:
        """The sketch of uploaded totals, given one hash a metric."""
        sketch = dict.fromkeys(hashes, "")
        stored, *_ = self._stored(experiment_id)
        if keep and not sketch.keys() <= stored.keys():
            self._save(experiment_id, sketch, 0)
        return sketch

    def like(self, experiment_id: str, sketch: Sketch) -> tuple[Likeness, ...]:
        """The other experiments that share units and split with this one, by id.

        Units are known by their ids, and by when they were exposed or by their values. What is
        shared with one may be little: ``those_that_count`` says of whom it is enough.
        """
        contents, *_ = self._stored(experiment_id, table=BY_CONTENT)
        mine = {BY_CONTENT: contents, BY_ID: sketch}
        found = {}
        for table, other, totals in self._sharing(experiment_id, mine):
            if totals and table == BY_ID:
                found[other] = Likeness(experiment_id=other, share=1.0)
            elif each := shared_split(other, mine[table], self._stored(other, table=table)[0]):
                found[other] = each
        return tuple(each for _, each in sorted(found.items()))

    def _sharing(
        self, experiment_id: str, mine: Mapping[str, Sketch]
    ) -> Sequence[tuple[str, str, bool]]:
        """Table, other experiment and whether it has totals, of those that have enough of mine."""
        tables = [table for table, sketch in mine.items() if sketch]
        if not tables:
            return []
        parts = [
            f"""
            SELECT '{table}' AS found_in, experiment_id, min(variant_id) = '' AS totals
            FROM {table}
            WHERE experiment_id != {{id:String}}
              AND unit_hash IN (JSONExtract({{{table}:String}}, 'Array(UInt64)'))
            GROUP BY experiment_id
            HAVING uniqExact(unit_hash) >= {{least:UInt32}} OR min(variant_id) = ''
            ORDER BY experiment_id LIMIT 100
            """
            for table in tables
        ]
        rows = self._database.rows(
            "SELECT * FROM (" + ") UNION ALL SELECT * FROM (".join(parts) + ")",
            {"id": experiment_id, "least": FEWEST_SHARED}
            # As a text: an array of a thousand numbers takes the engine longer than the query does.
            | {table: str(sorted(mine[table])) for table in tables},
        )
        return sorted((str(table), str(other), bool(totals)) for table, other, totals in rows)

    def _stored(
        self, experiment_id: str, *, since: datetime = BEGINNING, table: str = BY_ID
    ) -> tuple[Sketch, int, datetime]:
        """The sketch kept ``since`` then, the units it was made of, and when it was made."""
        each = (
            f"""
            SELECT '{name}' AS found_in, groupArray(unit_hash), groupArray(variant_id), max(units),
                max(sketched_at)
            FROM (
                SELECT unit_hash, variant_id, units, sketched_at FROM {name} FINAL
                WHERE experiment_id = {{id:String}}
                    AND sketched_at >= {{since:DateTime64(6, 'UTC')}}
                ORDER BY unit_hash LIMIT {{limit:UInt32}}
            ) HAVING count() > 0
            """
            for name in (BY_ID, BY_CONTENT)
        )
        # Both at once, as whoever reads one mostly reads the other in the same answer.
        rows = self._database.rows(
            " UNION ALL ".join(each),
            {"id": experiment_id, "limit": 2 * SKETCHED_UNITS, "since": since},
        )
        for found_in, hashes, variants, units, sketched_at in rows:
            if found_in == table:
                return dict(zip(hashes, variants, strict=True)), units, sketched_at
        return {}, 0, BEGINNING

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


def shared_split(name: str, mine: Sketch, other: Sketch) -> Likeness | None:
    """What this sketch shares with that of the experiment ``name``, where their variants agree.

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
    if len(both) < FEWEST_SHARED:
        return None
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for one in both:
        pairs[mine[one]][other[one]] += 1
    likeliest = [counts.most_common(1)[0] for counts in pairs.values()]
    apart = len({name for name, _ in likeliest}) == len(likeliest) > 1
    agree = sum(count for _, count in likeliest)
    if not apart or agree < LEAST_AGREEMENT * len(both):
        return None
    share = len(both) / min(len(mine), len(other))
    # Treatments that are left out as a whole are no choice of units.
    other_units = [one for one, name in other.items() if name in dict(likeliest)]
    return Likeness(
        experiment_id=name,
        share=share,
        shared=frozenset(both),
        top=top,
        mine=len(mine),
        chosen=chosen(len(both), of=len(other_units), now=len(mine)),
    )


def those_that_count(likes: Sequence[Likeness]) -> list[Likeness]:
    """Of experiments that share units with one: those that share enough.

    A fifth of the smaller one's units is enough. Where none shares as much, and this one is put
    together from a little of each of several, the largest part stands for all of them.
    """
    enough = [like for like in likes if like.share >= LEAST_SHARE]
    if enough or not likes:
        return enough
    lowest = min(likes, key=lambda like: like.top)
    together = {hashed for like in likes for hashed in like.shared if hashed <= lowest.top}
    if len(together) < LEAST_SHARE * lowest.mine:
        return []
    return [max(likes, key=lambda like: like.share)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many of the units of before are there, in their variants, and of how many now."""

    before: int
    kept: int
    now: int

    @property
    def went_away(self) -> bool:
        """Whether units of before are gone."""
        return self.kept < LEAST_KEPT * self.before

    @property
    def chosen(self) -> bool:
        """Whether what is there is a part of what was, as one segment of it."""
        return chosen(self.kept, of=self.before, now=self.now)


def chosen(both: int, *, of: int, now: int) -> bool:
    """Whether most units of now are some, and only some, of those that were read."""
    return 2 * both >= now and both < MOST_LEFT_OUT * of


def kept_units(before: Sketch, now: Sketch) -> Kept | None:
    """What an experiment still has of the units that it had; None where those are too few.

    More units only make the reach of a sketch shorter: up to it, those of before are all there.
    Variants that were left out as a whole do not count, unless none is left.
    """
    reach = _reach(now)
    earlier = {one: variant for one, variant in before.items() if variant and one <= reach}
    names = set(now.values()) & set(earlier.values()) or set(earlier.values())
    earlier = {one: variant for one, variant in earlier.items() if variant in names}
    if len(earlier) < FEWEST_SHARED:
        return None
    kept = sum(now.get(one) in (variant, "") for one, variant in earlier.items())
    return Kept(before=len(earlier), kept=kept, now=len(now))


def _reach(sketch: Sketch) -> int:
    """The hash up to which a sketch has every unit."""
    return max(sketch) if len(sketch) >= SKETCHED_UNITS else HASHES - 1
