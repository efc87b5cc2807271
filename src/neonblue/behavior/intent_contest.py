"""Rivals measured on later weeks; a model is used only where it beats whatever is simpler.

Losses are compared moment by moment, with standard errors over users: moments of one user are no
independent evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.intent import IntentScore, score_intent
from neonblue.behavior.intent_moments import Moments, Span
from neonblue.behavior.intent_rivals import (
    FITS,
    Rival,
    RivalName,
    fit_base_rate,
    fit_logistic,
    fit_trees,
)

MIN_OF_EACH, FEWEST_LATER = 50, 10
Z = 1.959963984540054
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """How much lower a log loss (nats a moment) is than a rival's, with its 95 % interval."""

    over: RivalName
    gain: float
    ci_lower: float
    ci_upper: float

    @property
    def shown(self) -> bool:
        """Whether it is above zero beyond chance."""
        return self.ci_lower > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Who won, fitted on all moments, and how everybody did on the later ones.

    ``gains`` are the winner's over the others, ``scores`` everybody's. ``reason`` is a sentence.
    """

    winner: Rival
    reason: str
    gains: tuple[Gain, ...]
    scores: Mapping[RivalName, IntentScore]
    later: Moments
    losses: Float

    def as_dict(self) -> dict[str, Any]:
        """For a model's description and for answers."""
        return {
            "winner": self.winner.name,
            "reason": self.reason,
            "gains": [asdict(one) for one in self.gains],
            "scores": {name: score.as_dict() for name, score in self.scores.items()},
        }


def hold(moments: Moments, span: Span, *, one_a_user: bool) -> Contest:
    """Fit the rivals on early moments, measure them on later ones, fit the winner on all.

    ``one_a_user`` measures, and takes the base rate, at one moment of each user.
    """
    early, later = moments.early(span), moments.later(span)
    if one_a_user:
        later = later.one_a_user()
    basis = later if len(later) else moments
    if why := _too_little(early, later):
        rate = fit_base_rate(basis)
        return Contest(
            winner=rate,
            reason=f"{why}: the base rate is the answer",
            gains=(),
            scores={},
            later=later,
            losses=log_losses(rate.probability(later.rows), later.converted),
        )
    rivals: list[Rival] = [
        fit_base_rate(early.one_a_user() if one_a_user else early),
        fit_logistic(early),
        fit_trees(early),
    ]
    asked = {rival.name: rival.probability(later.rows) for rival in rivals}
    losses = {name: log_losses(one, later.converted) for name, one in asked.items()}
    name, gains = _winner(losses, later.users)
    winner: Rival = fit_base_rate(basis) if name == "base_rate" else FITS[name](moments)
    return Contest(
        winner=winner,
        reason=_told(name, gains),
        gains=gains,
        scores={key: score_intent(one, later.converted) for key, one in asked.items()},
        later=later,
        losses=losses[name],
    )


def beats(losses: Float, others: Float, users: NDArray[np.int64], over: RivalName) -> Gain:
    """The gain of one over another on the same moments; errors are clustered by user."""
    difference = others - losses
    mean = float(difference.mean())
    _, number = np.unique(users, return_inverse=True)
    sums = np.bincount(number, weights=difference - mean)
    error = float(np.sqrt((sums**2).sum())) / len(difference)
    return Gain(over=over, gain=mean, ci_lower=mean - Z * error, ci_upper=mean + Z * error)


def log_losses(probability: Float, happened: NDArray[np.bool_]) -> Float:
    """The log loss of each row, in nats."""
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(-np.log(np.where(happened, clipped, 1 - clipped)))


def _winner(
    losses: Mapping[RivalName, Float], users: NDArray[np.int64]
) -> tuple[RivalName, tuple[Gain, ...]]:
    """The trees if they beat both others, else the logistic model if it beats the base rate."""
    simpler: dict[RivalName, tuple[RivalName, ...]] = {
        "trees": ("base_rate", "logistic"),
        "logistic": ("base_rate",),
    }
    for name, others in simpler.items():
        gains = tuple(beats(losses[name], losses[other], users, other) for other in others)
        if all(one.shown for one in gains):
            return name, gains
    models: tuple[RivalName, ...] = ("logistic", "trees")
    return "base_rate", tuple(
        beats(losses["base_rate"], losses[other], users, other) for other in models
    )


def _too_little(early: Moments, later: Moments) -> str:
    for moments, fewest, when in ((early, MIN_OF_EACH, "early"), (later, FEWEST_LATER, "later")):
        conversions = int(moments.converted.sum())
        rarer = min(conversions, len(moments) - conversions)
        if rarer < fewest:
            outcome = "with" if conversions == rarer else "without"
            return (
                f"of {len(moments)} {when} moments only {rarer} are {outcome} a conversion, and "
                f"{fewest} are needed to learn and measure a model"
            )
    return ""


def _told(name: RivalName, gains: tuple[Gain, ...]) -> str:
    told = " and ".join(
        f"{one.over} by {one.gain:.4f} nats ({one.ci_lower:.4f} to {one.ci_upper:.4f})"
        for one in gains
    )
    if name != "base_rate":
        return f"on later weeks {name} beats {told}"
    return f"on later weeks no model beats the base rate, which gains on {told}"
