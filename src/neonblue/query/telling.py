"""Which properties and values tell, or could tell, the variant of a running experiment.

Shown is what is proven not to: its common values cover most units and are spread over the variants
like the units themselves. A value that only few units share may be cut or hashed into one that
tells, so such a property is hidden as well.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from threading import Lock
from typing import TYPE_CHECKING

from neonblue.intelligence.look_gate import one_sided
from neonblue.models.lifecycle import FINISHED_STATUSES

if TYPE_CHECKING:
    from neonblue.models import Experiment
    from neonblue.stores import Store
    from neonblue.stores.variant_signs import UnitEvent

FEWEST_OF_A_VALUE = 20
TELLING = 0.3
"""Share of the units outside the largest variant that a property has to place, to be hidden."""
COVERED = 0.8
BINS = 10
KEPT_SECONDS = 300.0
ABSENT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What raw SQL may not see while ``watched`` experiments run.

    ``properties`` are hidden, ``shown`` are the others that were looked at; ``silent`` are event
    types whose values are hidden, ``concealed`` those that one variant alone has, as a page of the
    treatment, and that are hidden as a whole. With nothing watched everything is shown.
    """

    watched: tuple[str, ...]
    properties: tuple[str, ...]
    shown: tuple[str, ...]
    silent: tuple[str, ...]
    concealed: tuple[str, ...] = ()

    def together(self, store: Store, names: Sequence[str]) -> bool:
        """Whether these properties tell the variants jointly, as none does by itself."""
        return any(
            telling_together(store.variant_signs.sample(name), [tuple(names)])
            for name in self.watched
        )

    def telling_pairs(self, store: Store, names: Sequence[str]) -> frozenset[tuple[str, ...]]:
        """The pairs of these properties that tell the variants jointly."""
        pairs: list[tuple[str, ...]] = list(combinations(names, 2))
        found: set[tuple[str, ...]] = set()
        for name in self.watched:
            found |= telling_together(store.variant_signs.sample(name), pairs)
        return frozenset(found)


class HiddenSigns:
    """What is hidden, found out anew every few minutes and when experiments start or end."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._known: tuple[float, frozenset[tuple[str, int]], Hidden] | None = None

    def now(self, store: Store, defined: Mapping[str, Experiment]) -> Hidden:
        """What is hidden as of now."""
        watched = _watched(store, defined)
        key = frozenset(watched.items())
        with self._guard:
            if self._known is not None:
                found_at, of, hidden = self._known
                if of == key and time.monotonic() - found_at < KEPT_SECONDS:
                    return hidden
            hidden = _find(store, sorted(watched))
            self._known = (time.monotonic(), key, hidden)
            return hidden


def _watched(store: Store, defined: Mapping[str, Experiment]) -> dict[str, int]:
    """Experiments with events that have not finished, by version; 0 for undefined ones."""
    found = {}
    for name in store.variant_signs.experiments():
        plan = defined.get(name)
        if plan is None or plan.status not in FINISHED_STATUSES:
            found[name] = plan.version if plan else 0
    return found


def _find(store: Store, watched: Sequence[str]) -> Hidden:
    if not watched:
        return Hidden(watched=(), properties=(), shown=(), silent=())
    properties: set[str] = set()
    silent: set[str] = set()
    concealed: set[str] = set()
    for name in watched:
        events = store.variant_signs.sample(name)
        properties |= telling_properties(events)
        silent |= telling_values(events)
        concealed |= telling_types(events)
    names = store.variant_signs.property_names()
    return Hidden(
        watched=tuple(watched),
        properties=tuple(sorted(properties)),
        shown=tuple(name for name in names if name not in properties),
        silent=tuple(sorted(silent)),
        concealed=tuple(sorted(concealed)),
    )


def _by_unit(events: Iterable[UnitEvent]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Each unit's variant, and by property each unit's first value."""
    variants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = defaultdict(dict)
    for event in events:
        variants[event.user_id] = event.variant_id
        for name, value in event.properties.items():
            values[name].setdefault(event.user_id, value)
    return variants, values


def telling_properties(events: Iterable[UnitEvent]) -> set[str]:
    """Properties of these units' events that could tell their variants apart."""
    variants, values = _by_unit(events)
    return {name for name, of_unit in values.items() if _could_tell(variants, of_unit)}


def telling_together(
    events: Iterable[UnitEvent], groups: Sequence[tuple[str, ...]]
) -> set[tuple[str, ...]]:
    """The groups of properties whose values together tell the variants of these units."""
    variants, values = _by_unit(events)
    return {
        group
        for group in groups
        if _tells(
            variants,
            {unit: repr([values[name].get(unit, ABSENT) for name in group]) for unit in variants},
        )
    }


def telling_values(events: Iterable[UnitEvent]) -> set[str]:
    """Event types whose ``value`` could tell the variants apart, as a price in a price test."""
    variants: dict[str, str] = {}
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for event in events:
        variants[event.user_id] = event.variant_id
        if event.value is not None:
            values[event.event_type].setdefault(event.user_id, event.value)
    return {
        name
        for name, of_unit in values.items()
        if _tells(variants, _binned(of_unit)) or _tells(variants, _texts(of_unit))
    }


def telling_types(events: Iterable[UnitEvent]) -> set[str]:
    """Event types that units of one variant nearly never have."""
    variants: dict[str, str] = {}
    having: dict[str, set[str]] = defaultdict(set)
    for event in events:
        variants[event.user_id] = event.variant_id
        having[event.event_type].add(event.user_id)
    units = Counter(variants.values())
    return {
        name
        for name, users in having.items()
        if one_sided(Counter(variants[user] for user in users), units)
    }


def _texts(of_unit: Mapping[str, float]) -> dict[str, str]:
    return {unit: repr(value) for unit, value in of_unit.items()}


def _binned(of_unit: Mapping[str, float]) -> dict[str, str]:
    ordered = sorted(of_unit.values())
    edges = [ordered[len(ordered) * step // BINS] for step in range(1, BINS)]
    return {unit: str(sum(value >= edge for edge in edges)) for unit, value in of_unit.items()}


def _could_tell(variants: Mapping[str, str], of_unit: Mapping[str, str]) -> bool:
    counts = Counter(of_unit.values())
    common = sum(count for count in counts.values() if count >= FEWEST_OF_A_VALUE)
    return common < COVERED * len(of_unit) or _tells(variants, of_unit)


def _tells(variants: Mapping[str, str], of_unit: Mapping[str, str]) -> bool:
    """Whether knowing the value places units that the largest variant alone would not."""
    totals = Counter(variants.values())
    if len(totals) < 2:
        return False
    by_value: dict[str, Counter[str]] = defaultdict(Counter)
    for unit, variant in variants.items():
        by_value[of_unit.get(unit, ABSENT)][variant] += 1
    many = {v: c for v, c in by_value.items() if c.total() >= FEWEST_OF_A_VALUE}
    placed = sum(max(counts.values()) for counts in many.values())
    units = sum(counts.total() for counts in many.values())
    whole = sum((counts for counts in many.values()), Counter[str]())
    if not whole:
        return True
    rest = units - max(whole.values())
    return placed - max(whole.values()) >= TELLING * max(rest, 1) or _one_sided(many, totals)


def _one_sided(many: Mapping[str, Counter[str]], totals: Counter[str]) -> bool:
    """Whether one value comes from one variant alone, though it should come from several."""
    units = totals.total()
    for counts in many.values():
        expected = max(totals.values()) / units
        if counts.total() >= FEWEST_OF_A_VALUE and max(counts.values()) >= 0.97 * counts.total():
            return expected < 0.9
    return False
