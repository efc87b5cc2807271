"""What every cause looks at: one experiment, its counts and the moment of asking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.intelligence.diagnosis.sample_ratio import Allocation
from neonblue.intelligence.evidence import Validity
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.exposure_properties import PropertyCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One experiment under examination; ``now`` is UTC, ``properties`` those of its units."""

    store: Store
    experiment: Experiment
    summaries: Summaries
    validity: Validity
    properties: tuple[PropertyCounts, ...]
    allocation: Allocation
    terms: Terms
    now: datetime
