"""Whether variants were alike before exposure."""

import math

from neonblue.intelligence import seam
from neonblue.models import MetricSummary


def difference_p_value(control: MetricSummary, treatment: MetricSummary) -> float | None:
    """Welch p that the covariate's means are equal; None where it does not vary."""
    if min(control.n, treatment.n) < 2:
        return None
    variance = control.covariate_variance / control.n + treatment.covariate_variance / treatment.n
    if variance <= 0:
        return None
    difference = treatment.covariate_mean - control.covariate_mean
    p_value: float = seam.two_sided(difference, math.sqrt(variance), None, 0.05)[0]
    return p_value
