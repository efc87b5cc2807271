"""How forecasts came true: scores, skill against the base rate, and a reliability table.

Brier (1950) for three outcomes, the logarithmic score of Good (1952), and the expected calibration
error of the three one-against-rest probabilities in ten bins (Naeini et al. 2015). Skill is one
minus the ratio to what the base rates of the day would have scored.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from neonblue.stores.chained_log import ChainCheck
from neonblue.stores.forecasts import LoggedForecast, Outcome

OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "neutral")
BINS = 10
LEAST_RESOLVED = 5
SMALLEST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Forecast probabilities between two bounds, and how often what they named happened."""

    lower: float
    upper: float
    forecasts: int
    mean_forecast: float
    share_happened: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Scores of resolved forecasts; all None while fewer than five are resolved."""

    model_version: str
    made: int
    resolved: int
    brier: float | None
    log_score: float | None
    calibration_error: float | None
    brier_base_rate: float | None
    log_score_base_rate: float | None
    brier_skill: float | None
    log_skill: float | None
    lift_interval_coverage: float | None
    reliability: tuple[ReliabilityBin, ...]


def calibrate(logged: Sequence[LoggedForecast]) -> list[Calibration]:
    """All models together first, then each model version.

    Of several forecasts of one experiment by one model, the last before launch counts.
    """
    versions: dict[str, list[LoggedForecast]] = defaultdict(list)
    last = {(item.record.experiment_id, item.record.model_version): item for item in logged}
    for item in last.values():
        versions["all"].append(item)
        versions[item.record.model_version].append(item)
    return [_of(version, items) for version, items in versions.items()]


def _of(version: str, items: Sequence[LoggedForecast]) -> Calibration:
    resolved = [item for item in items if item.outcome is not None]
    if len(resolved) < LEAST_RESOLVED:
        return _too_few(version, len(items), len(resolved))
    ours = [_scores(_said(item), _happened(item)) for item in resolved]
    base = [_scores(_base(item), _happened(item)) for item in resolved]
    brier, log_score = _mean([s[0] for s in ours]), _mean([s[1] for s in ours])
    base_brier, base_log = _mean([s[0] for s in base]), _mean([s[1] for s in base])
    bins = _reliability(resolved)
    return Calibration(
        model_version=version,
        made=len(items),
        resolved=len(resolved),
        brier=brier,
        log_score=log_score,
        calibration_error=sum(
            one.forecasts * abs(one.mean_forecast - one.share_happened) for one in bins
        )
        / (len(OUTCOMES) * len(resolved)),
        brier_base_rate=base_brier,
        log_score_base_rate=base_log,
        brier_skill=1 - brier / base_brier if base_brier > 0 else None,
        log_skill=1 - log_score / base_log if base_log > 0 else None,
        lift_interval_coverage=_coverage(resolved),
        reliability=bins,
    )


def _too_few(version: str, made: int, resolved: int) -> Calibration:
    return Calibration(
        model_version=version,
        made=made,
        resolved=resolved,
        brier=None,
        log_score=None,
        calibration_error=None,
        brier_base_rate=None,
        log_score_base_rate=None,
        brier_skill=None,
        log_skill=None,
        lift_interval_coverage=None,
        reliability=(),
    )


def _said(item: LoggedForecast) -> dict[Outcome, float]:
    record = item.record
    return {"success": record.success, "failure": record.failure, "neutral": record.neutral}


def _base(item: LoggedForecast) -> dict[Outcome, float]:
    record = item.record
    return {
        "success": record.base_success,
        "failure": record.base_failure,
        "neutral": record.base_neutral,
    }


def _happened(item: LoggedForecast) -> Outcome:
    assert item.outcome is not None
    return item.outcome.outcome


def _scores(said: dict[Outcome, float], happened: Outcome) -> tuple[float, float]:
    brier = sum((said[outcome] - (outcome == happened)) ** 2 for outcome in OUTCOMES)
    return brier, -math.log(max(said[happened], SMALLEST))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _reliability(resolved: Sequence[LoggedForecast]) -> tuple[ReliabilityBin, ...]:
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for item in resolved:
        for outcome, probability in _said(item).items():
            place = min(int(probability * BINS), BINS - 1)
            bins[place].append((probability, outcome == _happened(item)))
    return tuple(
        ReliabilityBin(
            lower=place / BINS,
            upper=(place + 1) / BINS,
            forecasts=len(inside),
            mean_forecast=_mean([probability for probability, _ in inside]),
            share_happened=_mean([float(happened) for _, happened in inside]),
        )
        for place, inside in sorted(bins.items())
    )


def _coverage(resolved: Sequence[LoggedForecast]) -> float | None:
    """The share of observed lifts inside their interval; observed ones are noisier than true."""
    inside = [
        float(item.record.lift_lower <= item.outcome.relative_lift <= item.record.lift_upper)
        for item in resolved
        if item.outcome is not None and item.outcome.relative_lift is not None
    ]
    return _mean(inside) if inside else None


def calibration_lines(found: Sequence[Calibration], check: ChainCheck) -> list[str]:
    """The same for a person, with what the log's own check found."""
    lines = [check.line]
    if not found:
        return [*lines, "no forecast was made yet: call predict_experiment_outcome"]
    for one in found:
        lines.append(f"{one.model_version}: {one.made} made, {one.resolved} resolved")
        if one.brier is None or one.log_score is None:
            lines.append(f"  scores need {LEAST_RESOLVED} resolved forecasts")
            continue
        lines.append(
            f"  Brier {one.brier:.4f} (skill {_signed(one.brier_skill)}), log score "
            f"{one.log_score:.4f} (skill {_signed(one.log_skill)}), calibration error "
            f"{one.calibration_error:.4f}"
        )
        lines += [
            f"  {bin_.lower:.1f}-{bin_.upper:.1f}: forecast {bin_.mean_forecast:.2f}, happened "
            f"{bin_.share_happened:.2f} ({bin_.forecasts})"
            for bin_ in one.reliability
        ]
    return lines


def _signed(skill: float | None) -> str:
    return "unknown" if skill is None else f"{skill:+.3f}"
