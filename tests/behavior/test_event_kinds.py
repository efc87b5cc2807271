"""What event types are taken for: by the setting, by metrics, and by words at last."""

from pathlib import Path
from typing import Any

import pytest

from neonblue.behavior.conversion_events import known_kinds
from neonblue.behavior.event_kinds import CONVERT, ENGAGE, KINDS, LEAVE, VIEW, guess, kind_of
from neonblue.jobs import find_job
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.settings import BehaviorSettings
from neonblue.workspace import Workspace

from .conftest import START_MS, event_table, silent


@pytest.mark.parametrize(
    "event_type",
    [
        *("purchase", "orders", "OrderPlaced", "transaction", "sign_up", "subscription_started"),
        *("checkout_completed", "checkout.session.completed", "order_confirmation_page_view"),
        *("kauf", "Kauf_abgeschlossen", "achat", "compra", "aankoop", "köp", "zamówienie"),
        *("покупка", "購入", "购买完成", "구매"),
        *("account_created", "contract_signed", "quote_accepted", "newsletter_subscribed"),
    ],
)
def test_conversions_are_guessed_in_many_words(event_type: str) -> None:
    assert KINDS[kind_of(event_type)] == "convert"


@pytest.mark.parametrize(
    "event_type",
    [
        *("payment_failed", "purchase_attempt", "checkout_abandoned", "signup_started"),
        *("signup_page_view", "buy_button_impression", "subscribe_popup", "buy_now_click"),
        *("order_history", "add_payment_info", "sort_order", "order_by_price", "not_converted"),
        *("kauf_fehlgeschlagen", "achat_échoué", "购买失败", "order_cancelled", "return_visit"),
        *("email_order_confirmation_opened", "purchase_receipt_viewed", "subscription_paused"),
        *("account_created_page_view", "account_page_opened"),
    ],
)
def test_a_word_against_a_conversion_outweighs_the_word_for_it(event_type: str) -> None:
    assert KINDS[kind_of(event_type)] != "convert"


def test_who_comes_again_does_not_leave_but_goods_that_go_back_do() -> None:
    assert kind_of("return_visit") == VIEW
    assert KINDS[kind_of("returning_user")] == "other"
    assert {kind_of(one) for one in ("returned", "order_returned", "return_requested")} == {LEAVE}
    assert kind_of("unsubscribe_page_view") == VIEW


def test_a_guess_says_which_words_it_rests_on() -> None:
    assert guess("payment_failed").word == "payment"
    assert guess("payment_failed").against == "failed"


def experiment(name: str, **metric: Any) -> Experiment:
    plan = {"name": "m", "kind": "proportion", **metric}
    return Experiment(
        experiment_id=name,
        variants=(Variant(variant_id="a", is_control=True), Variant(variant_id="b")),
        metrics=(MetricDefinition(**plan),),
    )


def test_a_primary_metric_says_what_converts_and_what_does_not() -> None:
    kinds = known_kinds(
        [
            experiment("e1", event_type="lead_won_2"),
            experiment("e2", event_type="purchase_again", direction="decrease"),
            experiment("e3", event_type="slow_order", role="guardrail"),
            experiment("e4", event_type="banner_click", kind="mean"),
        ]
    )
    won = kinds.reading("lead_won_2")
    assert (won.converts, won.source, won.ask) == (True, "metric", "")
    assert "'m' of experiment 'e1'" in won.reason
    assert not kinds.reading("purchase_again").converts
    assert kinds.reading("slow_order").source == "guess"
    click = kinds.reading("banner_click")
    assert click.converts
    assert "its words say engage" in click.ask


def test_the_setting_alone_decides_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEONBLUE_CONVERSION_EVENTS", "deal signed, xyz")
    named = BehaviorSettings().conversions
    assert named == ["deal signed", "xyz"]
    kinds = known_kinds([experiment("e1", event_type="purchase")], named)
    assert [one.event_type for one in kinds.conversions(["xyz", "purchase", "order"])] == ["xyz"]
    assert kinds.of("click") == ENGAGE
    assert kinds.of("exposure") != CONVERT


def test_event_types_are_shown_with_their_reasons(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["page_view", "page_view", "payment_failed", "kauf"]
    rows = [(f"u{i}", f"e{i}", name, START_MS + i, 1) for i, name in enumerate(names)]
    workspace.store.events.insert(event_table(rows))
    workspace.store.experiments.save(experiment("e1", event_type="paid_in_full"))
    shown = find_job("behavior-events")(workspace, {}, silent)
    by_name = {one["event_type"]: one for one in shown["events"]}
    assert by_name["page_view"]["events"] == by_name["page_view"]["users"] == 2
    assert by_name["kauf"]["taken_for"] == "convert"
    assert "NEONBLUE_CONVERSION_EVENTS" in by_name["kauf"]["ask"]
    assert "'failed' speaks against" in by_name["payment_failed"]["reason"]
    assert shown["not_seen"] == []
    monkeypatch.setenv("NEONBLUE_CONVERSION_EVENTS", "payment_failed,zork")
    told = {
        one["event_type"]: one
        for one in find_job("behavior-events")(workspace, {}, silent)["events"]
    }
    assert find_job("behavior-events")(workspace, {}, silent)["not_seen"] == ["zork"]
    assert told["payment_failed"]["source"] == "setting"
    assert (told["kauf"]["taken_for"], told["kauf"]["source"]) == ("consider", "setting")


def test_a_session_converts_by_the_metric_of_an_experiment(
    workspace: Workspace, tmp_path: Path
) -> None:
    """The journey's outcome and stage, and what the stream counts, follow the metric."""
    from neonblue.behavior.journeys import describe
    from neonblue.ingest.stream.activity import Activity

    rows = [("ann", f"e{i}", name, START_MS + i, 1) for i, name in enumerate(("view", "zork"))]
    workspace.store.events.insert(event_table(rows))
    (session,) = workspace.store.sessions.of_user("ann")
    assert describe(session, workspace.event_kinds()).outcome == "browsed"
    workspace.store.experiments.save(experiment("e1", event_type="zork"))
    kinds = workspace.event_kinds()
    assert describe(session, kinds).outcome == "converted"
    activity = Activity()
    activity.read_kinds(kinds)
    step = activity.look(event_table(rows))
    assert step.features.counts[-1, CONVERT] == 1
