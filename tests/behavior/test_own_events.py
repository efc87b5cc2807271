"""Sessions, training and prediction on events in ClickHouse."""

from pathlib import Path

import numpy as np
import pytest

from neonblue.behavior.conversion_events import EventKinds
from neonblue.behavior.funnel import analyze
from neonblue.behavior.journey_index import find_similar, keep_sessions
from neonblue.behavior.journeys import describe
from neonblue.behavior.model_drift import check_drift
from neonblue.behavior.model_files import ModelFiles
from neonblue.behavior.outlook import predict
from neonblue.behavior.pseudonyms import Pseudonyms
from neonblue.behavior.training_on_events import train_on_events
from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.stores.funnels import FunnelScope

from .conftest import START_MS, event_table, silent


@pytest.fixture(scope="module")
def files(shop, tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:  # type: ignore[no-untyped-def]
    """Models trained on the shop, whose sessions are kept."""
    files = ModelFiles(tmp_path_factory.mktemp("models"))
    result = train_on_events(shop.store.sessions, files, silent)
    assert result["next_action"]["kept"]
    assert result["intent"]["kept"]
    keep_sessions(shop.store.sessions, shop.store.sessions.recent(users=1000))
    return files


def test_sessions_are_cut_at_pauses_and_in_the_order_of_time(shop) -> None:  # type: ignore[no-untyped-def]
    sessions = shop.store.sessions.of_user("user0")
    assert [session.types[0] for session in sessions] == ["page_view", "page_view"]
    assert sessions[0].types[:3] == ("page_view", "search", "product_view")
    assert all(np.diff(session.times_ms).min() > 0 for session in sessions)
    assert sessions[0].device_type == "desktop"


def test_a_user_with_a_cart_is_likelier_to_convert_than_one_without(shop, files) -> None:  # type: ignore[no-untyped-def]
    sessions = shop.store.sessions
    start = ["page_view", "search", "product_view"]
    with_cart = predict(sessions, files, "new one", [*start, "add_to_cart"])
    without = predict(sessions, files, "new one", [*start, "page_view", "page_view"])
    assert with_cart.next_actions[0].action == "checkout"
    assert with_cart.stage == "considering"
    assert with_cart.conversion_probability is not None
    assert without.conversion_probability is not None
    assert with_cart.conversion_probability > without.conversion_probability


def test_a_known_user_comes_with_alike_journeys_of_others(shop, files) -> None:  # type: ignore[no-untyped-def]
    outlook = predict(shop.store.sessions, files, "user0")
    assert outlook.basis == "user"
    assert outlook.similar is not None
    assert outlook.similar.converted.n == 50
    assert outlook.similar.converted.value > 0.5
    assert "user0" not in repr(outlook)


def test_an_unknown_user_gets_the_population_s_answer_and_is_told_so(shop, files) -> None:  # type: ignore[no-untyped-def]
    outlook = predict(shop.store.sessions, files, "nobody")
    assert outlook.basis == "population"
    assert outlook.conversion_probability == outlook.base_conversion_probability
    assert sum(action.probability for action in outlook.next_actions) <= 1.001
    assert any("population" in note for note in outlook.notes)


def test_an_unknown_user_s_next_actions_are_first_steps(shop, files) -> None:  # type: ignore[no-untyped-def]
    """Every session of the shop begins with a page view; overall it is a third of all steps."""
    first = predict(shop.store.sessions, files, "nobody").next_actions[0]
    assert first.action == "page_view"
    assert first.probability == 1


def test_the_probability_is_as_of_the_newest_event_and_says_who_answered(shop, files) -> None:  # type: ignore[no-untyped-def]
    """Who bought and is away long since is not as likely to buy as who has just filled a cart."""
    sessions = shop.store.sessions
    away = predict(sessions, files, "user0")
    newest = sessions.newest().timestamp() * 1000
    last = sessions.of_user("user0")[-1].times_ms[-1]
    assert away.days_away == pytest.approx((newest - last) / 86_400_000)
    assert away.conversion is not None
    assert away.conversion.answered_by in ("base_rate", "logistic", "trees")
    assert "on later weeks" in away.conversion.reason
    (counted,) = away.conversion.counted
    assert (counted.event_type, counted.source) == ("purchase", "guess")
    later = predict(sessions, files, "user0", now_ms=round(newest) + 50 * 86_400_000)
    cart = predict(sessions, files, "user0", ["page_view", "add_to_cart"], now_ms=round(newest))
    assert later.conversion_probability < 0.1 < cart.conversion_probability
    assert cart.days_away == 0


def test_what_converts_since_the_training_is_asked_for_again(shop, files) -> None:  # type: ignore[no-untyped-def]
    changed = predict(shop.store.sessions, files, "user0", kinds=EventKinds(["search"]))
    assert any("has changed since the training" in note for note in changed.notes)
    same = predict(shop.store.sessions, files, "user0")
    assert not any("has changed since the training" in note for note in same.notes)
    assert any("ask somebody who knows" in note for note in same.notes)


def test_without_a_conversion_the_setting_is_named(shop, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = train_on_events(
        shop.store.sessions, ModelFiles(tmp_path), silent, EventKinds(["nothing"])
    )
    assert result["intent"]["status"] == "insufficient_data"
    assert "NEONBLUE_CONVERSION_EVENTS" in result["intent"]["reason"]


def test_without_models_the_command_to_train_is_named(shop, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    outlook = predict(shop.store.sessions, ModelFiles(tmp_path), "user0")
    assert outlook.next_actions == ()
    assert any("neonblue behavior train" in note for note in outlook.notes)
    with pytest.raises(NotFoundError, match="neonblue behavior train"):
        check_drift(shop.store.sessions, ModelFiles(tmp_path))


def test_the_users_a_model_was_trained_on_have_not_drifted(shop, files) -> None:  # type: ignore[no-untyped-def]
    result = check_drift(shop.store.sessions, files)
    assert result["next_action"]["verdict"] == "stable"
    assert result["intent"]["verdict"] == "stable"


def test_alike_journeys_are_those_with_the_same_steps(shop, files) -> None:  # type: ignore[no-untyped-def]
    found = find_similar(shop.store.sessions, shop.store.sessions.of_user("user1"), shown=20)
    assert found.converted.n == 50
    assert all("add_to_cart" not in one.path for one in found.journeys)
    assert found.journeys[0].similarity > 0.9
    assert len({one.pseudonym for one in found.journeys}) == 20
    assert Pseudonyms(shop.store.sessions.pseudonym_key()).of("user1") not in {
        one.pseudonym for one in found.journeys
    }


def test_a_funnel_counts_users_in_order_with_intervals(shop) -> None:  # type: ignore[no-untyped-def]
    scope = FunnelScope(window_seconds=3600)
    steps = ["product_view", "add_to_cart", "purchase"]
    (funnel,) = analyze(shop.store.funnels, steps, scope)
    assert funnel.users == 600
    assert 290 <= funnel.steps[1].users <= 300
    cart = funnel.steps[1]
    assert cart.of_previous.ci_lower < 0.5 < cart.of_previous.ci_upper
    assert funnel.largest_drop_before == "add_to_cart"


def test_a_funnel_breaks_down_by_a_property(shop) -> None:  # type: ignore[no-untyped-def]
    scope = FunnelScope(window_seconds=3600, by="device")
    found = analyze(shop.store.funnels, ["page_view", "purchase"], scope)
    assert {funnel.slice: funnel.users for funnel in found} == {"mobile": 400, "desktop": 200}


def test_a_funnel_of_one_step_is_refused(shop) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInputError, match="2 to 12"):
        analyze(shop.store.funnels, ["page_view"], FunnelScope(window_seconds=60))


def test_a_session_of_100_000_events_is_answered_and_taken_for_a_bot_s(shop, files) -> None:  # type: ignore[no-untyped-def]
    count = 100_000
    rows = [("crawler", f"c{i}", "page_view", START_MS + i * 20, 1) for i in range(count)]
    shop.store.events.insert(event_table(rows))
    assert shop.store.sessions.totals("crawler").events == count
    (session,) = shop.store.sessions.of_user("crawler", limit=5000)
    assert len(session.types) == 5000
    assert describe(session).suspected_bot
    outlook = predict(shop.store.sessions, files, "crawler")
    assert outlook.basis == "user"
    assert outlook.segment == "heavy"
    assert outlook.events == 512
    assert any("latest 512 events" in note for note in outlook.notes)
    assert any("paced like a bot's" in note for note in outlook.notes)


def test_events_that_arrive_backwards_and_twice_make_the_same_session(shop) -> None:  # type: ignore[no-untyped-def]
    steps = ["page_view", "search", "purchase"]
    rows = [("late", f"l{i}", name, START_MS + i * 1000, 1) for i, name in enumerate(steps)]
    shop.store.events.insert(event_table(rows[::-1]))
    shop.store.events.insert(event_table(rows[1:]))
    (session,) = shop.store.sessions.of_user("late")
    assert session.types == tuple(steps)
    assert shop.store.sessions.totals("late").events == 3


def test_a_journey_that_begins_with_a_conversion_is_like_no_other(shop, files) -> None:  # type: ignore[no-untyped-def]
    """Before a conversion it has nothing to compare, and all like it would have converted."""
    rows = [
        (user, f"{user}{i}", name, START_MS + i * 1000, 1)
        for user in ("hasty", "hastier")
        for i, name in enumerate(("exposure", "purchase", "page_view"))
    ]
    shop.store.events.insert(event_table(rows))
    keep_sessions(shop.store.sessions, shop.store.sessions.of_user("hastier"))
    found = find_similar(shop.store.sessions, shop.store.sessions.of_user("hasty"), shown=5)
    assert found.journeys == ()
    assert found.converted.n == 0
    earlier = [
        ("hasty", f"h{i}", name, START_MS - 86_400_000 + i * 1000, 1)
        for i, name in enumerate(("page_view", "search", "product_view"))
    ]
    shop.store.events.insert(event_table(earlier))
    found = find_similar(shop.store.sessions, shop.store.sessions.of_user("hasty"), shown=5)
    assert found.converted.n > 0


def test_what_was_done_just_now_goes_on_with_a_session_that_is_not_over(shop, files) -> None:  # type: ignore[no-untyped-def]
    rows = [("here", f"n{i}", "page_view", START_MS + i * 1000, 1) for i in range(2)]
    shop.store.events.insert(event_table(rows))
    soon, late = START_MS + 60_000, START_MS + 3 * 3_600_000
    goes_on = predict(shop.store.sessions, files, "here", ["search"], now_ms=soon)
    comes_back = predict(shop.store.sessions, files, "here", ["search"], now_ms=late)
    assert goes_on.events == comes_back.events == 2
    assert goes_on.similar is not None
    assert comes_back.similar is not None
    assert goes_on.similar.journeys[0].path[:2] == ("page_view", "search")
    assert comes_back.similar.journeys != goes_on.similar.journeys
