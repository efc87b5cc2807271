"""False ships where units are replaced, chosen or counted twice after results were read.

``python -m benchmarks.replaced_units [--small]``. Null worlds of conversions, judged by the
sequence of an analysis at the alpha that is left. "before" is what was decided when the units
behind an experiment were not compared with those that had been read.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.tables import markdown, share_text, write_section
from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.registration import error_left
from neonblue.models import MetricSummary
from neonblue.stats.comparison import InsufficientData, compare

ALPHA = 0.05
RATE = 0.2
LOOKS = 10
STARTS = 10
PLANNED = 2_000
A_SEGMENT = 1_000
DAYS = 10


def _ships(control: int, treatment: int, n: int, *, planned: int, alpha: float) -> bool:
    """Whether ``n`` units a variant, of ``planned`` in total, ship at this look."""
    horizon = Horizon(
        planned_n=planned,
        maximum_n=None,
        alpha=alpha,
        smallest_share=0.5,
        nonnegative=True,
        proportion=True,
    )
    found = compare(_summary(n, control), _summary(n, treatment), kind="proportion")
    if isinstance(found, InsufficientData):
        return False
    look = horizon.sequence(found)
    return look.available and look.estimate > 0.0 and look.p_value <= alpha


def _summary(n: int, count: int) -> MetricSummary:
    mean = count / n
    return MetricSummary(n=n, mean=mean, variance=mean * (1.0 - mean))


def replaced(rng: np.random.Generator, *, now: bool) -> bool:
    """Ten files of new units under one id, each watched until twice the plan."""
    step = PLANNED // LOOKS
    for start in range(STARTS):
        alpha = error_left(ALPHA, earlier=start if now else 0)
        counts = rng.binomial(step, RATE, (LOOKS, 2)).cumsum(axis=0)
        for look, (control, treatment) in enumerate(counts.tolist(), start=1):
            if _ships(control, treatment, look * step, planned=PLANNED, alpha=alpha):
                return True
    return False


def chosen(segments: int) -> Callable[..., bool]:
    """The luckiest of many segments, loaded alone under another id with its size as the plan."""

    def luckiest(rng: np.random.Generator, *, now: bool) -> bool:
        n = A_SEGMENT // 2
        counts = rng.binomial(n, RATE, (segments, 2))
        control, treatment = counts[np.argmax(counts[:, 1] - counts[:, 0])].tolist()
        alpha = error_left(ALPHA, earlier=1)
        # What is some of the units that were read is exploratory now, and ships nothing.
        return not now and _ships(control, treatment, n, planned=A_SEGMENT, alpha=alpha)

    return luckiest


def doubled(rng: np.random.Generator, *, now: bool) -> bool:
    """A growing export with new ids each day, loaded beside those of the days before."""
    step = PLANNED // DAYS // 2
    counts = rng.binomial(step, RATE, (DAYS, 2)).cumsum(axis=0)
    stored = counts.cumsum(axis=0)
    units = (np.arange(1, DAYS + 1) * step).cumsum()
    for day, (control, treatment) in enumerate(stored.tolist()):
        if now and day:  # the check copied_units withholds effects
            return False
        n = int(units[day])
        if _ships(control, treatment, n, planned=PLANNED, alpha=ALPHA):
            return True
    return False


WORLDS: tuple[tuple[str, Callable[..., bool]], ...] = (
    ("ten files of new units under one id, one after the other", replaced),
    ("the luckiest of 8 segments, loaded alone", chosen(8)),
    ("the luckiest of 50 segments, loaded alone", chosen(50)),
    ("the luckiest of 200 segments, loaded alone", chosen(200)),
    ("ten daily exports with new ids, loaded side by side", doubled),
)


def table(worlds: int) -> str:
    """A row a road."""
    rows = []
    for seed, (name, world) in enumerate(WORLDS):
        shares = []
        for now in (False, True):
            rng = np.random.default_rng(90 + seed)
            hits = sum(world(rng, now=now) for _ in range(worlds))
            shares.append(share_text(hits, worlds))
        rows.append([name, *shares])
    return markdown(["null world", "ship before, %", "ship now, %"], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    small = parser.parse_args().small
    worlds = 50 if small else 1_000
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("replaced-units", f"{worlds:,} worlds a row, 95 % intervals.\n\n{text}")


if __name__ == "__main__":
    main()
