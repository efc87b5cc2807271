"""For whom a finished experiment was: everybody, or those whom nearly all its exposures show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.models import Experiment
from neonblue.stores.journey_facts import SEGMENT_PROPERTIES

if TYPE_CHECKING:
    from neonblue.stores import Store

EVERYBODY = "all users"
NEARLY_ALL = 0.95
# What an audience is usually cut by, beside the properties that the plan names.
USUAL_PROPERTIES = (*SEGMENT_PROPERTIES, "country", "language", "device", "device_type", "platform")


def audience_of(store: Store, experiment: Experiment) -> str:
    """``EVERYBODY``, or the properties that 95 % of the units share, such as ``device=mobile``.

    Plans say nothing about targeting, and totals nothing about units: what counts is who came.
    """
    if experiment.source != "events":
        return EVERYBODY
    common = store.exposure_properties.commonest_values(
        experiment.experiment_id,
        tuple(dict.fromkeys((*experiment.segments, *USUAL_PROPERTIES))),
        counted_from=experiment.counted_from,
    )
    shared = [f"{item.name}={item.value}" for item in common if item.share >= NEARLY_ALL]
    return ", ".join(shared) or EVERYBODY
