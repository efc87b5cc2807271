"""What moved: how often null worlds name a slice, and how often a true drop is named first.

python -m benchmarks.movement [--worlds 400]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.tables import share_text
from neonblue.stats.movement import Cells, Movement, Slice, in_slice, what_moved

SHARES = ((0.5, 0.2, 0.2, 0.1), (0.6, 0.33, 0.07), (0.6, 0.3, 0.1), (0.35, 0.3, 0.2, 0.1, 0.05))
MOBILE, DESKTOP = Slice(columns=(1,), values=(0,)), Slice(columns=(1,), values=(1,))
TABLET = Slice(columns=(1,), values=(2,))
PAIR = Slice(columns=(0, 1), values=(2, 0))


def world(
    rng: np.random.Generator,
    *,
    units: int,
    dropped: Slice | None = None,
    kept: float = 1.0,
    factor: float = 1.0,
    amounts: bool = False,
    related: bool = False,
) -> Cells:
    """Units with one to several events each, half of them in each period but for what changed."""
    codes = np.column_stack([rng.choice(len(p), units, p=p) for p in SHARES])
    if related:
        same = rng.random(units) < 0.7
        codes[same, 2] = np.minimum(codes[same, 1], 2)
    late = rng.random(units) < 0.5
    rate = np.where(late, factor, 1.0)
    if dropped is not None:
        rate = rate * np.where(late & in_slice(codes, dropped), kept, 1.0)
    heavy = rng.gamma(1.0, 1.0, units)
    first = rng.poisson(heavy * rate).astype(float)
    again = rng.poisson(0.2 * heavy * rate).astype(float)
    if amounts:
        first, again = (
            np.round(each * rng.lognormal(3.7, 0.6, units), 2) for each in (first, again)
        )
    now, before = np.where(late, first, again), np.where(late, again, first)
    before = before if dropped is None and factor == 1.0 else np.where(late, 0.0, before)
    now = now if dropped is None and factor == 1.0 else np.where(late, now, 0.0)
    return cells_of(codes, before, now)


def cells_of(codes: np.ndarray, before: np.ndarray, now: np.ndarray) -> Cells:
    """Units (n, properties) with their amounts, grouped by all properties."""
    values, index = np.unique(codes, axis=0, return_inverse=True)
    index = index.reshape(-1)

    def summed(each: np.ndarray) -> np.ndarray:
        return np.bincount(index, weights=each, minlength=len(values)).astype(float)

    return Cells(
        codes=values.astype(np.int64),
        before=summed(before),
        now=summed(now),
        before_squared=summed(before**2),
        now_squared=summed(now**2),
        product=summed(before * now),
    )


def first_named(found: Movement) -> Slice | None:
    """The slice named first."""
    return found.named[0].slice if found.named else None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worlds", type=int, default=400)
    worlds = parser.parse_args().worlds
    print("| null world | names nothing, % |\n|---|---|")
    for text, settings in NULLS:
        quiet = sum(
            not what_moved(world(np.random.default_rng([1, seed]), **settings)).named
            for seed in range(worlds)
        )
        print(f"| {text} | {share_text(quiet, worlds)} |")
    print(
        "\n| what changed | named first, % | nothing named, % | more named, % |\n|---|---|---|---|"
    )
    for text, where, settings in CHANGES:
        found = [
            what_moved(world(np.random.default_rng([2, seed]), dropped=where, **settings))
            for seed in range(worlds)
        ]
        first = sum(first_named(one) == where for one in found)
        none = sum(not one.named for one in found)
        more = sum(len(one.named) > 1 for one in found)
        print(
            f"| {text} | {share_text(first, worlds)} | {share_text(none, worlds)} |"
            f" {share_text(more, worlds)} |"
        )


NULLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("2,000 units, counts", {"units": 2_000}),
    ("20,000 units, counts", {"units": 20_000}),
    ("20,000 units, all fell by 30 %", {"units": 20_000, "factor": 0.7}),
    ("20,000 units, amounts of money", {"units": 20_000, "amounts": True}),
    ("20,000 units, two properties related", {"units": 20_000, "related": True}),
)
CHANGES: tuple[tuple[str, Slice, dict[str, Any]], ...] = (
    ("a property's largest value fell by 30 %", MOBILE, {"units": 20_000, "kept": 0.7}),
    ("its second fell by 30 %", DESKTOP, {"units": 20_000, "kept": 0.7}),
    ("its smallest (7 %) fell by half", TABLET, {"units": 20_000, "kept": 0.5}),
    ("one pair (12 %) fell by half", PAIR, {"units": 20_000, "kept": 0.5}),
    ("the largest rose by half", MOBILE, {"units": 20_000, "kept": 1.5}),
    ("the largest fell by 30 %, money", MOBILE, {"units": 20_000, "kept": 0.7, "amounts": True}),
    ("the largest fell by 30 %, related", MOBILE, {"units": 20_000, "kept": 0.7, "related": True}),
    ("the largest fell by 15 %, 5,000 units", MOBILE, {"units": 5_000, "kept": 0.85}),
)


if __name__ == "__main__":
    main()
