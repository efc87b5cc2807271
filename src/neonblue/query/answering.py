"""Answers a question: plan, gate, read-only run, a sentence and what to ask next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from neonblue.behavior.funnel import analyze as analyze_funnel
from neonblue.intelligence.diagnosis import diagnose
from neonblue.models.lifecycle import WATCHED_STATUSES
from neonblue.query.answer_rows import Found, Rows, experiment_row, stands
from neonblue.query.catalog import CatalogFacts, read_catalog
from neonblue.query.following import continued
from neonblue.query.measure_answer import measure
from neonblue.query.movement_answer import moved
from neonblue.query.parser import parse
from neonblue.query.past_answers import learnt, outcomes, segments, similar
from neonblue.query.plan import Plan
from neonblue.query.question_gate import why_withheld
from neonblue.query.reading import Reading
from neonblue.query.sequence_answers import retention, steps
from neonblue.query.telling import HiddenSigns
from neonblue.query.vocabulary import vocabulary_of
from neonblue.stores.funnels import FunnelScope

if TYPE_CHECKING:
    from neonblue.behavior.conversion_events import EventKinds
    from neonblue.memory.library import Memory
    from neonblue.models import Experiment
    from neonblue.query.metric_layer import LayerMetric
    from neonblue.query.telling import Hidden
    from neonblue.query.vocabulary import Vocabulary
    from neonblue.stores import Store
    from neonblue.stores.verified_questions import VerifiedRow

FUNNEL_SECONDS = 86_400
KEPT_SECONDS = 60.0


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


class Answerer:
    """Answers questions over one store; what they can name is kept for a minute."""

    def __init__(
        self,
        store: Store,
        memory: Callable[[], Memory],
        kinds: Callable[[], EventKinds],
        hidden: HiddenSigns | None = None,
    ) -> None:
        self._store = store
        self.hidden = hidden or HiddenSigns()
        self._memory = memory
        self._kinds = kinds
        self._guard = Lock()
        self._known: tuple[float, tuple[LayerMetric, ...], CatalogFacts] | None = None
        self._verified: tuple[VerifiedRow, ...] | None = None
        self._worded: tuple[Mapping[str, Experiment], CatalogFacts, Vocabulary] | None = None

    def forget_known(self) -> None:
        """Read again what can be named and which questions are verified."""
        with self._guard:
            self._known = self._verified = None

    def named(
        self, catalogue: Sequence[LayerMetric]
    ) -> tuple[CatalogFacts, tuple[Experiment, ...]]:
        """What a plan can name."""
        return self._catalog(catalogue), tuple(self._store.experiments.defined().values())

    def codes(self) -> tuple[str, ...]:
        """Values of properties that are known by their capitals."""
        return self._vocabulary(self._catalog(())).codes

    def verified(self, question: str, now: datetime) -> Reading | None:
        """The plan that somebody checked for this question."""
        from neonblue.query.verified import verified_reading

        with self._guard:
            rows = self._verified
            if rows is None:
                rows = self._verified = self._store.verified_questions.all()
        return verified_reading(question, rows, self.codes(), now) if rows else None

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
        self,
        question: str,
        catalogue: Sequence[LayerMetric],
        now: datetime,
        *,
        context: str = "",
    ) -> tuple[Reading, CatalogFacts]:
        """The plan of a question by rules, and what it could name."""
        catalog = self._catalog(catalogue)
        vocabulary = self._vocabulary(catalog)
        if context:
            return continued(question, context, vocabulary, now), catalog
        return self.verified(question, now) or parse(question, vocabulary, now), catalog

    def _vocabulary(self, catalog: CatalogFacts) -> Vocabulary:
        """The words for what is there, kept for as long as that is the same."""
        plans = self._store.experiments.defined()
        with self._guard:
            if self._worded is None or self._worded[:2] != (plans, catalog):
                self._worded = (plans, catalog, vocabulary_of(catalog, plans.values()))
            return self._worded[2]

    def answer(
        self,
        question: str,
        catalogue: Sequence[LayerMetric],
        *,
        now: datetime,
        context: str = "",
    ) -> Answered:
        """The answer, or what could be asked instead; never a guess.

        ``context`` is the question before, for one that continues it.
        """
        reading, catalog = self.read(question, catalogue, now, context=context)
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
        signs = self.hidden.now(self._store, self._store.experiments.defined())
        withheld = why_withheld(self._store, plan, signs)
        found = Found(rows=(), sentence=withheld) if withheld else self._run(plan, signs, now)
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

    def _run(self, plan: Plan, signs: Hidden, now: datetime) -> Found:
        store = self._store
        runs: dict[str, Callable[[], Found]] = {
            "measure": lambda: measure(store, plan, signs, now),
            "funnel": lambda: self._funnel(plan),
            "retention": lambda: retention(store, plan, now),
            "steps": lambda: steps(store, plan, signs),
            "moved": lambda: moved(store, plan, self._catalog(()), signs, now),
            "experiments": lambda: self._experiments(plan),
            "outcomes": lambda: outcomes(store, plan),
            "learnt": lambda: learnt(store, plan),
            "segments": lambda: segments(store, plan),
            "validity": lambda: self._validity(plan, now),
            "effect": lambda: self._effect(plan, now),
            "similar": lambda: similar(store, self._memory(), plan),
            "recommend": lambda: self._recommend(plan, now),
        }
        return runs[plan.kind]()

    def _funnel(self, plan: Plan) -> Found:
        scope = FunnelScope(
            window_seconds=FUNNEL_SECONDS,
            since=plan.since,
            until=plan.until,
            experiment_id=plan.experiments[0] if plan.experiments else "",
        )
        funnels = analyze_funnel(self._store.funnels, plan.steps, scope)
        if not funnels:
            return Found(rows=(), sentence="nobody took the first step in that time")
        rows = tuple(
            {"step": s.event_type, "users": s.users, "of_previous": s.of_previous.value}
            for s in funnels[0].steps
        )
        last = rows[-1]
        return Found(
            rows=rows,
            sentence=f"{rows[0]['users']:,} users took {rows[0]['step']}, {last['users']:,} of "
            f"them reached {last['step']} within 24 hours",
        )

    def _experiments(self, plan: Plan) -> Found:
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
        return Found(rows=rows, sentence=said)

    def _validity(self, plan: Plan, now: datetime) -> Found:
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
                rows.append(
                    {"experiment_id": one.experiment_id, "trust": found.trust, "detail": why}
                )
        names = ", ".join(str(row["experiment_id"]) for row in rows)
        said = f"cannot be trusted: {names}" if names and not plan.experiments else names
        if plan.experiments and rows:
            said = f"{rows[0]['experiment_id']}: {rows[0]['trust'].replace('_', ' ')}"
        return Found(
            rows=tuple(rows),
            sentence=said or "no running experiment is broken",
            advice=tuple(f"diagnose_experiment {row['experiment_id']}" for row in rows),
        )

    def _effect(self, plan: Plan, now: datetime) -> Found:
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
        return Found(rows=(row,), sentence=summarise(analysis), advice=recommend(analysis))

    def _recommend(self, plan: Plan, now: datetime) -> Found:
        if plan.experiments:
            from neonblue.intelligence.recommendation.improvement import improve

            steps = improve(self._store, self._memory(), plan.experiments[0], now=now).steps
            rows: Rows = tuple({"action": step.action, "detail": step.why} for step in steps)
        else:
            from neonblue.intelligence.recommendation.constraints import Constraints
            from neonblue.intelligence.recommendation.next_tests import recommend_next

            goal = plan.topic or "more conversions"
            found = recommend_next(
                self._store, self._memory(), goal, Constraints(), self._kinds(), limit=3
            )
            rows = tuple(
                {"action": f"test {one.idea.category}", "detail": one.idea.hypothesis}
                for one in found.ranked
            )
        said = "; ".join(str(row["action"]) for row in rows[:3])
        return Found(rows=rows, sentence=said, advice=tuple(str(row["action"]) for row in rows))


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
    said = f"nothing here is known as {unknown}" if unknown else reading.missing
    said = said or "it names nothing that is there"
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
