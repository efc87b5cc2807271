"""Charts are PNG of a size for a chat window, whatever the names in them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from neonblue.intelligence.charts import (
    AllocationDay,
    ForestRow,
    SequencePoint,
    SplitValue,
    UnevenSplit,
    draw_allocation,
    draw_forest,
    draw_sequence,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
ODD_NAMES = ["plain", r"costs $5 \frac{", "<data>x</data>", "a" * 300, "価格"]


def point(day: int) -> SequencePoint:
    half = 0.1 / (day + 1)
    return SequencePoint(
        at=START + timedelta(days=day),
        units=1000 * (day + 1),
        estimate=0.01,
        ci_lower=0.01 - half,
        ci_upper=0.01 + half,
    )


def split(name: str) -> UnevenSplit:
    values = [SplitValue(label=name, units=40, share=0.2, guilty=True)]
    return UnevenSplit(dimension=name, variant=name, planned_share=0.5, values=values)


def row(label: str) -> ForestRow:
    return ForestRow(label=label, units=100, estimate=0.1, ci_lower=-0.1, ci_upper=0.3)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_can_be_drawn(name: str) -> None:
    days = [AllocationDay(day=date(2026, 3, d), counts={name: 10, "b": 12}) for d in (1, 2, 3)]
    drawn = [
        draw_sequence(
            [point(d) for d in range(9)],
            title=name,
            level=0.95,
            as_percentage=True,
            verdict=point(8),
        ),
        draw_forest(row("all"), [row(name)], title=name, as_percentage=False),
        draw_allocation(days, planned_shares={name: 0.5, "b": 0.5}, title=name, uneven=split(name)),
    ]
    assert all(700 <= size(png)[0] <= 1000 for png in drawn)


def test_many_segments_keep_a_readable_height() -> None:
    rows = [row(f"segment {number}") for number in range(300)]
    assert size(draw_forest(row("all"), rows, title="many", as_percentage=True))[1] < 1500


def test_an_interval_without_times_stands_alone() -> None:
    """Uploads of one moment have a verdict and no course."""
    drawn = draw_sequence(
        [], title="upload", level=0.95, as_percentage=False, verdict=point(3), decided_once=True
    )
    assert size(drawn)[0] >= 700
