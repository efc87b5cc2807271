"""The verdict: each rule, and their order."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.stats.verdict import (
    MetricEvidence,
    Progress,
    ValidityCheck,
    Verdict,
    decide,
    holm,
)
from neonblue.stats.verdict_adjusted import weighted_holm
from neonblue.stats.verdict_evidence import EffectChange, EffectPart

EARLY = Progress(n=50_000, planned_n=100_000, days=8, units_per_day=5_000)
AT_MAXIMUM = replace(EARLY, n=200_000, days=40)


def evidence(**changes: object) -> MetricEvidence:
    """A success metric without a clear effect; an interval of ±0.006 around 0.002."""
    unclear = {
        "metric": "conversion",
        "variant": "B",
        "role": "primary",
        "estimate": 0.002,
        "standard_error": 0.002,
        "ci_lower": -0.004,
        "ci_upper": 0.008,
        "p_value": 0.4,
        "mde": 0.005,
    }
    return MetricEvidence(**(unclear | changes))  # type: ignore[arg-type]


def winner(**changes: object) -> MetricEvidence:
    return evidence(
        **({"estimate": 0.01, "ci_lower": 0.004, "ci_upper": 0.016, "p_value": 0.001} | changes)
    )


def loser(**changes: object) -> MetricEvidence:
    return evidence(
        **({"estimate": -0.01, "ci_lower": -0.016, "ci_upper": -0.004, "p_value": 0.001} | changes)
    )


def guardrail(**changes: object) -> MetricEvidence:
    """Non-inferior: no worse than −0.004 with a margin of 0.01."""
    return evidence(**({"metric": "latency", "role": "guardrail", "margin": 0.01} | changes))


HARMED = {"estimate": -0.02, "ci_lower": -0.03, "ci_upper": -0.01, "p_value": 1e-4}
MISSING = {"ci_lower": -math.inf, "ci_upper": math.inf, "p_value": 1.0, "estimate": math.nan}


def judged(
    *items: MetricEvidence, progress: Progress = EARLY, checks: tuple[ValidityCheck, ...] = ()
) -> Verdict:
    return decide(items, checks=checks, progress=progress)


def codes(verdict: Verdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


BROKEN = ValidityCheck(name="sample_ratio", status="fail", detail="split is off")


def test_a_failed_check_makes_everything_else_unreadable() -> None:
    verdict = judged(winner(), loser(variant="C"), checks=(BROKEN,))
    assert verdict.decision == "invalid"
    assert codes(verdict) == {"check_failed"}
    assert "diagnose_experiment" in verdict.next_step
    assert verdict.by_variant == {}


def test_a_warning_is_said_and_does_not_decide() -> None:
    warning = ValidityCheck(name="data_freshness", status="warn", detail="a day old")
    verdict = judged(winner(), checks=(warning,))
    assert verdict.decision == "ship"
    assert "check_warning" in codes(verdict)


@pytest.mark.parametrize(
    ("progress", "code"),
    [
        (replace(EARLY, days=3.0), "below_minimum_duration"),
        (replace(EARLY, n=900, burn_in_n=1_000), "burn_in"),
    ],
)
def test_too_early_to_win(progress: Progress, code: str) -> None:
    verdict = judged(winner(), progress=progress)
    assert verdict.decision == "keep_running"
    assert codes(verdict) == {code}
    assert verdict.eta_days is not None


def test_harm_is_never_too_early() -> None:
    verdict = judged(loser(), progress=replace(EARLY, days=1.0))
    assert verdict.decision == "rollback"
    assert verdict.variant == "B"


def test_a_metric_that_should_fall_harms_by_rising() -> None:
    assert judged(winner(direction="decrease")).decision == "rollback"
    assert judged(loser(direction="decrease")).decision == "ship"


def test_a_deteriorated_guardrail_rolls_a_winner_back() -> None:
    verdict = judged(winner(), guardrail(**HARMED))
    assert verdict.decision == "rollback"
    assert verdict.deciding == ("latency", "B")
    assert [reason.metric for reason in verdict.reasons if reason.code == "harm"] == ["latency"]


def test_a_secondary_metric_neither_ships_nor_harms() -> None:
    verdict = judged(winner(role="secondary"), loser(role="secondary", metric="time"), evidence())
    assert verdict.decision == "keep_running"


def test_ship_needs_a_winner_and_every_guardrail_within_its_margin() -> None:
    verdict = judged(winner(), guardrail())
    assert verdict.decision == "ship"
    assert verdict.variant == "B"
    assert codes(verdict) == {"success", "guardrail_passes"}
    assert "'B'" in verdict.next_step
    assert verdict.adjusted_p_values == {("conversion", "B"): 0.001}


def test_one_of_two_success_metrics_is_enough_after_holm() -> None:
    two = (winner(p_value=0.02), evidence(metric="revenue", p_value=0.9))
    assert judged(*two).decision == "ship"
    assert judged(winner(p_value=0.03), two[1]).decision == "keep_running"


def test_a_small_p_in_the_wrong_direction_is_no_success() -> None:
    wrong = evidence(estimate=-0.001, ci_lower=-0.004, ci_upper=0.002, p_value=0.001)
    assert judged(wrong, progress=AT_MAXIMUM).decision != "ship"


def test_guardrails_are_not_corrected_for_their_number() -> None:
    many = [guardrail(metric=f"g{index}") for index in range(20)]
    assert judged(winner(), *many).decision == "ship"


def test_a_guardrail_without_a_margin_only_raises_alarms() -> None:
    verdict = judged(winner(), guardrail(margin=None))
    assert verdict.decision == "ship"
    assert "guardrail_without_margin" in codes(verdict)


def test_an_open_guardrail_waits_while_units_come_and_goes_to_a_person_after() -> None:
    unresolved = guardrail(margin=0.001)
    waiting = judged(winner(), unresolved)
    assert waiting.decision == "keep_running"
    assert waiting.eta_days == pytest.approx((200_000 - 50_000) / 5_000, rel=1e-3)
    verdict = judged(winner(), unresolved, progress=AT_MAXIMUM)
    assert verdict.decision == "review"
    assert codes(verdict) == {"success", "guardrail_unresolved", "no_more_units"}


def test_an_unresolved_guardrail_of_a_stopped_experiment_goes_to_a_person() -> None:
    stopped = replace(EARLY, finished=True)
    assert judged(winner(), guardrail(margin=0.001), progress=stopped).decision == "review"


def test_keep_running_says_until_when() -> None:
    verdict = judged(evidence())
    assert verdict.decision == "keep_running"
    assert codes(verdict) == {"not_precise_enough"}
    assert verdict.eta_days is not None
    assert 0 < verdict.eta_days < 30


def test_without_traffic_there_is_no_time_to_wait() -> None:
    assert judged(evidence(), progress=replace(EARLY, units_per_day=None)).eta_days is None


def test_missing_data_keeps_running_and_says_so() -> None:
    nothing = evidence(ci_lower=-math.inf, ci_upper=math.inf, p_value=1.0, detail="one unit")
    verdict = judged(nothing)
    assert verdict.decision == "keep_running"
    assert codes(verdict) == {"insufficient_data"}
    assert "one unit" in verdict.reasons[0].message


def test_no_metric_at_all_is_no_data() -> None:
    verdict = judged()
    assert verdict.decision == "keep_running"
    assert codes(verdict) == {"insufficient_data"}
    assert judged(progress=AT_MAXIMUM).decision == "inconclusive"


def test_an_interval_inside_the_mde_means_no_meaningful_effect() -> None:
    narrow = evidence(estimate=0.001, ci_lower=-0.002, ci_upper=0.004)
    assert judged(narrow).decision == "no_meaningful_effect"
    assert judged(narrow, evidence(metric="revenue")).decision == "keep_running"


def test_precise_but_at_the_edge_of_the_mde_is_inconclusive() -> None:
    edge = evidence(estimate=0.004, ci_lower=-0.0005, ci_upper=0.0085)
    assert judged(edge).decision == "inconclusive"


def test_at_the_maximum_without_an_answer_is_inconclusive() -> None:
    verdict = judged(evidence(), progress=AT_MAXIMUM)
    assert verdict.decision == "inconclusive"
    assert codes(verdict) == {"unresolved", "no_more_units"}


def test_without_an_mde_it_runs_to_the_plan_and_no_further() -> None:
    open_metric = evidence(mde=None)
    assert judged(open_metric).decision == "keep_running"
    assert judged(open_metric, progress=replace(EARLY, n=100_000)).decision == "inconclusive"


def test_a_stopped_experiment_is_not_told_to_run_on() -> None:
    stopped = replace(EARLY, days=2.0, finished=True)
    assert judged(evidence(), progress=stopped).decision == "inconclusive"
    assert judged(winner(), progress=stopped).decision == "ship"


def test_of_several_treatments_the_winner_speaks_and_the_harmful_one_is_named() -> None:
    verdict = judged(winner(variant="C"), loser(variant="B"))
    assert (verdict.decision, verdict.variant) == ("ship", "C")
    assert verdict.by_variant == {"C": "ship", "B": "rollback"}
    assert "harm" in codes(verdict)


def test_of_two_winners_the_better_proven_one_ships() -> None:
    verdict = judged(winner(variant="B"), winner(variant="C", ci_lower=0.006))
    assert verdict.variant == "C"


def test_one_harmful_treatment_of_two_is_stopped_alone() -> None:
    verdict = judged(evidence(variant="B"), loser(variant="C"))
    assert (verdict.decision, verdict.variant) == ("rollback", "C")
    assert "'C'" in verdict.next_step
    assert "others" in verdict.next_step


def test_holm_counts_every_treatment() -> None:
    pair = (winner(p_value=0.03), evidence(variant="C", p_value=0.9))
    assert judged(pair[0]).decision == "ship"
    assert judged(*pair).decision == "keep_running"


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.02, 0.02, 0.9, 1e-300], [0.06, 0.06, 0.9, 4e-300]),
        ([0.6, 0.7], [1.0, 1.0]),
    ],
)
def test_holm_by_hand(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(tuple(adjusted), rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_lowers_a_p(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(new >= old for new, old in zip(adjusted, p_values, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [new for _, new in pairs] == sorted(adjusted)


def test_reasons_carry_their_numbers() -> None:
    reason = judged(loser()).reasons[0]
    assert (reason.code, reason.metric, reason.variant) == ("harm", "conversion", "B")
    assert reason.values["ci_upper"] == -0.004


limits = st.floats(-1, 1)


@given(limits, limits, st.floats(0, 1), st.floats(0, 300_000), st.booleans())
def test_nothing_ships_that_could_do_harm(
    one: float, other: float, p_value: float, n: float, finished: bool
) -> None:
    low, high = min(one, other), max(one, other)
    item = evidence(estimate=(low + high) / 2, ci_lower=low, ci_upper=high, p_value=p_value)
    verdict = judged(item, progress=replace(EARLY, n=n, finished=finished))
    if high < 0:
        assert verdict.decision != "ship"
        assert (verdict.decision == "rollback") == (p_value <= 0.05)
    if verdict.decision == "ship":
        assert p_value <= 0.05
        assert item.gain > 0
    if verdict.decision == "keep_running":
        assert not finished


def test_without_a_plan_there_is_no_maximum_to_end_it() -> None:
    unplanned = replace(EARLY, n=10_000_000, maximum_n=math.inf)
    verdict = judged(evidence(), progress=unplanned)
    assert verdict.decision == "keep_running"
    assert verdict.eta_days is not None
    assert math.isfinite(verdict.eta_days)


def test_a_missing_p_proves_nothing() -> None:
    verdict = judged(winner(p_value=math.nan), winner(metric="revenue", p_value=0.001))
    assert verdict.adjusted_p_values == {("conversion", "B"): 1.0, ("revenue", "B"): 0.002}
    assert verdict.decision == "ship"


def test_without_a_success_metric_only_harm_is_watched() -> None:
    waiting = judged(guardrail(margin=0.001), winner(role="secondary"))
    assert waiting.decision == "keep_running"
    assert codes(waiting) == {"no_success_metric", "guardrail_unresolved"}
    passed = judged(guardrail())
    assert passed.decision == "inconclusive"
    assert codes(passed) == {"no_success_metric", "guardrail_passes"}
    assert judged(loser(role="guardrail")).decision == "rollback"


def test_a_guardrail_that_was_not_measured_stops_the_ship_and_is_named() -> None:
    unmeasured = guardrail(**MISSING, detail="no 'latancy' event")
    waiting = judged(winner(), unmeasured)
    assert waiting.decision == "keep_running"
    assert "guardrail_without_evidence" in codes(waiting)
    over = judged(winner(), unmeasured, progress=AT_MAXIMUM)
    assert over.decision == "review"
    assert "latency" in over.next_step
    reason = next(r for r in over.reasons if r.code == "guardrail_without_evidence")
    assert (reason.metric, reason.variant) == ("latency", "B")
    assert "no 'latancy' event" in reason.message


def test_a_guardrail_without_margin_and_data_is_named_and_does_not_stop_it() -> None:
    verdict = judged(winner(), guardrail(**MISSING, margin=None))
    assert verdict.decision == "ship"
    assert "guardrail_without_evidence" in codes(verdict)


def test_a_primary_metric_without_evidence_is_named() -> None:
    verdict = judged(winner(), evidence(metric="revenue", **MISSING))
    assert verdict.decision == "ship"
    assert "primary_without_evidence" in codes(verdict)


def test_a_treatment_without_units_is_named_and_not_judged() -> None:
    items = [winner(), evidence(variant="C", **MISSING)]
    verdict = decide(items, checks=(), progress=EARLY, without_units=("C",))
    assert verdict.decision == "ship"
    assert verdict.by_variant == {"B": "ship"}
    assert "treatment_without_units" in codes(verdict)


def test_the_harm_alarm_has_one_budget_over_all_that_can_raise_it() -> None:
    many = [guardrail(metric=f"g{index}") for index in range(10)]
    one = guardrail(metric="one", **(HARMED | {"p_value": 0.03}))
    verdict = judged(winner(), one, *many)
    assert verdict.decision == "keep_running"
    assert "harm_suspected" in codes(verdict)
    assert verdict.harm_p_values["one", "B"] == pytest.approx(22 * 0.015)
    assert judged(winner(), one).decision == "rollback"


def test_guardrails_do_not_slow_the_alarm_of_the_only_primary_metric() -> None:
    many = [guardrail(metric=f"g{index}") for index in range(20)]
    assert judged(loser(p_value=0.05), *many).decision == "rollback"


def test_weighted_holm_by_hand() -> None:
    found = weighted_holm([0.01, 0.02, 0.5], [0.5, 0.25, 0.25])
    assert found == pytest.approx((0.02, 0.04, 0.5))


def changed(*, lasting: bool) -> EffectChange:
    then = EffectPart(label="until 3 March", estimate=0.03, ci_lower=0.02, ci_upper=0.04)
    since = EffectPart(label="since", estimate=0.001, ci_lower=-0.01, ci_upper=0.012)
    return EffectChange(grade="changed", before=then, since=since, lasting=lasting)


def test_an_effect_that_is_gone_does_not_ship() -> None:
    gone = winner(change=changed(lasting=False))
    verdict = judged(gone)
    assert verdict.decision == "keep_running"
    assert (verdict.reasons[0].code, verdict.eta_days) == ("effect_changed", None)
    assert "+0.03" in verdict.reasons[0].message
    assert "+0.001" in verdict.reasons[0].message
    assert judged(gone, progress=AT_MAXIMUM).decision == "review"


def test_an_effect_that_changed_and_is_still_good_ships_and_says_so() -> None:
    verdict = judged(winner(change=changed(lasting=True)))
    assert verdict.decision == "ship"
    assert "effect_changed" in codes(verdict)


def test_burn_in_waits_for_what_the_plan_needs_and_not_only_for_the_minimum() -> None:
    nothing = evidence(**MISSING)
    young = Progress(
        n=100, planned_n=10_400, days=5, minimum_days=7, burn_in_n=200, units_per_day=1_000
    )
    assert judged(nothing, progress=young).eta_days == pytest.approx(10.3)


def test_without_an_interval_there_is_no_time_at_once() -> None:
    nothing = evidence(**MISSING)
    verdict = judged(nothing, progress=replace(EARLY, n=120_000))
    assert verdict.eta_days is None
    assert "eta_unknown" in codes(verdict)


def test_unplanned_is_not_called_planned() -> None:
    over = replace(EARLY, n=24_000, planned_n=24_000, maximum_n=math.inf, finished=True)
    verdict = judged(evidence(), progress=over)
    assert not any("24,000 of" in reason.message for reason in verdict.reasons)


def test_of_two_harmed_treatments_the_one_proven_best_speaks() -> None:
    found = judged(loser(variant="B", p_value=0.002), loser(variant="C", p_value=1e-6))
    assert (found.decision, found.variant, found.deciding) == (
        "rollback",
        "C",
        ("conversion", "C"),
    )
