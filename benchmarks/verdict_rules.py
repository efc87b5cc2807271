"""The verdict's rules in worlds that used to fool it, before and after.

``python -m benchmarks.verdict_rules [--small]`` writes the tables to docs/statistics-sequential.md.
Scores are Brownian motions in units (the limit of every metric), judged at 100 looks up to twice
the plan by the product's own functions. "before" is the rule of ADR 0004: the least p over looks,
no correction over harm alarms, what has no interval left out.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import markdown, share_text, write_section
from neonblue.stats.effect_change import EarlierLook, change_since_looks, fade_limit
from neonblue.stats.sequential_boundary import plan_critical_value, plan_p_value
from neonblue.stats.verdict import MetricEvidence, Progress, decide
from neonblue.stats.verdict_adjusted import harm_p_values
from neonblue.stats.verdict_evidence import EffectChange, EffectPart

Array = NDArray[np.float64]
ALPHA, PLANNED, LOOKS = 0.05, 100_000.0, 100
DRIFT = 2.8
"""z of the planned effect at the plan: what a single look finds in 80 of 100 experiments."""
TIME = np.arange(1, LOOKS + 1) * 2.0 / LOOKS
UNITS = TIME * PLANNED
WIDTH = np.asarray(plan_critical_value(UNITS, planned_n=PLANNED, alpha=ALPHA))
SPLITS = (0.25, 0.5, 0.75)
CHUNK = 500
SHARED_CONTROL, BETWEEN_METRICS = 0.5, 0.3


def motions(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Brownian motions over ``TIME``, along the last axis."""
    steps = rng.standard_normal((*shape, LOOKS)) * math.sqrt(TIME[0])
    return np.cumsum(steps, axis=-1)


def fading_z(motion: Array, at: int) -> Array:
    """Largest z, over the splits, of an effect that was stronger early; after ``at`` + 1 looks."""
    end = motion[:, at]
    scores = []
    for share in SPLITS:
        cut = max(0, round(share * (at + 1)) - 1)
        early, late = TIME[cut], TIME[at] - TIME[cut]
        difference = motion[:, cut] / early - (end - motion[:, cut]) / late
        scores.append(difference / math.sqrt(1 / early + 1 / late))
    return np.max(scores, axis=0)


def p_values(motion: Array) -> Array:
    """Two-sided anytime-valid p of every look."""
    z = motion / np.sqrt(TIME)
    found = [
        plan_p_value(z[..., i], float(UNITS[i]), planned_n=PLANNED, alpha=ALPHA)
        for i in range(LOOKS)
    ]
    return np.stack(found, axis=-1)


def final_decisions(motion: Array, at: int) -> list[str]:
    """What ``decide`` says at one look, when every look before it is in the ledger."""
    estimates, errors = motion / TIME, 1.0 / np.sqrt(TIME)
    lower, upper = estimates - WIDTH * errors, estimates + WIDTH * errors
    p_now = p_values(motion)[:, at]
    faded = fading_z(motion, at) > fade_limit(len(SPLITS))
    units = float(UNITS[at])
    progress = Progress(n=units, planned_n=PLANNED, finished=True)
    found = []
    for run in range(len(motion)):
        item = MetricEvidence(
            metric="m", variant="B", role="primary", estimate=float(estimates[run, at]),
            standard_error=float(errors[at]), ci_lower=float(lower[run, at]),
            ci_upper=float(upper[run, at]), p_value=float(p_now[run]),
        )  # fmt: skip
        extremes = (int(lower[run, :at].argmax()), int(upper[run, :at].argmin()))
        looks = [
            EarlierLook(
                label="", units=float(UNITS[i]), estimate=float(estimates[run, i]),
                ci_lower=float(lower[run, i]), ci_upper=float(upper[run, i]),
            )
            for i in extremes
        ]  # fmt: skip
        change = change_since_looks(item, looks, progress=progress, alpha=ALPHA)
        found.append(verdict_of(item, change, faded=bool(faded[run]), progress=progress))
    return found


def verdict_of(
    item: MetricEvidence, change: EffectChange | None, *, faded: bool, progress: Progress
) -> str:
    """The decision, with the late units asked where it would ship."""
    from dataclasses import replace

    found = decide([replace(item, change=change)], checks=(), progress=progress, alpha=ALPHA)
    if found.decision == "ship" and faded:
        part = EffectPart(label="", estimate=0.0, ci_lower=-math.inf, ci_upper=math.inf)
        gone = EffectChange(grade="changed", before=part, since=part)
        found = decide([replace(item, change=gone)], checks=(), progress=progress, alpha=ALPHA)
    return found.decision


def early_effects(runs: int, seed: int) -> str:
    """Worlds with an effect that ends: how many end in ship, at the plan and at twice the plan."""
    rows = []
    worlds = [(0.2, 4.0), (0.2, 8.0), (0.3, 4.0), (0.5, 2.0), (0.5, 3.0), (1.0, 1.0), (1.0, 0.0)]
    rng = np.random.default_rng(seed)
    for until, size in worlds:
        for end in (1.0, 2.0):
            at = int(end * LOOKS / 2) - 1
            motion = motions(rng, (runs,)) + DRIFT * size * np.minimum(TIME, until * end)
            least = p_values(motion)[:, : at + 1].min(axis=1)
            before = int(((least <= ALPHA) & (motion[:, at] > 0)).sum())
            after = final_decisions(motion, at)
            lasting = until == 1.0
            name = f"{size:g} x planned" + ("" if lasting else f", first {until:.0%} of the units")
            name = "no effect" if size == 0.0 else name + (", all the time" if lasting else "")
            rows.append(
                [
                    name,
                    f"{end:g} x plan",
                    share_text(before, runs),
                    share_text(after.count("ship"), runs),
                ]
            )
            print(rows[-1], flush=True)
    return markdown(["effect", "ends at", "ship before, %", "ship now, %"], rows)


def power(runs: int, seed: int) -> str:
    """A constant planned effect: shipped at some look up to the plan, and up to twice the plan."""
    motion = motions(np.random.default_rng(seed), (runs,)) + DRIFT * TIME
    better = motion / np.sqrt(TIME) >= WIDTH
    firm = better.copy()
    for at in range(4, LOOKS):
        firm[:, at] &= fading_z(motion, at) <= fade_limit(len(SPLITS))
    rows = []
    for name, ships in (("before", better), ("now", firm)):
        halves = [int(ships[:, : LOOKS // 2].any(axis=1).sum()), int(ships.any(axis=1).sum())]
        rows.append([name, *(share_text(hits, runs) for hits in halves)])
    return markdown(["rule", "ship by the plan, %", "ship by 2 x plan, %"], rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What can raise the alarm: treatments, primary metrics and guardrails of each."""

    treatments: int
    primaries: int
    guardrails: int

    @property
    def name(self) -> str:
        words = f"{self.primaries} primary + {self.guardrails} guardrails"
        return words if self.treatments == 1 else f"{self.treatments} treatments x ({words})"

    @property
    def factors(self) -> Array:
        """Adjusted harm p over the two-sided p, by (treatment, metric), as the product has it."""
        roles = ["primary"] * self.primaries + ["guardrail"] * self.guardrails
        probe = 1e-9
        evidence = [
            MetricEvidence(
                metric=f"m{j}",
                variant=f"t{i}",
                role=role,
                estimate=-1.0,
                standard_error=0.1,
                ci_lower=-2.0,
                ci_upper=-0.5,
                p_value=probe if (i, j) == key else 1.0,
            )
            for key in self.keys
            for i, j in self.keys
            for role in [roles[j]]
        ]
        size = len(self.keys)
        found = [
            harm_p_values(evidence[k * size : (k + 1) * size])[f"m{j}", f"t{i}"] / probe
            for k, (i, j) in enumerate(self.keys)
        ]
        return np.array(found).reshape(self.treatments, -1)

    @property
    def keys(self) -> list[tuple[int, int]]:
        metrics = self.primaries + self.guardrails
        return [(i, j) for i in range(self.treatments) for j in range(metrics)]


FAMILIES = (
    Family(treatments=1, primaries=1, guardrails=0),
    Family(treatments=1, primaries=1, guardrails=5),
    Family(treatments=5, primaries=1, guardrails=2),
    Family(treatments=5, primaries=1, guardrails=7),
)


def family_motion(rng: np.random.Generator, family: Family, runs: int, correlated: bool) -> Array:
    """Null scores (runs, treatments, metrics, looks), with one control for all treatments."""
    metrics = family.primaries + family.guardrails
    between = BETWEEN_METRICS if correlated else 0.0
    whole = [
        motions(rng, shape) for shape in ((runs, 1, metrics), (runs, family.treatments, metrics))
    ]
    common = [motions(rng, shape) for shape in ((runs, 1, 1), (runs, family.treatments, 1))]
    control, treated = (
        math.sqrt(1 - between) * own + math.sqrt(between) * shared
        for own, shared in zip(whole, common, strict=True)
    )
    return (treated - control) * math.sqrt(SHARED_CONTROL)


def false_alarms(runs: int, seed: int) -> str:
    """Null worlds in which some look says rollback, up to twice the plan."""
    rows = []
    for family in FAMILIES:
        for correlated in (False, True):
            rng, hits = np.random.default_rng(seed), np.zeros(2, dtype=int)
            for _ in range(0, runs, CHUNK):
                motion = family_motion(rng, family, CHUNK, correlated)
                p = np.where(motion < 0, p_values(motion), 1.0)
                now = p * family.factors[None, :, :, None] <= ALPHA
                hits += [int((x).any(axis=(1, 2, 3)).sum()) for x in (p <= ALPHA, now)]
            kind = "correlated 0.3" if correlated else "independent"
            rows.append([family.name, kind, *(share_text(int(h), runs) for h in hits)])
            print(rows[-1], flush=True)
    return markdown(["what can alarm", "metrics", "rollback before, %", "rollback now, %"], rows)


def detection(runs: int, seed: int) -> str:
    """Mean units, over the plan, until one harmed metric (the others null) is rolled back."""
    rows = []
    motion = motions(np.random.default_rng(seed), (runs,))
    for family in (*FAMILIES[:1], Family(treatments=1, primaries=1, guardrails=1), *FAMILIES[1:]):
        roles = {"primary": 0} | ({"guardrail": -1} if family.guardrails else {})
        for role, index in roles.items():
            shown = []
            for size in (1.0, 2.0):
                p = p_values(motion + DRIFT * size * TIME)
                p = np.where(motion + DRIFT * size * TIME > 0, p, 1.0)
                times = [
                    mean_time(p * factor <= ALPHA) for factor in (1.0, family.factors[0, index])
                ]
                shown += [f"{times[0]:.2f} / {times[1]:.2f} ({times[1] / times[0] - 1:+.0%})"]
            rows.append([family.name, role, *shown])
    header = [
        "what can alarm",
        "harmed",
        "planned effect: before / now",
        "twice that: before / now",
    ]
    return markdown(header, rows)


def mean_time(alarms: Array) -> float:
    """Mean time of the first alarm; twice the plan where there is none."""
    first = np.where(alarms.any(axis=1), TIME[alarms.argmax(axis=1)], TIME[-1])
    return float(first.mean())


def unmeasured(runs: int, seed: int) -> str:
    """A winner of 2 x the planned effect whose guardrail has no event at all, at the plan."""
    motion = motions(np.random.default_rng(seed), (runs,)) + 2 * DRIFT * TIME
    at, counts = LOOKS // 2 - 1, [0, 0]
    progress = Progress(n=float(UNITS[at]), planned_n=PLANNED, finished=True)
    p_now = p_values(motion)[:, at]
    for run in range(runs):
        estimate = float(motion[run, at] / TIME[at])
        half = float(WIDTH[at] / math.sqrt(TIME[at]))
        item = MetricEvidence(
            metric="m", variant="B", role="primary", estimate=estimate, standard_error=1.0,
            ci_lower=estimate - half, ci_upper=estimate + half, p_value=float(p_now[run]),
        )  # fmt: skip
        lost = MetricEvidence(
            metric="latency", variant="B", role="guardrail", estimate=math.nan, margin=0.1,
            standard_error=math.nan, ci_lower=-math.inf, ci_upper=math.inf, p_value=1.0,
        )  # fmt: skip
        for index, evidence in enumerate(([item], [item, lost])):
            found = decide(evidence, checks=(), progress=progress, alpha=ALPHA)
            counts[index] += found.decision == "ship"
    rows: Sequence[Sequence[str]] = [[share_text(count, runs) for count in counts]]
    return markdown(["ship before, %", "ship now, %"], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 500 if small else 4_000
    parts = [
        f"{runs:,} worlds a row, 95 % intervals in brackets.\n\n"
        f"An effect that ends, and one that stays:\n\n{early_effects(runs, 1)}",
        f"Power for the planned effect, constant, looked at every 2 % of the plan:\n\n"
        f"{power(5 * runs, 2)}",
        f"A guardrail without any event:\n\n{unmeasured(runs, 3)}",
        f"False alarms of harm, no effect anywhere, any look up to twice the plan:\n\n"
        f"{false_alarms(runs, 4)}",
        f"Time to roll back one harmed metric, mean n / plan (at most 2):\n\n{detection(runs, 5)}",
    ]
    text = "\n\n".join(parts)
    print(text)
    if not small:
        write_section("verdict-rules", text)


if __name__ == "__main__":
    main()
