"""What a policy would have earned, estimated from what another policy logged.

IPW and SNIPS (Swaminathan & Joachims 2015, eq. 3 and 8), DR (Dudík, Langford & Li 2011, eq. 3),
with the effective sample size of the weights (Kish 1965): below ``MIN_EFFECTIVE`` rows the
estimates are not to be compared and ``may_rank`` is false.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError

Float = NDArray[np.float64]
MIN_EFFECTIVE = 100.0
# A share of effective rows below which the estimate leans on few of them: worth a warning.
LOW_EFFECTIVE_SHARE = 0.1
NORMAL_975 = 1.959963984540054

Method = Literal["ipw", "snips", "dr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOutcomes:
    """What was logged, one row a decision.

    ``reward``; ``propensity``, the logging policy's probability of the action it took;
    ``target_probability``, the evaluated policy's probability of that same action. For DR:
    ``predicted`` is the reward model's value of the logged action and ``predicted_policy`` its
    mean over the evaluated policy's actions.
    """

    reward: Float
    propensity: Float
    target_probability: Float
    predicted: Float | None = None
    predicted_policy: Float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """A mean reward a decision, with its 95 % interval and how far it can be trusted."""

    method: Method
    value: float
    ci_lower: float
    ci_upper: float
    n: int
    effective_sample_size: float
    largest_weight: float
    may_rank: bool
    warning: str


def evaluate_policy(logged: LoggedOutcomes, method: Method = "dr") -> PolicyValue:
    """The value of the evaluated policy.

    Raises:
        InvalidInputError: no rows, a propensity outside (0, 1], or DR without predictions.
    """
    _check(logged, method)
    weights = logged.target_probability / logged.propensity
    contributions = _contributions(logged, weights, method)
    value = float(contributions.mean())
    error = float(contributions.std(ddof=1) / np.sqrt(len(contributions)))
    effective = effective_sample_size(weights)
    return PolicyValue(
        method=method,
        value=value,
        ci_lower=value - NORMAL_975 * error,
        ci_upper=value + NORMAL_975 * error,
        n=len(weights),
        effective_sample_size=effective,
        largest_weight=float(weights.max()),
        may_rank=effective >= MIN_EFFECTIVE,
        warning=_warning(effective, len(weights)),
    )


def effective_sample_size(weights: Float) -> float:
    """(Σw)² / Σw²: how many equally weighted rows the weighted ones are worth."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRanking:
    """Policies by value, best first; empty, with the reason, when the data cannot rank them."""

    ranked: tuple[str, ...]
    values: dict[str, PolicyValue]
    refusal: str


def rank_policies(candidates: dict[str, LoggedOutcomes], method: Method = "snips") -> PolicyRanking:
    """Rank policies by their estimated value, unless any of them has too few effective rows."""
    values = {name: evaluate_policy(logged, method) for name, logged in candidates.items()}
    weak = [name for name, value in values.items() if not value.may_rank]
    if weak:
        worst = min(values[name].effective_sample_size for name in weak)
        return PolicyRanking(
            ranked=(),
            values=values,
            refusal=f"not ranked: the log is worth only {worst:.0f} rows for {', '.join(weak)} "
            f"and {MIN_EFFECTIVE:.0f} are needed; log more under a policy closer to it",
        )
    ranked = sorted(values, key=lambda name: -values[name].value)
    return PolicyRanking(ranked=tuple(ranked), values=values, refusal="")


def _check(logged: LoggedOutcomes, method: Method) -> None:
    if len(logged.reward) < 2:
        raise InvalidInputError(
            f"a policy cannot be evaluated on {len(logged.reward)} logged decisions: log at least 2"
        )
    if not ((logged.propensity > 0) & (logged.propensity <= 1)).all():
        raise InvalidInputError(
            "every logged action needs a propensity above 0 and at most 1: an action that the "
            "logging policy could not take says nothing about another policy"
        )
    if method == "dr" and (logged.predicted is None or logged.predicted_policy is None):
        raise InvalidInputError("'dr' needs predicted rewards: give them or use 'snips'")


def _contributions(logged: LoggedOutcomes, weights: Float, method: Method) -> Float:
    """One value a row whose mean is the estimate and whose spread gives its error."""
    if method == "ipw":
        return weights * logged.reward
    if method == "snips":
        share = max(float(weights.mean()), 1e-300)
        value = float((weights * logged.reward).mean()) / share
        # The delta method: the ratio's influence function.
        return np.asarray(value + weights * (logged.reward - value) / share)
    assert logged.predicted is not None
    assert logged.predicted_policy is not None
    return logged.predicted_policy + weights * (logged.reward - logged.predicted)


def _warning(effective: float, n: int) -> str:
    if effective < MIN_EFFECTIVE:
        return (
            f"effective sample size {effective:.0f} of {n} logged rows: far too few, "
            "policies are not compared on it"
        )
    if effective < LOW_EFFECTIVE_SHARE * n:
        return f"effective sample size {effective:.0f} of {n} logged rows: the interval is wide"
    return ""
