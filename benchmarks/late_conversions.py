"""False calls of experiments that are watched while conversions still come, in null worlds.

``python -m benchmarks.late_conversions [--small]``. Units come at once, in a week or steadily, and
convert days later. Each is judged at 720 looks, one an hour for thirty days: harm at every look,
success from the minimum duration on. "units" is a boundary in units, "information" what an analysis
does. N* is the number of units. Power is that of an effect which one look at N*, with every
conversion in, would find in 80 %; "at the end" is what the last look says by itself.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import markdown, write_section
from neonblue.stats.sequential import burn_in_units, pooled_standard_error
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.sequential_limits import LEAST_EFFECTIVE_UNITS, effective_units, log_margins
from neonblue.stats.sequential_time import (
    SETTLED_FRACTION,
    UnitInformation,
    sequence_time,
    unit_information,
)

Array = NDArray[np.float64]
HOURS = 720
MINIMUM_HOURS = 168
ALPHA = 0.05
CHUNK = 100
LEAST_CRITICAL = 2.25
"""No rule's critical value is less, so that nothing has to be known below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``units`` a variant come in ``arrival_hours``, of whom ``rate`` convert in the end.

    ``delay_days`` is the mean of an exponential delay; infinite is uniform over the thirty days.
    ``spread`` of a lognormal value makes it revenue, NaN a proportion. ``window_days`` is the
    attribution window. ``maximum_ratio`` is the maximum over the plan.
    """

    name: str
    rate: float
    arrival_hours: int = 1
    delay_days: float = 0.0
    units: int = 10_000
    spread: float = math.nan
    maximum_ratio: float = 2.0
    window_days: float | None = None

    @property
    def planned_n(self) -> float:
        return 2.0 * self.units


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Cumulative figures at every hour: units (hours,), sums and squares (runs, hours)."""

    units: Array
    sums: Array
    squares: Array

    @property
    def moments(self) -> tuple[Array, Array]:
        """Mean and variance of one unit."""
        mean = self.sums / self.units
        spread = np.maximum(self.squares / self.units - mean * mean, 0.0)
        return mean, spread * self.units / np.maximum(self.units - 1.0, 1.0)


def simulate(world: World, rate: float, *, runs: int, rng: np.random.Generator) -> Watched:
    """One variant of ``runs`` experiments."""
    arrivals = np.diff(np.floor(np.linspace(0, world.units, world.arrival_hours + 1)))
    cohort = np.zeros(HOURS)
    cohort[: world.arrival_hours] = arrivals
    converted = rng.binomial(cohort.astype(int), rate, (runs, HOURS))
    axes = np.indices(converted.shape).reshape(2, -1)
    run, hour = (np.repeat(axis, converted.ravel()) for axis in axes)
    delay = _delays(world, run.size, rng)
    at = hour + np.floor(delay).astype(int)
    seen = at < HOURS
    if world.window_days is not None:
        seen &= delay < 24.0 * world.window_days
    spread = 0.0 if math.isnan(world.spread) else world.spread
    value = rng.lognormal(0.0, spread, run.size)
    cell = (run * HOURS + at)[seen]
    sums, squares = (
        np.bincount(cell, value[seen] ** power, runs * HOURS).reshape(runs, HOURS).cumsum(axis=1)
        for power in (1, 2)
    )
    return Watched(units=np.maximum(np.cumsum(cohort), 1.0), sums=sums, squares=squares)


def _delays(world: World, count: int, rng: np.random.Generator) -> Array:
    """Hours from exposure to conversion."""
    if math.isinf(world.delay_days):
        return rng.uniform(0.0, HOURS, count)
    return rng.exponential(24.0 * world.delay_days, count) if world.delay_days else np.zeros(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Shares of runs: success after the minimum duration, harm ever, success at the last look."""

    success: float
    harm: float
    at_the_end: float


def calls(world: World, *, lift: float, runs: int, seed: int) -> dict[str, Calls]:
    """What each rule calls in ``runs`` experiments with a relative ``lift``."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Array]] = {"units": [], "information": []}
    for _ in range(0, runs, CHUNK):
        pair = [
            simulate(world, rate, runs=CHUNK, rng=rng)
            for rate in (world.rate, world.rate * (1.0 + lift))
        ]
        for rule, counts in _judged(world, pair[0], pair[1]):
            found[rule].append(counts)
    return {rule: _calls(parts) for rule, parts in found.items()}


def _calls(parts: Sequence[Array]) -> Calls:
    success, harm, end = np.mean(parts, axis=0)
    return Calls(success=float(success), harm=float(harm), at_the_end=float(end))


def _judged(world: World, control: Watched, treatment: Watched) -> Iterator[tuple[str, Array]]:
    (m_c, v_c), (m_t, v_t) = control.moments, treatment.moments
    moments = {
        "n_control": control.units, "mean_control": m_c, "variance_control": v_c,
        "n_treatment": treatment.units, "mean_treatment": m_t, "variance_treatment": v_t,
    }  # fmt: skip
    error = pooled_standard_error(**{k: v for k, v in moments.items() if not k.startswith("mean")})
    n = control.units + treatment.units
    proportion = math.isnan(world.spread)
    ready = effective_units(**moments, proportion=proportion) >= LEAST_EFFECTIVE_UNITS
    ready &= (n >= burn_in_units(world.planned_n)) & (error > 0.0)
    margins = log_margins(**moments, nonnegative=True, proportion=proportion)
    late = np.arange(HOURS) >= MINIMUM_HOURS
    with np.errstate(invalid="ignore", divide="ignore"):
        near = ready & (np.abs(m_t - m_c) / error >= LEAST_CRITICAL)
    widths = {
        "units": _unit_widths(world, n, ready),
        "information": _widths(world, moments, ready, near),
    }
    for rule, width in widths.items():
        with np.errstate(invalid="ignore", divide="ignore"):
            below, above = margins.reach(np.where(ready, width, 1e6), error)
            success = ready & (m_t - m_c - below > 0.0)
            harm = ready & (m_t - m_c + above < 0.0)
        yield (
            rule,
            np.array(
                [
                    (success & late).any(axis=1).mean(),
                    harm.any(axis=1).mean(),
                    success[:, -1].mean(),
                ]
            ),
        )


def _unit_widths(world: World, n: Array, ready: Array) -> Array:
    maximum_n = world.maximum_ratio * world.planned_n
    width = [_width(float(one), float(one), world.planned_n, maximum_n) for one in n]
    return np.broadcast_to(np.array(width), ready.shape)


@lru_cache(maxsize=200_000)
def _width(plan_n: float, mixture_n: float, planned_n: float, maximum_n: float) -> float:
    found = plan_critical_value(
        plan_n, planned_n=planned_n, maximum_n=maximum_n, alpha=ALPHA, mixture_n=mixture_n
    )
    return float(found)


def _widths(world: World, moments: dict[str, Array], ready: Array, near: Array) -> Array:
    """The product's critical values, run by run, at the hours ``near`` enough to matter."""
    n = moments["n_control"] + moments["n_treatment"]
    early = np.arange(1, HOURS + 1) < max(MINIMUM_HOURS, 24.0 * (world.window_days or 0.0))
    settles = ready & ~early & (n >= SETTLED_FRACTION * world.planned_n)
    found = np.full(ready.shape, np.inf)
    for run in range(ready.shape[0]):
        first, settled = (
            (int(mask[run].argmax()), _information(world, moments, run, int(mask[run].argmax())))
            for mask in (ready, settles)
        )
        for hour in np.flatnonzero(near[run]):
            is_settled = settles[run].any() and hour >= settled[0]
            time_now = sequence_time(
                _information(world, moments, run, int(hour)),
                first=first[1],
                settled=settled[1] if is_settled else None,
                early=bool(early[hour]),
                planned_n=world.planned_n,
                maximum_n=world.maximum_ratio * world.planned_n,
                alpha=ALPHA,
            )
            found[run, hour] = _width(
                float(f"{time_now.plan_n:.4g}"),
                float(f"{time_now.mixture_n:.3g}"),
                world.planned_n,
                time_now.maximum_n or 2.0 * world.planned_n,
            )
    return found


def _information(world: World, moments: dict[str, Array], run: int, hour: int) -> UnitInformation:
    at = {
        name: float(values[hour] if values.ndim == 1 else values[run, hour])
        for name, values in moments.items()
    }
    now = unit_information(**at, nonnegative=True)
    ended = world.window_days is None and world.arrival_hours < (hour + 1) / 2
    return UnitInformation(n=now.n, information=now.information, units_ended=ended)


WORLDS: Sequence[World] = (
    World(name="at once, over 30 days, 1 %", rate=0.01, delay_days=math.inf),
    World(name="at once, over 30 days, 10 %", rate=0.10, delay_days=math.inf),
    World(name="at once, over 30 days, 50 %", rate=0.50, delay_days=math.inf),
    World(
        name="at once, over 30 days, 10 %, maximum = plan",
        rate=0.10, delay_days=math.inf, maximum_ratio=1.0,
    ),
    World(
        name="at once, over 30 days, 50 %, maximum = plan",
        rate=0.50, delay_days=math.inf, maximum_ratio=1.0,
    ),
    World(name="at once, after 5 days, 10 %", rate=0.10, delay_days=5.0),
    World(
        name="at once, after 5 days, 50 %, maximum = plan",
        rate=0.50, delay_days=5.0, maximum_ratio=1.0,
    ),
    World(
        name="at once, after 5 days, 10 %, window of 7 days",
        rate=0.10, delay_days=5.0, window_days=7.0,
    ),
    World(name="at once, revenue over 30 days", rate=0.10, delay_days=math.inf, spread=1.0),
    World(name="in a week, after 7 days, 10 %", rate=0.10, arrival_hours=168, delay_days=7.0),
    World(
        name="in a week, after 7 days, 50 %, maximum = plan",
        rate=0.50, arrival_hours=168, delay_days=7.0, maximum_ratio=1.0,
    ),
    World(name="in 15 days, after 5 days, 10 %", rate=0.10, arrival_hours=360, delay_days=5.0),
    World(name="steadily, at once, 1 %", rate=0.01, arrival_hours=720),
    World(name="steadily, at once, 10 %", rate=0.10, arrival_hours=720),
    World(
        name="steadily, at once, 10 %, maximum = plan",
        rate=0.10, arrival_hours=720, maximum_ratio=1.0,
    ),
    World(name="steadily, after 3 days, 10 %", rate=0.10, arrival_hours=720, delay_days=3.0),
    World(name="steadily, after 7 days, 10 %", rate=0.10, arrival_hours=720, delay_days=7.0),
    World(name="steadily, revenue", rate=0.10, arrival_hours=720, spread=1.0),
)  # fmt: skip


def powered_lift(world: World) -> float:
    """The lift whose expected z at N*, with every conversion in, is 2.8: power .80 of one look."""
    spread = 0.0 if math.isnan(world.spread) else world.spread
    variation = math.exp(spread * spread) / world.rate - 1.0
    return 2.8016 * math.sqrt(2.0 * variation / world.units)


def table(worlds: int, powers: int, seed: int = 20260501) -> str:
    """One row a world."""
    rows = []
    for index, world in enumerate(WORLDS):
        null = calls(world, lift=0.0, runs=worlds, seed=seed + index)
        real = calls(world, lift=powered_lift(world), runs=powers, seed=seed + 100 + index)
        errors = [f"{100 * n.success:.1f} / {100 * n.harm:.1f}" for n in null.values()]
        power = [f"{100 * n.success:.0f} ({100 * n.at_the_end:.0f})" for n in real.values()]
        rows.append([world.name, *errors, *power])
        print(rows[-1], flush=True)
    header = ["units come, convert", "units: false success / harm, %", "information: the same"]
    return markdown([*header, "power in units, % (at the end)", "power in information"], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    worlds, powers = (200, 100) if small else (2_000, 500)
    began = time.perf_counter()
    text = table(worlds, powers)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        precision = f"{worlds:,} null worlds a row: 2.5 is known to 1.9 to 3.3. "
        write_section(
            "late-conversions",
            f"{precision}Power from {powers} worlds, known to 4 points.\n\n{text}",
        )


if __name__ == "__main__":
    main()
