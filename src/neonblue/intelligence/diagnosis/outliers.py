"""Whether a handful of units carries a metric: the same figures without the largest unit."""

from neonblue.models import MetricSummary


def without_unit(summary: MetricSummary, value: float) -> MetricSummary:
    """The summary of a plain mean after one unit with this value is taken away.

    Welford's update run backwards; needs n of at least 3. Raises nothing: below that the summary
    comes back as it was.
    """
    if summary.n < 3:
        return summary
    n = summary.n - 1
    mean = (summary.n * summary.mean - value) / n
    squares = (summary.n - 1) * summary.variance - (value - summary.mean) * (value - mean)
    return MetricSummary(n=n, mean=mean, variance=max(0.0, squares / (n - 1)))
