"""Moments that do not know the future, and who may answer for them."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.intent_away import ask, make_world

from neonblue.behavior.calibration import calibration_error
from neonblue.behavior.intent import held_out_scores
from neonblue.behavior.intent_contest import beats
from neonblue.behavior.intent_moments import (
    DAY_MS,
    acting_moments,
    known_moments,
    newcomers,
    span_of,
)
from neonblue.behavior.proportion import share
from neonblue.behavior.user_features import NAMES, UserEvents, feature_row, joined
from neonblue.stores.sessions import Session

from .conftest import START_MS


def user(*events: tuple[float, str]) -> UserEvents:
    """A user who did something at days after the start."""
    session = Session(
        user_id="one",
        times_ms=tuple(START_MS + round(day * DAY_MS) for day, _ in events),
        types=tuple(name for _, name in events),
        values=(0.0,) * len(events),
        device_type="",
        traffic_source="",
        experiments=(),
    )
    return joined((session,))


BUSY = user(*((day / 2, "page_view") for day in range(160)), (80.0, "purchase"))
BRIEF = user((10.0, "page_view"), (10.01, "purchase"))


def test_a_row_at_a_later_moment_says_how_long_the_user_is_away() -> None:
    then = feature_row(BRIEF, 2, START_MS + 12 * DAY_MS)
    assert then[NAMES.index("hours_away")] == pytest.approx(24 * 1.99, abs=0.1)
    assert then[NAMES.index("convert_events")] == 1
    long_ago = feature_row(BRIEF, 2, START_MS + 60 * DAY_MS)
    assert long_ago[NAMES.index("convert_events")] == 0
    assert long_ago[NAMES.index("hours_away")] == pytest.approx(24 * 49.99, abs=0.1)
    assert feature_row(BRIEF, 2)[NAMES.index("hours_away")] == 0


def test_a_user_is_asked_about_once_a_week_from_the_first_event_on_whether_or_not_they_act() -> (
    None
):
    users = [BUSY, BRIEF]
    span = span_of(users)
    known = known_moments(users, span)
    assert span.weeks == 10
    of_brief = known.times_ms[known.users == 1]
    assert len(of_brief) == span.weeks - 1
    assert of_brief.min() > BRIEF.times_ms[1]
    assert not known.converted[known.users == 1].any()
    assert len(known.one_a_user()) == 2


def test_every_event_is_as_likely_a_moment_as_any_other() -> None:
    """To take some of each user's would show the early ones of who stops more often."""
    users = [BUSY, BRIEF]
    span = span_of(users)
    acting = acting_moments(users, span)
    inside = sum(int((one.times_ms <= span.end).sum()) for one in users)
    assert len(acting) == inside
    assert acting.converted[acting.users == 1].tolist() == [True, False]


def test_what_is_learnt_early_was_known_before_the_later_weeks() -> None:
    users = [BUSY, BRIEF]
    span = span_of(users)
    for moments in (known_moments(users, span), acting_moments(users, span)):
        early, later = moments.early(span), moments.later(span)
        assert 0 < len(later) < len(moments)
        assert early.times_ms.max() + span.horizon <= later.times_ms.min()


def test_a_newcomer_converts_with_the_first_event_or_within_the_horizon_of_it() -> None:
    late_buyer = user((5.0, "page_view"), (30.0, "purchase"))
    users = [BUSY, BRIEF, late_buyer, user((3.0, "purchase"))]
    found = newcomers(users, span_of(users), 300)
    assert (found.users, found.converted) == (4, 2)
    assert newcomers(users, span_of(users), 100).users == 3


def test_no_tree_sees_a_row_of_the_user_whose_row_it_scores() -> None:
    """A column that names the user would tell everything if it did."""
    random = np.random.default_rng(1)
    users = np.repeat(np.arange(400), 10)
    happened = (random.random(400) < 0.5)[users]
    rows = random.random(400)[users][:, None]
    leaking = held_out_scores(rows, happened, members=1)
    apart = held_out_scores(rows, happened, users, members=1)
    assert np.corrcoef(leaking, happened)[0, 1] > 0.2
    assert np.corrcoef(apart, happened)[0, 1] < 0.1


def test_many_moments_of_one_user_are_one_user_s_evidence() -> None:
    random = np.random.default_rng(2)
    losses, others = np.zeros(200), random.normal(0.1, 1, 200)
    once = beats(losses, others, np.arange(200), "base_rate")
    copied = beats(
        np.repeat(losses, 9), np.repeat(others, 9), np.repeat(np.arange(200), 9), "base_rate"
    )
    assert copied.gain == pytest.approx(once.gain)
    assert copied.ci_lower == pytest.approx(once.ci_lower)
    assert not once.shown
    assert beats(losses, others + 1, np.arange(200), "base_rate").shown


@pytest.mark.timeout(300)
def test_who_is_long_away_is_not_promised_to_convert(tmp_path: Path) -> None:
    found = ask(make_world("leaves", 1500, 0), tmp_path)
    assert found.answered_by != "base_rate"
    gone = found.days_away >= 28
    assert found.said[gone].mean() < 0.02
    assert found.said[found.days_away < 3].mean() > 0.06
    truth = share(int(found.happened.sum()), len(found.happened))
    assert truth.ci_lower < found.said.mean() < truth.ci_upper
    assert truth.ci_lower < found.base_rate < truth.ci_upper
    assert calibration_error(found.said, found.happened) < 0.02


@pytest.mark.timeout(300)
def test_where_nothing_tells_anything_the_base_rate_is_the_answer(tmp_path: Path) -> None:
    found = ask(make_world("flat", 800, 0), tmp_path)
    assert found.answered_by == "base_rate"
    assert np.ptp(found.said[found.days_away > 0.1]) == 0
    assert found.base_rate == pytest.approx(0.095, abs=0.03)
