"""Columns of times as tools write them: one rule a column, never a guess."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from neonblue.ingest.files.columns.number_decision import AmbiguousColumnError
from neonblue.ingest.files.columns.time_column import TimeRule
from neonblue.ingest.files.columns.time_decision import TimeCounts, check_format, decide_times


def counted(cells: list[str]) -> TimeCounts:
    counts = TimeCounts()
    counts.add(pa.array(cells, pa.string()))
    return counts


def read(cells: list[str], time_format: str | None = None) -> list[str | None]:
    """The cells of one column, without ``+00:00``; None for what the rule does not read."""
    rule = decide_times(counted(cells), time_format)
    return shown(rule, pa.array(cells, pa.string()))


def shown(rule: TimeRule, column: pa.Array) -> list[str | None]:
    times, bad = rule.read(column)
    assert times.is_null().to_pylist() == [
        wrong or none
        for wrong, none in zip(bad.to_pylist(), column.is_null().to_pylist(), strict=True)
    ]
    return [
        None if time is None else str(time).removesuffix("+00:00") for time in times.to_pylist()
    ]


TEN = "2026-04-01 10:00:00"
DAY = "2026-04-01 00:00:00"
COLUMNS: dict[str, tuple[list[str], list[str | None]]] = {
    "ISO": (["2026-04-01T10:00:00", "2026-04-01"], [TEN, DAY]),
    "UTC behind": (["2026-04-01 10:00:00 UTC", "2026-04-01 10:00:00Z"], [TEN, TEN]),
    "offsets": (["2026-04-01T12:00:00+02:00", "2026-04-01 05:00-0500"], [TEN, TEN]),
    "zones": (["2026-04-01 12:00 Europe/Berlin", "2026-04-01 12:00 CEST"], [TEN, TEN]),
    "slashes": (["2026/4/1", "2026/04/01 10:00"], [DAY, TEN]),
    "day first": (["1/4/2026 10:00", "13/4/2026"], [TEN, "2026-04-13 00:00:00"]),
    "month first": (["4/1/2026 10:00 AM", "4/13/2026"], [TEN, "2026-04-13 00:00:00"]),
    "dots": (["01.04.2026 10:00:00", "1.4.2026"], [TEN, DAY]),
    "names": (
        ["Apr 01, 2026 10:00 AM", "April 1, 2026", "1 Apr 2026 10:00", "01-APR-2026"],
        [TEN, DAY, TEN, DAY],
    ),
    "midnight and noon": (
        ["Nov 03, 2026 12:02 AM", "Nov 3, 2026 12:02\u202fPM"],
        ["2026-11-03 00:02:00", "2026-11-03 12:02:00"],
    ),
    "mail": (["Wed, 01 Apr 2026 12:00:00 +0200", "Wed Apr  1 10:00:00 2026"], [TEN, TEN]),
    "browsers": (["Wed Apr 01 2026 12:00:00 GMT+0200 (CEST)"], [TEN]),
    "epochs": (["1775037600", "1775037600000", "1775037600000000"], [TEN, TEN, TEN]),
    "scientific": (["1.7750376E+09", "1.7750376E12"], [TEN, TEN]),
    "basic": (["20260401", "20260401T100000Z", "20260401100000"], [DAY, TEN, TEN]),
    "no dates": (["2026-02-30", "2026-04-01T25:00", "yesterday", DAY], [None, None, None, DAY]),
    "vague zone": (["2026-04-01 10:00 IST", DAY], [None, DAY]),
    "a serial day": (["46113.5", DAY], [None, DAY]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_read_by_one_rule(name: str) -> None:
    cells, times = COLUMNS[name]
    assert read(cells) == times


REFUSED = {
    "day or month": (["4/1/2026 10:00"], "two ways: .*--time-format '%m/%d/%Y %H:%M'"),
    "half a day": (["4/1/2026 10:00 AM"], "--time-format '%m/%d/%Y %I:%M %p'"),
    "both": (["13/4/2026", "4/13/2026"], "day first.*month first"),
    "serial days": (["46113.4", "46114"], "'46113.4': .*--time-format excel"),
    "unknown": (["le 1 avril"], "'le 1 avril': known are 2026-04-01 10:00:00"),
    "vague zone": (["2026-04-01 10:00 EST"], "zone 'EST' means several offsets"),
    "two digits": (["4/1/26"], "no times that are known, as in '4/1/26'"),
    "other digits": (["\uff12026-04-01"], "no times that are known"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_no_form_or_two_fit_the_column_is_refused(name: str) -> None:
    cells, message = REFUSED[name]
    with pytest.raises(AmbiguousColumnError, match=message):
        decide_times(counted(cells))


def test_the_form_may_be_said() -> None:
    assert read(["01/04/26 10:00", "2026-04-01"], "%d/%m/%y %H:%M") == [TEN, None]
    assert read(["46113", "46113.4166666667"], "excel") == [DAY, TEN]
    assert check_format("%d/%m/%Y") is None
    assert check_format("%d/%m") == "says no whole date"
    assert check_format("%Q") == "is no format of strptime"


TYPED: dict[str, tuple[pa.Array, list[str | None]]] = {
    "doubles of ms": (pa.array([1775037600000.0, None]), [TEN, None]),
    "doubles of us": (pa.array([1775037600000000.0]), [TEN]),
    "nanoseconds": (pa.array([1775037600000000000]), [TEN]),
    "days as numbers": (pa.array([20260401]), [DAY]),
    "serial days": (pa.array([46113.5]), [None]),
    "dates": (pa.array([datetime(2026, 4, 1, tzinfo=UTC).date()]), [DAY]),
    "a zone": (
        pa.array([1775037600], pa.timestamp("s")).cast(pa.timestamp("s", "Europe/Berlin")),
        [TEN],
    ),
}
TYPED |= {
    f"far in {unit}": (pa.array([-(2**62), 1775037600 * factor], pa.timestamp(unit)), [None, TEN])
    for unit, factor in (("s", 1), ("ms", 1000), ("us", 1_000_000))
}


@pytest.mark.parametrize("name", TYPED)
def test_typed_columns_have_their_times(name: str) -> None:
    column: Any
    column, times = TYPED[name]
    assert shown(TimeRule(), column) == times
