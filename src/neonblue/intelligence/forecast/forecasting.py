"""The forecast of an experiment, and its entry in the log that cannot be edited."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from neonblue.intelligence.forecast.outlook import Outlook, outlook
from neonblue.intelligence.forecast.past import Past, SimilarExperiment, read_past
from neonblue.intelligence.forecast.plan import ForecastPlan, checked
from neonblue.intelligence.forecast.risks import Risk, find_risks
from neonblue.intelligence.forecast.sizing import Sizing, relative_standard_error, size
from neonblue.intelligence.text_model.own_tests import variant_text
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.models.lifecycle import OPEN_STATUSES
from neonblue.models.reader import current_reader
from neonblue.stores.forecasts import ForecastRecord

if TYPE_CHECKING:
    from neonblue.intelligence.text_model.model import TextModel
    from neonblue.stores import Store

MODEL = "similar-3"
SHOWN_SIMILAR = 5
TEXT_CATEGORIES = frozenset({"copy", "headline", "messaging", "text"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """``outlook`` is None with status ``insufficient_data``; ``logged_as`` None if not logged."""

    status: Literal["available", "insufficient_data"]
    experiment_id: str
    model_version: str
    outlook: Outlook | None
    past_experiments: int
    base_rates: dict[str, float]
    sizing: Sizing
    risks: tuple[Risk, ...]
    similar: tuple[SimilarExperiment, ...]
    text_probability: float | None
    logged_as: str | None
    detail: str


def forecast(
    store: Store,
    memory: Memory,
    plan: ForecastPlan,
    *,
    now: datetime,
    text_model: TextModel | None = None,
) -> Forecast:
    """Forecast a plan and log it, unless its experiment has begun or nothing is known."""
    checked(plan)
    past = read_past(memory, plan)
    sizing = size(plan, _traffic(store, plan, past))
    version = MODEL if text_model is None else f"{MODEL}+{text_model.version}"
    text_probability = _text_probability(plan, text_model, memory)
    risks = tuple(find_risks(plan, sizing, past))
    if past is None:
        return _insufficient(memory, plan, sizing, risks, version)
    total = plan.planned_sample_size or sizing.units_one_look
    expected = outlook(
        past,
        standard_error=relative_standard_error(plan, total),
        alpha=plan.experiment.alpha,
        text_probability=text_probability,
    )
    logged_as, detail = _log(store, plan, past, expected, version, now)
    return Forecast(
        status="available",
        experiment_id=plan.experiment.experiment_id,
        model_version=version,
        outlook=expected,
        past_experiments=past.experiments,
        base_rates={str(outcome): rate for outcome, rate in past.base_rates.items()},
        sizing=sizing,
        risks=risks,
        similar=past.similar[:SHOWN_SIMILAR],
        text_probability=text_probability,
        logged_as=logged_as,
        detail=detail,
    )


def _traffic(store: Store, plan: ForecastPlan, past: Past | None) -> float | None:
    """Units a day: as given, as observed, or as the most similar experiments had."""
    if plan.units_per_day is not None:
        return plan.units_per_day
    observed = store.traffic.observed()
    if observed is not None:
        return observed.units_per_day
    for item in past.similar if past is not None else ():
        if item.past.sample_size and item.past.duration_days:
            return item.past.sample_size / item.past.duration_days
    return None


def _text_probability(
    plan: ForecastPlan, text_model: TextModel | None, memory: Memory
) -> float | None:
    """The chance that the best-scored treatment's text beats the control's.

    Only where texts are what is tested: a model of headlines knows nothing of checkouts.
    """
    if text_model is None or plan.category not in TEXT_CATEGORIES:
        return None
    control = variant_text(plan.experiment.control)
    texts = [variant_text(variant) for variant in plan.experiment.treatments]
    pairs = [(text, control) for text in texts if text and control]
    if not pairs:
        return None
    return float(max(text_model.probabilities(pairs, memory.embedder)))


def _insufficient(
    memory: Memory, plan: ForecastPlan, sizing: Sizing, risks: tuple[Risk, ...], version: str
) -> Forecast:
    known = memory.documents.count(EXPERIMENTS.name)
    return Forecast(
        status="insufficient_data",
        experiment_id=plan.experiment.experiment_id,
        model_version=version,
        outlook=None,
        past_experiments=known,
        base_rates={},
        sizing=sizing,
        risks=risks,
        similar=(),
        text_probability=None,
        logged_as=None,
        detail=f"{known} finished experiments are remembered; a forecast needs at least 3 with a "
        "valid result: load past experiments with `neonblue load`, or let running ones finish",
    )


def _log(
    store: Store, plan: ForecastPlan, past: Past, expected: Outlook, version: str, now: datetime
) -> tuple[str | None, str]:
    if not current_reader().records:
        return None, "not logged: this server is read-only (NEONBLUE_READ_ONLY)"
    name = plan.experiment.experiment_id
    known = store.experiments.find(name)
    if known is not None and known.status not in OPEN_STATUSES:
        return None, f"not logged: experiment {name!r} is {known.status}, not ahead of its launch"
    if known is None and store.experiments.seen(name) is not None:
        return None, f"not logged: events of experiment {name!r} have already arrived"
    record = _record(plan, past, expected, version, now)
    kept = store.forecasts.append(record)
    again = kept.made_at != record.made_at
    check = store.forecasts.check()
    said = f"logged {'before' if again else 'now'}; it is judged when experiment {name!r} ends"
    return kept.forecast_id, said if check.unbroken else f"{said}; {check.line}"


def _record(
    plan: ForecastPlan, past: Past, expected: Outlook, version: str, now: datetime
) -> ForecastRecord:
    content, evidence = plan.as_json(), tuple(s.past.experiment_id for s in past.similar)
    identity = "\x00".join((content, version, str(past.experiments), *evidence))
    return ForecastRecord(
        forecast_id="fc_" + hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:16],
        experiment_id=plan.experiment.experiment_id,
        model_version=version,
        success=expected.probabilities["success"],
        failure=expected.probabilities["failure"],
        neutral=expected.probabilities["neutral"],
        expected_lift=expected.expected_lift,
        lift_lower=expected.lift_lower,
        lift_upper=expected.lift_upper,
        interval_level=expected.interval_level,
        base_success=past.base_rates["success"],
        base_failure=past.base_rates["failure"],
        base_neutral=past.base_rates["neutral"],
        evidence=evidence,
        plan=content,
        made_at=now,
    )
