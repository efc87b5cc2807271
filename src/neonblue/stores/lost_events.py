"""Metric events that count for nobody: of units never exposed, and from before the exposure.

Read only when an analysis has counted some: two passes over the experiment's events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores.database import Database

EXAMINED_UNITS = 50_000
EXAMPLES = 10

UNITS = """
SELECT user_id, max(event_type = 'exposure') AS exposed, max(event_type != 'exposure') AS active,
       anyIf(variant_id, event_type = 'exposure') AS variant,
       anyIf(variant_id, variant_id != '') AS claimed
FROM events
WHERE experiment_id = {id:String} AND event_type IN {types:Array(String)}
GROUP BY user_id
"""


def _form(id_: str) -> str:
    """SQL of an id's form without letter case, spaces, punctuation, ".0" and leading zeros."""
    whole = f"replaceRegexpOne(trimBoth(lowerUTF8({id_})), '\\\\.0+$', '')"
    letters = f"replaceRegexpAll({whole}, '[^\\\\pL\\\\pN]', '')"
    number = f"replaceRegexpOne({letters}, '^0+([0-9])', '\\\\1')"
    return f"if(match({letters}, '^0+[0-9]+$'), {number}, {letters})"


PLAIN = _form("user_id")
# "user_123" and "uid:123" have a short form too.
SHORT = _form("replaceRegexpOne(trimBoth(user_id), '^[A-Za-z][A-Za-z0-9]*[:_|/#.-]+', '')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A unit with events and no exposure, and the one exposed unit whose id is nearly the same."""

    stray_id: str
    exposed_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strays:
    """Units with metric events and no exposure.

    ``active`` exposed units have metric events, to compare with. ``claimed`` counts strays by the
    variant that their events name, where they do. Of ``alike`` strays exactly one exposed unit has
    nearly the same id; ``alike_by_variant`` counts them by its variant. At most 50,000 strays are
    compared; ``examined`` says how many were.
    """

    units: int
    active: int
    examined: int
    claimed: Mapping[str, int] = field(default_factory=dict)
    alike_by_variant: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Alike, ...] = ()

    @property
    def alike(self) -> int:
        """How many of the examined strays look like an exposed unit."""
        return sum(self.alike_by_variant.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyEvents:
    """Units of a variant by when their metric events came.

    ``active`` have any; ``before`` some before their first exposure; ``lost`` none after it and
    the last one less than an hour before. ``median_seconds`` is how long before the exposure the
    last earlier event of a unit came.
    """

    variant_id: str
    units: int
    active: int
    before: int
    lost: int
    median_seconds: float


class LostEvents:
    """What an experiment's exposures do not cover."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def strays(self, experiment: Experiment) -> Strays:
        """Who has metric events and was never exposed, and whom they look like."""
        parameters = _parameters(experiment)
        counts = self._database.rows(
            f"""
            SELECT exposed, if(exposed, '', claimed) AS claim, count() FROM ({UNITS})
            WHERE active GROUP BY exposed, claim
            """,
            parameters,
        )
        units = sum(int(number) for exposed, _, number in counts if not exposed)
        by_variant, examples = self._alike(parameters)
        return Strays(
            units=units,
            active=sum(int(number) for exposed, _, number in counts if exposed),
            examined=min(units, EXAMINED_UNITS),
            claimed={claim: int(n) for exposed, claim, n in counts if not exposed and claim},
            alike_by_variant=by_variant,
            examples=examples,
        )

    def _alike(self, parameters: dict[str, object]) -> tuple[dict[str, int], tuple[Alike, ...]]:
        rows = self._database.rows(
            f"""
            SELECT variant, count(), groupArraySorted({EXAMPLES})((stray, alike)) FROM (
                SELECT stray, any(exposed_id) AS alike, any(named) AS variant FROM (
                    SELECT user_id AS exposed_id, variant AS named, arrayJoin(arrayConcat(
                        [('plain', plain)], if(short = plain, [], [('short', short)]))) AS form
                    FROM (SELECT user_id, variant, {PLAIN} AS plain, {SHORT} AS short
                          FROM ({UNITS}) WHERE exposed)
                    WHERE plain != ''
                ) AS exposures
                INNER JOIN (
                    SELECT user_id AS stray, arrayJoin(arrayConcat(
                        [('plain', plain), ('short', plain)],
                        if(short = plain, [], [('plain', short)]))) AS form
                    FROM (SELECT user_id, {PLAIN} AS plain, {SHORT} AS short
                          FROM ({UNITS}) WHERE NOT exposed
                          ORDER BY cityHash64(user_id) LIMIT {EXAMINED_UNITS})
                    WHERE plain != ''
                ) AS strays USING (form)
                GROUP BY stray HAVING uniqExact(exposed_id) = 1
            ) GROUP BY variant ORDER BY variant
            """,
            parameters,
        )
        examples = [Alike(stray_id=a, exposed_id=b) for _, _, pairs in rows for a, b in pairs[:3]]
        return {variant: int(units) for variant, units, _ in rows}, tuple(examples[:EXAMPLES])

    def early(self, experiment: Experiment) -> tuple[EarlyEvents, ...]:
        """By variant, when metric events came relative to the first exposure."""
        rows = self._database.rows(
            """
            SELECT variant, count(), countIf(active), countIf(previous > 0),
                   countIf(previous > 0 AND later = 0 AND exposed_at - previous < 3600000),
                   ifNotFinite(quantileIf(0.5)((exposed_at - previous) / 1000, previous > 0), 0)
            FROM (
                SELECT variant, exposed_at, notEmpty(times) AS active,
                       arrayMax(arrayFilter(t -> t < exposed_at, arrayPushFront(times, 0)))
                           AS previous,
                       arrayCount(t -> t >= exposed_at, times) AS later
                FROM (
                    SELECT anyIf(variant_id, event_type = 'exposure') AS variant,
                           minIf(toUnixTimestamp64Milli(timestamp), event_type = 'exposure')
                               AS exposed_at,
                           groupArrayIf(toUnixTimestamp64Milli(timestamp),
                                        event_type != 'exposure') AS times
                    FROM events FINAL
                    WHERE experiment_id = {id:String} AND event_type IN {types:Array(String)}
                    GROUP BY user_id
                    HAVING countIf(event_type = 'exposure') > 0
                       AND uniqExactIf(variant_id, event_type = 'exposure') = 1
                       AND exposed_at >= {counted_ms:Int64}
                )
            ) GROUP BY variant ORDER BY variant
            """,
            _parameters(experiment),
        )
        names = ("variant_id", "units", "active", "before", "lost", "median_seconds")
        return tuple(EarlyEvents(**dict(zip(names, row, strict=True))) for row in rows)


def metric_event_types(experiment: Experiment) -> tuple[str, ...]:
    """The types of the events that an experiment's metrics are made of, exposures left out."""
    types = {metric.event_type for metric in experiment.metrics}
    types |= {metric.denominator_event_type or "" for metric in experiment.metrics}
    return tuple(sorted(types - {"", "exposure"}))


def _parameters(experiment: Experiment) -> dict[str, object]:
    since = experiment.counted_from
    return {
        "id": experiment.experiment_id,
        "types": ["exposure", *metric_event_types(experiment)],
        "counted_ms": 0 if since is None else round(since.timestamp() * 1000),
    }
