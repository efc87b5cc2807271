"""Which variant a unit belongs to: a pure function of the plan, the unit and its exposure.

In this order: a unit in the holdout, outside the experiment's slice of its layer or outside its
targeting takes no part; one that was exposed keeps its variant; any other is hashed into a variant
by the weights that hold now. Language-neutral, with test vectors: docs/assignment.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neonblue.models import Experiment
from neonblue.models.eligibility import LayerSlice
from neonblue.models.experiment import HashVersion, Variant
from neonblue.optimization.bucketing import (
    SCALE,
    boundaries,
    hash_unit,
    hash_units,
    position,
    positions,
    variant_index,
    variant_indices,
    whole_weights,
)
from neonblue.optimization.targeting import targeted

KeptOut = Literal["holdout", "layer", "targeting"]
AssignmentReason = Literal["split", "exposed", "rolled_out", "not_running"] | KeptOut
Context = Mapping[str, Any]

HOLDOUT_KEY = "holdout/"
LAYER_KEY = "layer/"
ROLL_OUT_KEY = "roll_out/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A unit's variant and why it has it; None where it takes no part."""

    variant: Variant | None
    reason: AssignmentReason

    @property
    def takes_part(self) -> bool:
        """Whether the unit is in the running experiment, so that its exposure counts."""
        return self.variant is not None and self.reason in ("split", "exposed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What has to be known of an experiment to assign its units, worked out once.

    ``limits`` are the hash boundaries of the weights that hold now; ``earlier`` those of weights
    that held before, as far as they differ.
    """

    key: str
    version: HashVersion
    variants: tuple[Variant, ...]
    limits: tuple[int, ...]
    earlier: tuple[tuple[int, ...], ...] = ()

    def hashed(self, unit: str) -> int:
        """The unit's hash."""
        return hash_unit(self.key, unit, self.version)

    def by_weights(self, hashed: int) -> Variant:
        """The variant that the weights give."""
        return self.variants[variant_index(hashed, self.limits)]

    def may_have_moved(self, hashed: int) -> bool:
        """Whether earlier weights gave the unit another variant: then its exposure decides."""
        now = variant_index(hashed, self.limits)
        return any(variant_index(hashed, limits) != now for limits in self.earlier)

    def moved(self, hashes: NDArray[np.uint64], now: NDArray[np.int64]) -> NDArray[np.bool_]:
        """``may_have_moved`` of many, whose variants by the present weights are ``now``."""
        found = np.zeros(len(hashes), dtype=np.bool_)
        for limits in self.earlier:
            found |= variant_indices(hashes, limits) != now
        return found


def split_of(experiment: Experiment, past_weights: Sequence[Sequence[float]] = ()) -> Split:
    """How an experiment's units are split now; ``past_weights`` are those of before."""
    planned = tuple(variant.weight for variant in experiment.variants)
    limits = boundaries(whole_weights(experiment.current_weights or planned))
    past = {boundaries(whole_weights(weights)): None for weights in (planned, *past_weights)}
    return Split(
        key=experiment.experiment_id,
        version=experiment.hash_version,
        variants=experiment.variants,
        limits=limits,
        earlier=tuple(each for each in past if each != limits),
    )


def kept_out(experiment: Experiment, unit: str, context: Context) -> KeptOut | None:
    """Why a unit takes no part, or None when it may."""
    version = experiment.hash_version
    if experiment.holdout_fraction and in_holdout(unit, experiment.holdout_fraction, version):
        return "holdout"
    if experiment.layer is not None and not in_layer(unit, experiment.layer, version):
        return "layer"
    return None if targeted(experiment.targeting, context) else "targeting"


def kept_out_all(
    experiment: Experiment, units: Sequence[str], contexts: Sequence[Context]
) -> dict[int, KeptOut]:
    """``kept_out`` of many, by their place, for those that it keeps out."""
    version, layer = experiment.hash_version, experiment.layer
    found: dict[int, KeptOut] = {}
    if experiment.targeting:
        for place, context in enumerate(contexts):
            if not targeted(experiment.targeting, context):
                found[place] = "targeting"
    if layer is not None:
        places = positions(hash_units(LAYER_KEY + layer.name + "/", units, version))
        inside = (places >= round(layer.start * SCALE)) & (places < round(layer.end * SCALE))
        found.update(dict.fromkeys(np.flatnonzero(~inside).tolist(), "layer"))
    if experiment.holdout_fraction:
        places = positions(hash_units(HOLDOUT_KEY, units, version))
        held = places < round(experiment.holdout_fraction * SCALE)
        found.update(dict.fromkeys(np.flatnonzero(held).tolist(), "holdout"))
    return found


def rolled_out(experiment: Experiment, unit: str, context: Context) -> Assignment:
    """What a unit gets of an experiment that assigns none: the winner, as far as it is rolled out.

    A larger ``roll_out_fraction`` contains the units of a smaller one; the holdout stays out.
    """
    variants = {variant.variant_id: variant for variant in experiment.variants}
    winner = variants.get(experiment.winner)
    if winner is None or not experiment.roll_out_fraction:
        return Assignment(variant=None, reason="not_running")
    version = experiment.hash_version
    if experiment.holdout_fraction and in_holdout(unit, experiment.holdout_fraction, version):
        return Assignment(variant=None, reason="holdout")
    if not targeted(experiment.targeting, context):
        return Assignment(variant=None, reason="targeting")
    place = position(hash_unit(ROLL_OUT_KEY + experiment.experiment_id + "/", unit, version))
    if place < round(experiment.roll_out_fraction * SCALE):
        return Assignment(variant=winner, reason="rolled_out")
    return Assignment(variant=None, reason="not_running")


def in_holdout(unit: str, fraction: float, version: HashVersion) -> bool:
    """Whether a unit is among the share that no experiment gets; a larger share contains it."""
    return position(hash_unit(HOLDOUT_KEY, unit, version)) < round(fraction * SCALE)


def in_layer(unit: str, layer: LayerSlice, version: HashVersion) -> bool:
    """Whether a unit's place in the layer is in the slice."""
    place = position(hash_unit(LAYER_KEY + layer.name + "/", unit, version))
    return round(layer.start * SCALE) <= place < round(layer.end * SCALE)


def assign_by_weights(split: Split, units: Sequence[str]) -> NDArray[np.int64]:
    """The index of each unit's variant by the present weights, as no unit had been exposed."""
    return variant_indices(hash_units(split.key, units, split.version), split.limits)
