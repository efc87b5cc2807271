"""The nouns that every floor shares: frozen values without behaviour or I/O."""

from neonblue.models.experiment import (
    Experiment,
    ExperimentStatus,
    MetricDefinition,
    MetricKind,
    MetricRole,
    Variant,
)
from neonblue.models.summary import MetricSummary

__all__ = [
    "Experiment",
    "ExperimentStatus",
    "MetricDefinition",
    "MetricKind",
    "MetricRole",
    "MetricSummary",
    "Variant",
]
