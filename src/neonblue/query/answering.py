"""Answers a question: plan, gate, read-only run, a sentence and what to ask next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from neonblue.behavior.funnel import analyze as analyze_funnel
from neonblue.intelligence.diagnosis import diagnose
from neonblue.intelligence.look_gate import tells_the_variant, told_apart
from neonblue.models.lifecycle import FINISHED_STATUSES, WATCHED_STATUSES
from neonblue.query.answer_rows import Rows, compared, experiment_row, measured, stands
from neonblue.query.catalog import CatalogFacts, read_catalog
from neonblue.query.parser import Reading, parse
from neonblue.query.plan import Plan
from neonblue.query.vocabulary import vocabulary_of
from neonblue.stores.funnels import FunnelScope
from neonblue.stores.question_query import MeasureQuery, compiled

if TYPE_CHECKING:
    from neonblue.behavior.conversion_events import EventKinds
    from neonblue.memory.library import Memory
    from neonblue.query.metric_layer import LayerMetric
    from neonblue.stores import Store

FUNNEL_SECONDS = 86_400
KEPT_SECONDS = 60.0
WON, LOST = frozenset({"ship"}), frozenset({"rollback"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """``status`` is ``ok``, ``ambiguous`` (choose one of ``readings``) or ``unsupported``.

    ``rows`` are empty unless ok. ``sentence`` is written by rule from the rows. ``related`` are
    questions that can be asked, or calls that show more.
    """

    status: str
    plan: Plan | None
    sql: str
    rows: Rows
    sentence: str
    recommendations: tuple[str, ...]
    confidence: float
    related: tuple[str, ...]
    readings: tuple[Plan, ...] = ()
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    rows: Rows
    sentence: str
    sql: str = ""
    advice: tuple[str, ...] = ()


class Answerer:
    """Answers questions over one store; what they can name is kept for a minute."""

    def __init__(
        self, store: Store, memory: Callable[[], Memory], kinds: Callable[[], EventKinds]
    ) -> None:
        self._store = store
        self._memory = memory
        self._kinds = kinds
        self._guard = Lock()
        self._known: tuple[float, tuple[LayerMetric, ...], CatalogFacts] | None = None

    def _catalog(self, catalogue: Sequence[LayerMetric]) -> CatalogFacts:
        """What can be named, read again after a minute or with another catalogue file."""
        with self._guard:
            if self._known is not None:
                read_at, of, catalog = self._known
                if of == tuple(catalogue) and time.monotonic() - read_at < KEPT_SECONDS:
                    return catalog
            catalog = read_catalog(self._store, catalogue)
            self._known = (time.monotonic(), tuple(catalogue), catalog)
            return catalog

    def read(
        self, question: str, catalogue: Sequence[LayerMetric], now: datetime
    ) -> tuple[Reading, CatalogFacts]:
        """The plan of a question by rules, and what it could name."""
        catalog = self._catalog(catalogue)
        experiments = self._store.experiments.defined().values()
        return parse(question, vocabulary_of(catalog, experiments), now), catalog

    def answer(self, question: str, catalogue: Sequence[LayerMetric], *, now: datetime) -> Answered:
        """The answer, or what could be asked instead; never a guess."""
        reading, catalog = self.read(question, catalogue, now)
        related = supported(catalog)
        if reading.others:
            return _ambiguous(reading, related)
        if not reading.answers or reading.plan is None:
            return _unsupported(reading, related)
        return self.run(reading.plan, reading, related, now=now)

    def run(
        self, plan: Plan, reading: Reading, related: tuple[str, ...], *, now: datetime
    ) -> Answered:
        """Run a plan; breakdowns that tell a running variant are withheld."""
        withheld = self._withheld(plan)
        found = withheld or self._run(plan, now)
        return Answered(
            status="withheld" if withheld else "ok",
            plan=plan,
            sql=found.sql,
            rows=found.rows,
            sentence=found.sentence,
            recommendations=found.advice,
            confidence=reading.confidence,
            related=related,
            assumed=reading.assumed,
        )

    def _withheld(self, plan: Plan) -> _Found | None:
        names = {plan.breakdown, *(one.name for one in plan.filters)}
        names -= {"", "experiment", "event_type"}
        if not names:
            return None
        for experiment in told_apart(self._store):
            if experiment.status in FINISHED_STATUSES:
                continue
            for name in sorted(names):
                if tells_the_variant(self._store, experiment, name):
                    return _Found(
                        rows=(),
                        sentence=f"{name!r} tells the variants of {experiment.experiment_id!r}, "
                        "which still runs: results by variant are shown by "
                        "analyze_experiment_performance alone, which may be called at any time",
                    )
        return None

    def _run(self, plan: Plan, now: datetime) -> _Found:
        runs: dict[str, Callable[[Plan, datetime], _Found]] = {
            "measure": self._measure,
            "funnel": self._funnel,
            "experiments": self._experiments,
            "outcomes": self._outcomes,
            "validity": self._validity,
            "effect": self._effect,
            "similar": self._similar,
            "recommend": self._recommend,
        }
        return runs[plan.kind](plan, now)

    def _measure(self, plan: Plan, now: datetime) -> _Found:
        query = _query(plan)
        sql, parameters = compiled(query)
        rows = self._read(sql, parameters)
        if plan.compare and plan.since is not None:
            until = plan.until or now
            before = replace(query, since=plan.since - (until - plan.since), until=plan.since)
            rows = compared(rows, self._read(*compiled(before)))
        return _Found(rows=rows, sql=sql, sentence=measured(plan, rows))

    def _read(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        result = self._store.read_only.run(sql, parameters)
        return tuple(dict(zip(result.columns, row, strict=True)) for row in result.rows)

    def _funnel(self, plan: Plan, now: datetime) -> _Found:
        scope = FunnelScope(
            window_seconds=FUNNEL_SECONDS,
            since=plan.since,
            until=plan.until,
            experiment_id=plan.experiments[0] if plan.experiments else "",
        )
        funnels = analyze_funnel(self._store.funnels, plan.steps, scope)
        if not funnels:
            return _Found(rows=(), sentence="nobody took the first step in that time")
        rows = tuple(
            {"step": s.event_type, "users": s.users, "of_previous": s.of_previous.value}
            for s in funnels[0].steps
        )
        last = rows[-1]
        return _Found(
            rows=rows,
            sentence=f"{rows[0]['users']:,} users took {rows[0]['step']}, {last['users']:,} of "
            f"them reached {last['step']} within 24 hours",
        )

    def _experiments(self, plan: Plan, now: datetime) -> _Found:
        found = [
            one
            for one in self._store.experiments.defined().values()
            if stands(one, plan) and (not plan.experiments or one.experiment_id in plan.experiments)
        ]
        found.sort(key=lambda one: one.experiment_id)
        if plan.counted:
            rows: Rows = ({"metric": len(found)},)
        else:
            rows = tuple(experiment_row(one) for one in found[: plan.limit])
        names = ", ".join(one.experiment_id for one in found[:10])
        said = f"{len(found)} experiments{': ' if names else ''}{names}"
        return _Found(rows=rows, sentence=said)

    def _outcomes(self, plan: Plan, now: datetime) -> _Found:
        defined = self._store.experiments.defined()
        outcomes = [
            one
            for one in self._store.outcomes.past()
            if (of := defined.get(one.experiment_id)) and of.status in FINISHED_STATUSES
        ]
        if plan.standing in ("won", "lost"):
            wanted = WON if plan.standing == "won" else LOST
            outcomes = [one for one in outcomes if one.decision in wanted]
        if plan.at_least is not None:
            outcomes = [one for one in outcomes if abs(one.relative_lift) > plan.at_least]
        outcomes.sort(key=lambda one: one.relative_lift, reverse=not plan.ascending)
        rows = tuple(
            {
                "experiment_id": one.experiment_id,
                "metric": one.metric,
                "relative_lift": one.relative_lift,
                "decision": one.decision,
                "units": one.units,
            }
            for one in outcomes[: plan.limit]
        )
        if plan.counted:
            rows = ({"metric": len(outcomes)},)
        first = outcomes[0] if outcomes else None
        said = f"{len(outcomes)} finished experiments"
        if first is not None:
            said += (
                f", first {first.experiment_id} with {first.relative_lift:+.1%} on {first.metric}"
            )
        return _Found(rows=rows, sentence=said)

    def _validity(self, plan: Plan, now: datetime) -> _Found:
        rows = []
        for one in self._store.experiments.defined().values():
            if plan.experiments and one.experiment_id not in plan.experiments:
                continue
            if not plan.experiments and one.status not in WATCHED_STATUSES:
                continue
            found = diagnose(self._store, one.experiment_id, now=now, actor="question")
            broken = found.trust == "not_trusted"
            if broken or plan.experiments:
                first = next(iter(found.findings), None)
                failed = "; ".join(check.detail for check in found.validity.failed)
                why = first.headline if first is not None else failed
                rows.append({"experiment_id": one.experiment_id, "trust": found.trust, "why": why})
        names = ", ".join(str(row["experiment_id"]) for row in rows)
        said = f"cannot be trusted: {names}" if names and not plan.experiments else names
        if plan.experiments and rows:
            said = f"{rows[0]['experiment_id']}: {rows[0]['trust'].replace('_', ' ')}"
        return _Found(
            rows=tuple(rows),
            sentence=said or "no running experiment is broken",
            advice=tuple(f"diagnose_experiment {row['experiment_id']}" for row in rows),
        )

    def _effect(self, plan: Plan, now: datetime) -> _Found:
        from neonblue.intelligence.analysis import analyze
        from neonblue.intelligence.deciding import deciding
        from neonblue.intelligence.narrative import recommend, summarise

        analysis = analyze(self._store, plan.experiments[0], now=now, actor="question")
        found = deciding(analysis)
        row: dict[str, Any] = {
            "experiment_id": plan.experiments[0],
            "decision": analysis.decision.decision,
        }
        if found is not None and not analysis.validity.failed:
            comparison = found.comparison
            row |= {
                "metric": found.metric.name,
                "variant": comparison.variant,
                "relative_lift": comparison.relative_lift,
                "ci_lower": comparison.ci_lower,
                "ci_upper": comparison.ci_upper,
            }
        return _Found(rows=(row,), sentence=summarise(analysis), advice=recommend(analysis))

    def _similar(self, plan: Plan, now: datetime) -> _Found:
        from neonblue.intelligence.recollection.discovery import discover
        from neonblue.memory.collections import collection_named

        filters = {"improvement": {"gt": plan.at_least}} if plan.at_least is not None else None
        if filters is None and plan.standing:
            filters = {"improvement": {"gt": 0.0} if plan.standing == "won" else {"lt": 0.0}}
        like = plan.experiments[0] if plan.experiments else None
        found = discover(
            self._store,
            self._memory(),
            collection_named("experiments"),
            plan.topic or "experiment",
            like_experiment=like,
            filters=filters,
            limit=min(plan.limit, 10),
        )
        rows = tuple(
            {
                "experiment_id": one.hit.document.document_id,
                "similarity": one.hit.similarity,
                "improvement": one.hit.document.metadata.get("improvement"),
                "outcome": one.hit.document.metadata.get("outcome"),
            }
            for one in found.found
        )
        names = ", ".join(str(row["experiment_id"]) for row in rows[:5])
        return _Found(rows=rows, sentence=f"{len(rows)} similar experiments: {names}")

    def _recommend(self, plan: Plan, now: datetime) -> _Found:
        if plan.experiments:
            from neonblue.intelligence.recommendation.improvement import improve

            steps = improve(self._store, self._memory(), plan.experiments[0], now=now).steps
            rows: Rows = tuple({"action": step.action, "why": step.why} for step in steps)
        else:
            from neonblue.intelligence.recommendation.constraints import Constraints
            from neonblue.intelligence.recommendation.next_tests import recommend_next

            goal = plan.topic or "more conversions"
            found = recommend_next(
                self._store, self._memory(), goal, Constraints(), self._kinds(), limit=3
            )
            rows = tuple(
                {"action": f"test {one.idea.category}", "why": one.idea.hypothesis}
                for one in found.ranked
            )
        said = "; ".join(str(row["action"]) for row in rows[:3])
        return _Found(rows=rows, sentence=said, advice=tuple(str(row["action"]) for row in rows))


def _query(plan: Plan) -> MeasureQuery:
    return MeasureQuery(
        measure=plan.measure,
        event_type=plan.event_type,
        of_event=plan.of_event,
        experiments=plan.experiments,
        filters=tuple((one.name, one.value) for one in plan.filters),
        breakdown=plan.breakdown,
        grain=plan.grain,
        since=plan.since,
        until=plan.until,
        ascending=plan.ascending,
        limit=500 if plan.grain else plan.limit,
    )


def _ambiguous(reading: Reading, related: tuple[str, ...]) -> Answered:
    return Answered(
        status="ambiguous",
        plan=None,
        sql="",
        rows=(),
        sentence="the question can be read in several ways: say which of the readings is meant",
        recommendations=("ask again with the name of one event or experiment",),
        confidence=reading.confidence,
        related=related,
        readings=reading.others,
    )


def _unsupported(reading: Reading, related: tuple[str, ...]) -> Answered:
    unknown = ", ".join(repr(word) for word in reading.unknown)
    said = f"nothing here is known as {unknown}" if unknown else "it names nothing that is there"
    return Answered(
        status="unsupported",
        plan=None,
        sql="",
        rows=(),
        sentence=f"the question is not answered: {said}",
        recommendations=("list_catalog shows what can be named", "run_analytics_sql takes SQL"),
        confidence=reading.confidence,
        related=related,
    )


def supported(catalog: CatalogFacts) -> tuple[str, ...]:
    """Questions that this data can answer, as examples."""
    events = [one.name for one in catalog.event_types if one.name != "exposure"]
    properties = [one.name for one in catalog.properties]
    found = ["which experiments are running", "which experiments are broken and why"]
    if events:
        found.insert(0, f"how many {events[0]} events in the last 7 days")
    if events and properties:
        found.insert(1, f"rate of {events[0]} by {properties[0]}")
    return tuple(found)
