"""Which units may take part in an experiment: targeting conditions, and a slice of a layer."""

from dataclasses import dataclass
from typing import Literal

TargetingOperator = Literal["in", "not_in", "at_least", "at_most", "starts_with", "ends_with"]
TargetingValue = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetingCondition:
    """One condition on a property of the unit, e.g. country in ("DE", "AT").

    ``in`` and ``not_in`` compare with every value, ``at_least`` and ``at_most`` numbers with the
    first, ``starts_with`` and ``ends_with`` texts with any. Types are never converted: "5" is not
    5. A property that is not there fails every operator but ``not_in``.
    """

    property: str
    operator: TargetingOperator
    values: tuple[TargetingValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSlice:
    """The part of a mutual-exclusion layer that one experiment has, as fractions of its units.

    Units have one position a layer, in [0, 1); experiments whose slices do not overlap never share
    a unit.
    """

    name: str
    start: float = 0.0
    end: float = 1.0

    def overlaps(self, other: "LayerSlice") -> bool:
        """Whether a unit could be in both."""
        return self.name == other.name and self.start < other.end and other.start < self.end
