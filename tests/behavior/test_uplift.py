import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from neonblue.behavior.encoding import fit_encoding
from neonblue.behavior.personalisation import Units, judge
from neonblue.behavior.qini import qini, qini_coefficient
from neonblue.behavior.uplift import cross_fitted

HILLSTROM = [
    "recency",
    "history_segment",
    "history",
    "mens",
    "womens",
    "zip_code",
    "newbie",
    "channel",
]


def test_a_perfect_ranking_has_coefficient_one_and_a_random_one_zero() -> None:
    random = np.random.default_rng(1)
    treated = random.random(4000) < 0.5
    outcome = (random.random(4000) < np.where(treated, 0.3, 0.2)).astype(float)
    best = np.where(treated, 2 * outcome, -outcome)
    assert qini_coefficient(best, outcome, treated) == pytest.approx(1)
    estimate = qini(random.random(4000), outcome, treated)
    assert estimate.ci_lower < 0 < estimate.ci_upper


def test_encoding_keeps_numbers_categories_and_what_is_missing() -> None:
    units = [{"age": str(20 + i % 40), "plan": "pro" if i % 2 else "free"} for i in range(200)]
    encoding = fit_encoding(units)
    rows = encoding.encode([*units[:2], {}])
    assert encoding.column_names() == ["age", "plan = free", "plan = pro"]
    assert rows[0, 1:].tolist() == [1, 0]
    assert rows[2].tolist() == [0, 0.5, 0.5]


def test_finds_who_gains_on_made_up_units() -> None:
    random = np.random.default_rng(2)
    n = 6000
    likes = random.random(n) < 0.5
    variant = (random.random(n) < 0.5).astype(np.int64)
    chance = 0.2 + 0.2 * likes * variant - 0.1 * ~likes * variant
    outcome = (random.random(n) < chance).astype(float)
    expected = cross_fitted(likes[:, None].astype(float), outcome, variant, 2)
    uplift = expected[:, 1] - expected[:, 0]
    assert uplift[likes].mean() == pytest.approx(0.2, abs=0.05)
    assert uplift[~likes].mean() == pytest.approx(-0.1, abs=0.05)


def test_women_s_mail_sorts_customers_and_men_s_does_not(shared_data: Path) -> None:
    """Real experiment: Hillstrom's, visits within two weeks."""
    with gzip.open(shared_data / "data" / "hillstrom" / "hillstrom.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    encoded = fit_encoding([{name: row[name] for name in HILLSTROM} for row in rows]).encode(
        [{name: row[name] for name in HILLSTROM} for row in rows]
    )
    visit = np.array([float(row["visit"]) for row in rows])
    segment = np.array([row["segment"] for row in rows])
    coefficients = {}
    for mail in ("Womens E-Mail", "Mens E-Mail"):
        chosen = np.isin(segment, (mail, "No E-Mail"))
        treated = segment[chosen] == mail
        expected = cross_fitted(encoded[chosen], visit[chosen], treated.astype(np.int64), 2)
        coefficients[mail] = qini(expected[:, 1] - expected[:, 0], visit[chosen], treated)
    women = coefficients["Womens E-Mail"]
    assert women.value >= 0.06
    assert women.ci_lower < 0.062 < women.ci_upper
    assert coefficients["Mens E-Mail"].value < women.ci_lower


def test_a_policy_that_almost_nobody_was_treated_by_is_not_ranked() -> None:
    """Young units got the treatment and old ones did not, and the models prefer it reversed."""
    random = np.random.default_rng(5)
    n = 4000
    variant = np.repeat([0, 1], n // 2)
    age = random.random(n) + np.where(variant == 0, 2.0, 0.0)
    slope = np.where(variant == 1, 0.3, -0.3)
    outcome = (random.random(n) < 0.5 + slope * (age - 1.5)).astype(float)
    policy = judge(
        Units(rows=age[:, None], variant=variant, outcome=outcome), ["a", "b"], 0, "buys"
    )
    assert policy.answer == "insufficient_data"
    assert "effective sample size" in policy.reason
    assert policy.variants == ()
    assert policy.models == ()


def test_a_property_that_is_missing_is_worth_what_it_is_on_average() -> None:
    """Zeros in every indicator would be a place far from all units that were learnt from."""
    units = [{"device": "mobile" if n % 4 else "desktop", "age": str(n)} for n in range(200)]
    encoding = fit_encoding(units)
    known, missing = encoding.encode(units), encoding.encode([{}])
    assert missing[0] == pytest.approx(known.mean(axis=0))


def test_a_rare_value_is_one_of_the_others_it_was_learnt_among() -> None:
    units = [{"device": ["mobile", "desktop", f"odd {n}"][n % 3]} for n in range(90)]
    units += [{"device": "mobile"}] * 200
    row = fit_encoding(units).encode([{"device": "toaster"}])[0]
    assert row.tolist() == [0.0, 0.0]
