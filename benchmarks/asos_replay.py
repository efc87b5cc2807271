"""Real experiments again, snapshot by snapshot: what each rule called early, and what stood.

``python -m benchmarks.asos_replay [--small]`` reads the ASOS Digital Experiments data set from
``$NEONBLUE_SHARED/data/asos`` (or ``../shared``). The plan N* of a series is its units at the end.
A call is the first snapshot at which the rule's interval excludes zero; the end overturns it when
the textbook interval of the last snapshot does not exclude zero on the same side.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.error_rates import Array
from benchmarks.tables import markdown, write_section
from neonblue.stats.sequential import burn_in_units, pooled_standard_error
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.sequential_mixture import (
    critical_value,
    fixed_critical_value,
    tuned_variance,
)
from neonblue.stats.srm import sequential_srm_test

ALPHA = 0.05
MISMATCH_P = 0.001
RULES = ("naive", "mixture", "plan")
SHOWN = {"naive": "naive z", "mixture": "mixture", "plan": "plan boundary (product)"}
Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One metric of one variant over time, cumulative, oldest first; arrays (snapshots,)."""

    key: Key
    n_control: Array
    n_treatment: Array
    z: Array
    """The usual z, variances apart."""
    safe_z: Array
    """With the standard error that the product uses."""

    @property
    def n(self) -> Array:
        return self.n_control + self.n_treatment


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of one series. ``called_at`` is a snapshot's number, None when never called."""

    key: Key
    snapshots: int
    end_sign: int
    """Of the textbook interval at the end; 0 when it covers zero."""
    called_at: Mapping[str, int | None]
    called_sign: Mapping[str, int]
    called_fraction: Mapping[str, float]

    def early(self, rule: str) -> bool:
        """Whether the call came before the last snapshot."""
        at = self.called_at[rule]
        return at is not None and at < self.snapshots - 1

    def overturned(self, rule: str) -> bool:
        """Whether the end takes an early call back."""
        return self.early(rule) and self.called_sign[rule] != self.end_sign


def shared_folder() -> Path:
    """Where the public data sets are."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("NEONBLUE_SHARED", beside))


def read(folder: Path) -> list[Series]:
    """Every series of the data set, in order of its key."""
    from pyarrow import parquet

    rows = parquet.read_table(folder / "data" / "asos" / "snapshots.parquet").to_pandas()
    rows = rows.dropna(subset=["count_c", "count_t", "mean_c", "mean_t"])
    keys = ["experiment_id", "variant_id", "metric_id"]
    series = (
        series_of(key, {name: part[name].to_numpy() for name in part.columns})
        for key, part in rows.sort_values("time_since_start").groupby(keys)
    )
    return [item for item in series if item is not None]


def series_of(key: Key, columns: Mapping[str, Array]) -> Series | None:
    """One series; snapshots where both variances are zero say nothing and are left out."""
    usable = (columns["count_c"] > 1) & (columns["count_t"] > 1)
    usable &= columns["variance_c"] + columns["variance_t"] > 0
    if not usable.any():
        return None
    n_c, n_t, v_c, v_t, m_c, m_t = (
        columns[name][usable].astype(float)
        for name in ("count_c", "count_t", "variance_c", "variance_t", "mean_c", "mean_t")
    )
    safe = pooled_standard_error(
        n_control=n_c, variance_control=v_c, n_treatment=n_t, variance_treatment=v_t
    )
    z = (m_t - m_c) / np.sqrt(v_c / n_c + v_t / n_t)
    return Series(
        key=key, n_control=n_c, n_treatment=n_t, z=z, safe_z=(m_t - m_c) / np.asarray(safe)
    )


def limits(series: Series) -> dict[str, Array]:
    """Critical z by rule and snapshot."""
    n, planned_n = series.n, float(series.n[-1])
    share = float(series.n_treatment[-1] / planned_n)
    early = n < burn_in_units(planned_n, smallest_share=min(share, 1 - share))
    plan = plan_critical_value(n, planned_n=planned_n, alpha=ALPHA)
    r = n * tuned_variance(planned_n=planned_n, alpha=ALPHA)
    return {
        "naive": np.full(n.shape, fixed_critical_value(alpha=ALPHA)),
        "mixture": np.where(early, np.inf, critical_value(r, alpha=ALPHA)),
        "plan": np.where(early, np.inf, plan),
    }


def replay(series: Series) -> Replay:
    """The first call of each rule, and the end."""
    at: dict[str, int | None] = {}
    signs, fractions = {}, {}
    for rule, limit in limits(series).items():
        z = series.z if rule == "naive" else series.safe_z
        passed = np.abs(z) >= limit
        first = int(passed.argmax())
        at[rule] = first if passed.any() else None
        signs[rule] = int(np.sign(z[first])) if passed.any() else 0
        fractions[rule] = float(series.n[first] / series.n[-1])
    last = float(series.z[-1])
    end_sign = int(np.sign(last)) if abs(last) >= fixed_critical_value(alpha=ALPHA) else 0
    return Replay(
        key=series.key,
        snapshots=series.n.size,
        end_sign=end_sign,
        called_at=at,
        called_sign=signs,
        called_fraction=fractions,
    )


def summary(replays: Sequence[Replay]) -> str:
    """One row a rule over all series."""
    rows = []
    for rule in RULES:
        early = [item for item in replays if item.early(rule)]
        back = [item for item in early if item.overturned(rule)]
        flipped = [item for item in back if item.end_sign == -item.called_sign[rule]]
        found = [item for item in replays if item.end_sign and item.called_at[rule] is not None]
        ends = sum(item.end_sign != 0 for item in replays)
        rows.append(
            [
                SHOWN[rule],
                sum(item.called_at[rule] is not None for item in replays),
                len(early),
                f"{len(back)} ({len(back) / max(len(early), 1):.0%})",
                len(flipped),
                f"{len(found)} of {ends}",
                f"{np.median([item.called_fraction[rule] for item in early]):.2f}",
            ]
        )
    header = ["rule", "ever called", "called early", "overturned by the end", "sign reversed"]
    return markdown([*header, "significant at the end, also called", "median n / end"], rows)


def without_mismatches(series: Sequence[Series], replays: Sequence[Replay]) -> str:
    """The share of overturned calls when experiments with a mismatch are withheld."""
    broken = {
        item.key[0]
        for item, p_value in zip(series, srm_p_values(series), strict=True)
        if p_value < MISMATCH_P
    }
    early = [item for item in replays if item.early("plan") and item.key[0] not in broken]
    back = sum(item.overturned("plan") for item in early)
    return (
        f"Withholding the {len(broken)} experiments with a sample ratio mismatch (if 50/50 was the "
        f"plan, which the data does not say), the end overturns {back} of {len(early)} early calls "
        f"of the plan boundary ({back / len(early):.0%})."
    )


def by_experiment(series: Sequence[Series], replays: Sequence[Replay]) -> str:
    """One row an experiment."""
    rows = []
    for name in sorted({item.key[0] for item in replays}):
        own = [item for item in replays if item.key[0] == name]
        srm = min(srm_p_values([item for item in series if item.key[0] == name]))
        cells = [early_and_overturned(own, rule) for rule in RULES]
        snapshots = max(item.snapshots for item in own)
        ends = sum(item.end_sign != 0 for item in own)
        rows.append([name, len(own), snapshots, ends, *cells, f"{srm:.2g}"])
    header = ["experiment", "series", "snapshots", "significant at the end"]
    called = [f"{SHOWN[rule]}: early / overturned" for rule in RULES]
    return markdown([*header, *called, "least sequential SRM p (50/50)"], rows)


def early_and_overturned(replays: Sequence[Replay], rule: str) -> str:
    """How many early calls, and how many of them the end takes back."""
    early = sum(item.early(rule) for item in replays)
    return f"{early} / {sum(item.overturned(rule) for item in replays)}"


def srm_p_values(series: Sequence[Series]) -> Iterator[float]:
    """Least sequential SRM p of each series, on an assumed even split."""
    for item in series:
        pairs = zip(item.n_control, item.n_treatment, strict=True)
        yield min(sequential_srm_test(pair, [0.5, 0.5]).p_value for pair in pairs)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="nothing written")
    small = parser.parse_args().small
    series = read(shared_folder())
    replays = [replay(item) for item in series]
    text = f"{len(replays)} series.\n\n{summary(replays)}"
    detail = by_experiment(series, replays)
    text = f"{text}\n\n{without_mismatches(series, replays)}"
    print(text, detail, sep="\n\n")
    if not small:
        details = f"<details><summary>By experiment</summary>\n\n{detail}\n\n</details>"
        write_section("asos", f"{text}\n\n{details}")


if __name__ == "__main__":
    main()
