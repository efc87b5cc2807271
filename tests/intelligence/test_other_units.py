"""Other units under the same id are another chance, which shares the error."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from neonblue.ingest.files.load import load_file
from neonblue.ingest.files.load_plan import LoadPlan, MetricSpec
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis
from neonblue.models.reader import Reader, reading
from neonblue.stores import Store

UNITS = 2_000
Loading = Callable[..., None]


@pytest.fixture
def loading(store: Store, tmp_path: Path) -> Loading:
    """Loads units that end in the given names, half of them in each variant."""

    def load(
        names: Sequence[str], *, variants: str = "ct", only: str = "", **options: object
    ) -> None:
        rng = np.random.default_rng(int(names[0][1:]))
        rows = [
            f"{name},{variant},{int(rng.random() < 0.3)}"
            for name in names
            if (variant := variants[int(name[1:]) % len(variants)]) in (only or variants)
        ]
        path = tmp_path / "units.csv"
        path.write_text("\n".join(("unit,variant,bought", *rows)), "utf-8")
        plan = {
            "path": path,
            "experiment_id": "exp",
            "unit": "unit",
            "variant": "variant",
            "control": "c",
            "metrics": (MetricSpec(name="bought", kind="proportion", column="bought"),),
        }
        load_file(store, LoadPlan(**(plan | options)), lambda *_: None)  # type: ignore[arg-type]

    return load


def units(start: int, stop: int) -> list[str]:
    return [f"u{number}" for number in range(start, stop)]


def read(store: Store) -> Analysis:
    return analyze(store, "exp", now=datetime.now(UTC))


def test_units_that_are_replaced_after_a_reading_are_another_start(
    store: Store, loading: Loading
) -> None:
    """Ten files of new units under one id would else be ten experiments at full alpha each."""
    for start in range(4):
        loading(units(start * UNITS, (start + 1) * UNITS), replace=True)
        assert read(store).experiment.alpha == pytest.approx(0.05 * 0.45**start)
        # The same units again, and more of them, are no other start.
        loading(units(start * UNITS, (start + 1) * UNITS + 300), replace=True)
        found = read(store)
        assert found.experiment.alpha == pytest.approx(0.05 * 0.45**start)
    assert any("taken away or replaced (3 times)" in note for note in found.notes)


def test_units_left_out_after_a_reading_are_a_chance_too(store: Store, loading: Loading) -> None:
    loading(units(0, UNITS))
    read(store)
    for share in range(3):
        kept = [name for name in units(0, UNITS) if int(name[1:]) // 2 % 8 != share]
        loading(kept, replace=True)
        assert read(store).experiment.alpha == pytest.approx(0.05 * 0.45 ** (share + 1))


@pytest.mark.parametrize("name", ["exp", "again"])
def test_a_segment_that_was_chosen_after_a_reading_never_decides(
    store: Store, loading: Loading, name: str
) -> None:
    """The luckiest of many countries, loaded alone, under the same id or another."""
    loading(units(0, UNITS))
    read(store)
    segment = [unit for unit in units(0, UNITS) if int(unit[1:]) // 2 % 4 == 1]
    loading(segment, experiment_id=name, replace=name == "exp")
    found = analyze(store, name, now=datetime.now(UTC))
    assert [metric.definition.role for metric in found.metrics] == ["secondary"]
    assert "which of them count was chosen since" in " ".join(found.notes)
    if name == "exp":
        loading(units(0, UNITS), replace=True)  # all of them again: at what is left of alpha
        found = read(store)
        assert [metric.definition.role for metric in found.metrics] == ["primary"]
        assert found.experiment.alpha < 0.05 * 0.45


def test_the_luckiest_of_several_treatments_has_its_share_of_alpha(
    store: Store, loading: Loading
) -> None:
    loading(units(0, UNITS), variants="cabd")
    read(store)
    loading(units(0, UNITS), variants="cabd", only="ca", experiment_id="again")
    found = analyze(store, "again", now=datetime.now(UTC))
    assert found.experiment.alpha == pytest.approx(0.05 * 0.45 / 3)


def test_what_nobody_read_may_be_replaced_for_nothing(store: Store, loading: Loading) -> None:
    loading(units(0, UNITS))
    loading(units(UNITS, 2 * UNITS), replace=True)
    assert read(store).experiment.alpha == 0.05
    loading(units(UNITS, 9 * UNITS))  # many more: the sketch is read again
    assert read(store).experiment.alpha == 0.05


def test_totals_that_fall_are_of_other_units(store: Store, tmp_path: Path) -> None:
    def totals(n: int, converted: int) -> None:
        path = tmp_path / "totals.csv"
        path.write_text(f"variant,n,won\nc,{n},{converted}\nt,{n},{converted}\n", "utf-8")
        metric = MetricSpec(name="won", kind="proportion", column="won")
        plan = LoadPlan(
            path=path,
            experiment_id="exp",
            variant="variant",
            control="c",
            metrics=(metric,),
            aggregated=True,
            replace=True,
        )
        load_file(store, plan, lambda *_: None)

    alphas = []
    for n, converted in ((1_000, 100), (2_000, 220), (2_000, 190), (900, 95), (901, 95)):
        totals(n, converted)
        alphas.append(read(store).experiment.alpha)
    assert alphas == pytest.approx([0.05, 0.05, 0.05 * 0.45, 0.05 * 0.45**2, 0.05 * 0.45**2])


def test_a_read_only_server_is_not_the_first_to_read(store: Store, loading: Loading) -> None:
    """What it shows is not recorded: whoever saw it could declare the end at a good moment."""
    loading(units(0, UNITS))
    with reading(Reader(tool="analyze_experiment_performance", records=False)):
        found = read(store)
    assert [metric.status for metric in found.metrics] == ["withheld"]
    assert found.decision.decision == "keep_running"
    assert "read-only" in found.decision.reasons[0].detail
    assert "0." not in found.decision.reasons[0].detail
    loading(units(0, UNITS), finished=True)
    assert read(store).look.fixed_horizon_decides  # nobody had read them
    with reading(Reader(tool="analyze_experiment_performance", records=False)):
        assert [metric.status for metric in read(store).metrics] == ["available"]


@pytest.mark.parametrize(
    ("offset", "scale", "says"),
    [
        (1e15, 1.0, "so large beside their differences"),
        (0.0, 1e-200, "its squares are 0"),
        (1e9, 1.0, ""),
        (0.0, 1e90, ""),
    ],
)
def test_numbers_that_arithmetic_loses_are_said(
    store: Store, tmp_path: Path, offset: float, scale: float, says: str
) -> None:
    """No interval around nothing where the mean is lost, and no 'same value' where it is not."""
    rng = np.random.default_rng(3)
    values = offset + scale * (rng.exponential(1.0, UNITS) + 0.3 * (np.arange(UNITS) % 2))
    rows = [f"u{n},{'ct'[n % 2]},{float(value)!r}" for n, value in enumerate(values)]
    path = tmp_path / "units.csv"
    path.write_text("\n".join(("unit,variant,x", *rows)), "utf-8")
    plan = LoadPlan(
        path=path,
        experiment_id="exp",
        unit="unit",
        variant="variant",
        control="c",
        metrics=(MetricSpec(name="x", kind="mean", column="x"),),
        finished=True,
    )
    load_file(store, plan, lambda *_: None)
    found = read(store)
    said = " ".join([reason.detail for reason in found.decision.reasons])
    assert (found.decision.decision == "ship") == (says == ""), said
    assert says in said
