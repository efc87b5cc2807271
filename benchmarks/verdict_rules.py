"""How often the verdict's rules are wrong: harm over many metrics, and an effect that is gone.

``python -m benchmarks.verdict_rules [--small]``. Scores are drawn as a Brownian motion in the units
that came, 40 looks up to the plan. Before: every metric alarmed by itself, and the least p over
all looks shipped as long as the estimate was above 0. Now: harm has one error over everything that
may raise it, and only the current look ships, unless an earlier one contradicts it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.one_look import interval
from benchmarks.tables import markdown, write_section
from neonblue.stats.effect_change import EarlierLook, change_since_looks, fade_limit
from neonblue.stats.sequential_boundary import plan_critical_value, plan_p_value
from neonblue.stats.verdict_adjusted import harm_p_values
from neonblue.stats.verdict_evidence import MetricEvidence, Progress

PLANNED = 40_000.0
LOOKS = 40
ALPHA = 0.05
FIRST_SHIP = 10
SPLITS = (0.25, 0.5, 0.75)
FAMILIES = ((1, 0, 1), (1, 5, 1), (1, 2, 5), (1, 7, 5))
"""Primary metrics, guardrails, treatments."""


def scores(
    worlds: int, comparisons: int, rng: np.random.Generator, drift: float = 0.0
) -> np.ndarray:
    """z (worlds, looks, comparisons); ``drift`` is the expected z of the first at the plan."""
    steps = rng.standard_normal((worlds, LOOKS, comparisons)) / np.sqrt(LOOKS)
    steps[:, :, 0] += drift / LOOKS
    shares = np.arange(1, LOOKS + 1) / LOOKS
    return np.asarray(np.cumsum(steps, axis=1) / np.sqrt(shares)[None, :, None])


def p_values(z: np.ndarray) -> np.ndarray:
    """Two-sided anytime-valid p of each look, shape as ``z``."""
    found = np.empty_like(z)
    for look in range(LOOKS):
        n = PLANNED * (look + 1) / LOOKS
        found[:, look] = plan_p_value(z[:, look].ravel(), n, planned_n=PLANNED).reshape(
            z[:, look].shape
        )
    return found


def least_harm(z: float, family: tuple[int, int, int], index: int, p_value: float) -> float:
    """The adjusted harm p of one comparison beside others that show nothing."""
    primary, guardrails, treatments = family
    roles = ["primary"] * primary * treatments + ["guardrail"] * guardrails * treatments
    evidence = [
        MetricEvidence(
            metric=str(number),
            variant="treatment",
            role=role,  # type: ignore[arg-type]
            estimate=z if number == index else 0.1,
            standard_error=1.0,
            ci_lower=-1.0,
            ci_upper=1.0,
            p_value=p_value if number == index else 1.0,
        )
        for number, role in enumerate(roles)
    ]
    return harm_p_values(evidence)[str(index), "treatment"]


def alarms(family: tuple[int, int, int], worlds: int, seed: int) -> list[list[str]]:
    """False alarms before and now, and how much longer harm on the first primary stays unseen."""
    primary, guardrails, treatments = family
    count = (primary + guardrails) * treatments
    rng = np.random.default_rng(seed)
    z = scores(worlds, count, rng)
    harmful = z < 0
    p = p_values(z)
    limits = np.array([_largest_p(family, index) for index in range(count)])
    before = (harmful & (p <= ALPHA)).any(axis=(1, 2)).sum()
    now = (harmful & (p <= limits)).any(axis=(1, 2)).sum()
    harmed = scores(worlds, 1, rng, drift=-4.0)
    own = p_values(harmed)[:, :, 0]
    first = [_first(own <= limit) for limit in (ALPHA, limits[0], limits[-1])]
    rows = [f"{primary} + {guardrails}", str(treatments)]
    rows += [interval(int(before), worlds), interval(int(now), worlds)]
    rows += [f"{first[1] / first[0]:.2f}x", f"{first[2] / first[0]:.2f}x"]
    return [rows]


def _largest_p(family: tuple[int, int, int], index: int) -> float:
    """The two-sided p at which one comparison alone alarms, by bisection."""
    low, high = 0.0, ALPHA
    if least_harm(-1.0, family, index, high) <= ALPHA:
        return high
    for _ in range(30):
        middle = 0.5 * (low + high)
        fires = least_harm(-1.0, family, index, middle) <= ALPHA
        low, high = (middle, high) if fires else (low, middle)
    return low


def _first(fires: np.ndarray) -> float:
    """Median look at which something is seen; never counts as one look more."""
    looks = np.where(fires.any(axis=1), fires.argmax(axis=1) + 1, LOOKS + 1)
    return float(np.mean(looks))


def gone(share: float, size: float, worlds: int, seed: int) -> list[str]:
    """Ships of an effect that only the first ``share`` of units had, before and now."""
    rng = np.random.default_rng(seed)
    fading = int(share * LOOKS)
    shares = np.arange(1, LOOKS + 1) / LOOKS
    steps = rng.standard_normal((worlds, LOOKS)) / np.sqrt(LOOKS)
    steps[:, :fading] += size / np.sqrt(LOOKS * fading)
    z = np.cumsum(steps, axis=1) / np.sqrt(shares)
    p = p_values(z[:, :, None])[:, :, 0]
    before = now = 0
    for world in range(worlds):
        least = np.minimum.accumulate(p[world])
        before += bool(((least <= ALPHA) & (z[world] > 0))[FIRST_SHIP:].any())
        now += _ships(z[world], p[world])
    return [f"{100 * share:.0f} %", f"{size:g}", interval(before, worlds), interval(now, worlds)]


def _ships(z: np.ndarray, p: np.ndarray) -> bool:
    looks: list[EarlierLook] = []
    for look in range(LOOKS):
        n = PLANNED * (look + 1) / LOOKS
        width = float(plan_critical_value(n, planned_n=PLANNED))
        error = n**-0.5
        item = MetricEvidence(
            metric="purchase",
            variant="treatment",
            role="primary",
            estimate=float(z[look]) * error,
            standard_error=error,
            ci_lower=(float(z[look]) - width) * error,
            ci_upper=(float(z[look]) + width) * error,
            p_value=float(p[look]),
        )
        progress = Progress(n=n, planned_n=PLANNED)
        if look >= FIRST_SHIP and p[look] <= ALPHA and z[look] > 0:
            change = change_since_looks(item, looks, progress=progress, alpha=ALPHA)
            if (change is None or change.lasting) and not _fades(z[: look + 1]):
                return True
        looks.append(
            EarlierLook(
                label="",
                units=n,
                estimate=item.estimate,
                ci_lower=item.ci_lower,
                ci_upper=item.ci_upper,
            )
        )
    return False


def _fades(z: np.ndarray) -> bool:
    """Whether late units no longer show the effect, at a quarter, half and three quarters."""
    n = z.size
    splits = [max(1, round(n * share)) for share in SPLITS]
    sums = z * np.sqrt(np.arange(1, n + 1))
    scores = [
        (sums[k - 1] / k - (sums[-1] - sums[k - 1]) / (n - k)) / np.sqrt(1 / k + 1 / (n - k))
        for k in splits
    ]
    return bool(max(scores) > fade_limit(len(scores)))


def table(worlds: int) -> str:
    """Both tables."""
    harm = [row for i, family in enumerate(FAMILIES) for row in alarms(family, worlds, 60 + i)]
    header = ["metrics (primary + guardrails)", "treatments", "before: false alarm %", "now %"]
    header += ["looks to see harm: primary", "last guardrail"]
    early = [
        gone(share, size, max(100, worlds // 4), seed=80 + i)
        for i, (share, size) in enumerate([(0.1, 5.0), (0.2, 4.0), (0.2, 6.0), (0.4, 5.0)])
    ]
    columns = ["units with the effect", "z among them", "before: ships %", "now %"]
    return f"{markdown(header, harm)}\n\n{markdown(columns, early)}"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    small = parser.parse_args().small
    worlds = 400 if small else 4_000
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("verdict-rules", f"{worlds:,} worlds a row, 95 % intervals.\n\n{text}")


if __name__ == "__main__":
    main()
