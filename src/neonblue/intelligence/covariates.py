"""Whether variants were alike before exposure."""

from neonblue.models import MetricSummary
from neonblue.stats.comparison import InsufficientData, compare


def difference_p_value(control: MetricSummary, treatment: MetricSummary) -> float | None:
    """Welch p that the covariate's means are equal; None where it does not vary."""
    found = compare(_covariate(control), _covariate(treatment), kind="mean")
    return None if isinstance(found, InsufficientData) else found.p_value


def _covariate(summary: MetricSummary) -> MetricSummary:
    return MetricSummary(
        n=summary.n, mean=summary.covariate_mean, variance=summary.covariate_variance
    )
