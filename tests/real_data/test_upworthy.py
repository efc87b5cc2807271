"""The weeks in which Upworthy's randomisation was broken come out invalid, and only those."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.validity import check_validity
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stats.moments import proportion_summary
from neonblue.stores import Store
from neonblue.stores.aggregates import Aggregate

FIRST_BAD_WEEK, LAST_BAD_WEEK = 201325, 201401
CLICKED = MetricDefinition(name="clicked", kind="proportion", event_type="clicked")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class HeadlineTest:
    """One test of the archive: impressions and clicks of each of its packages."""

    test_id: str
    week: int
    impressions: list[int] = field(default_factory=list)
    clicks: list[int] = field(default_factory=list)

    @property
    def in_bad_weeks(self) -> bool:
        return FIRST_BAD_WEEK <= self.week <= LAST_BAD_WEEK

    @property
    def plan(self) -> Experiment:
        variants = tuple(
            Variant(variant_id=f"package_{arm}", is_control=arm == 0)
            for arm in range(len(self.impressions))
        )
        return Experiment(
            experiment_id=self.test_id,
            variants=variants,
            metrics=(CLICKED,),
            status="stopped",
            source="aggregated",
            minimum_duration_days=0.0,
        )

    @property
    def totals(self) -> list[Aggregate]:
        arms = zip(self.plan.variants, self.impressions, self.clicks, strict=True)
        return [
            Aggregate(
                experiment_id=self.test_id,
                metric="clicked",
                variant_id=variant.variant_id,
                observed_at=NOW,
                summary=proportion_summary(float(n), float(x)),
            )
            for variant, n, x in arms
        ]


@pytest.fixture(scope="module")
def headline_tests(shared_data: Path) -> list[HeadlineTest]:
    rows = pacsv.read_csv(shared_data / "data/upworthy/headline_arms.csv.gz").to_pylist()
    tests: dict[str, HeadlineTest] = {}
    for row in rows:
        name = row["clickability_test_id"]
        found = tests.setdefault(name, HeadlineTest(test_id=name, week=row["test_week"]))
        found.impressions.append(row["impressions"])
        found.clicks.append(row["clicks"])
    return [test for test in tests.values() if len(test.impressions) > 1]


def invalid_by_impressions(test: HeadlineTest) -> bool:
    summaries = Summaries(
        units=np.array(test.impressions, dtype=float),
        multiple_variant_units=0,
        unplanned_units=0,
        first_exposure_at=None,
        last_event_at=NOW,
        overall={("clicked", item.variant_id): item.summary for item in test.totals},
    )
    validity = check_validity(test.plan, summaries, now=NOW)
    return "sample_ratio" in [check.name for check in validity.failed]


def test_the_bad_weeks_are_invalid_at_the_published_rate(
    headline_tests: list[HeadlineTest],
) -> None:
    found = defaultdict(list)
    for test in headline_tests:
        found[test.in_bad_weeks].append(invalid_by_impressions(test))
    assert np.mean(found[True]) == pytest.approx(0.695, abs=0.005)
    assert (sum(found[False]), len(found[False])) == (17, 2715)


def test_outside_them_a_textbook_chi_square_says_the_same_of_every_test(
    headline_tests: list[HeadlineTest],
) -> None:
    """0.63 % of the public weeks: a fact of the data and not of a correction or a least n."""
    from scipy.stats import chisquare

    for test in headline_tests:
        if not test.in_bad_weeks:
            assert invalid_by_impressions(test) == (chisquare(test.impressions).pvalue < 0.001)


def test_the_whole_analysis_says_the_same(headline_tests: list[HeadlineTest], store: Store) -> None:
    rng = np.random.default_rng(201325)
    for bad_weeks, expected in ((True, 0.695), (False, 0.005)):
        pool = [test for test in headline_tests if test.in_bad_weeks == bad_weeks]
        sample = [pool[row] for row in rng.choice(len(pool), 60, replace=False)]
        decisions = []
        for test in sample:
            store.aggregates.insert(test.totals)
            store.experiments.save(test.plan)
            decisions.append(analyze(store, test.test_id, now=NOW).decision.decision)
        share = np.mean([decision == "invalid" for decision in decisions])
        assert share == pytest.approx(expected, abs=0.18)
