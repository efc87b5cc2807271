"""What past tests showed: texts, how often each was seen and how often it worked."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.models.private_file import open_private

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAIR_COLUMNS = ("headline_a", "headline_b", "clicks_a", "impr_a", "clicks_b", "impr_b", "test_id")
TEXT_COLUMNS = ("headline_a", "headline_b")
TRUE = frozenset({"true", "1", "yes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One text of one test. ``setting`` tells arms apart that share a test but not a picture.

    ``week`` counts weeks on one line, so that later tests have larger numbers.
    """

    test: str
    setting: str
    week: int
    text: str
    successes: int
    shown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two arms of one test and setting. Where randomisation was broken (not ``sound``), the rates
    still tell which texts attract, but who wins is no truth to be judged by."""

    a: Arm
    b: Arm
    sound: bool = True

    @property
    def tied(self) -> bool:
        """Whether neither text did better."""
        return self.a.successes * self.b.shown == self.b.successes * self.a.shown

    @property
    def a_wins(self) -> bool:
        """Whether the first text had the higher rate."""
        return self.a.successes * self.b.shown > self.b.successes * self.a.shown


def unique_arms(pairs: Sequence[Pair]) -> list[Arm]:
    """Each arm once, in order of first appearance."""
    return list(dict.fromkeys(arm for pair in pairs for arm in (pair.a, pair.b)))


def read_pairs(path: Path) -> list[Pair]:
    """Pairs from a CSV (or CSV.gz), those with marked randomisation as unsound.

    Columns: headline_a, headline_b, clicks_a, impr_a, clicks_b, impr_b, test_id, and if there are
    any, week (as 201425), image_id and bad_randomisation.
    """
    pairs: list[Pair] = []
    for line, row in enumerate(read_rows(path, PAIR_COLUMNS), start=2):
        try:
            pairs.append(_pair(row))
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            raise InvalidInputError(
                f"line {line} of {path.name!r} cannot be read ({error}): clicks, impressions and "
                "week must be whole numbers, clicks at most impressions"
            ) from error
    if not any(pair.sound for pair in pairs):
        raise InvalidInputError(f"{path.name!r} has no usable pair: check its rows")
    return pairs


def read_texts(path: Path) -> list[tuple[str, str]]:
    """The two texts of each row of a CSV (or CSV.gz), in order."""
    pairs: list[tuple[str, str]] = []
    for line, row in enumerate(read_rows(path, TEXT_COLUMNS), start=2):
        a, b = (row[name] for name in TEXT_COLUMNS)
        if a is None or b is None:
            raise InvalidInputError(
                f"line {line} of {path.name!r} has too few columns: give headline_a and headline_b"
            )
        pairs.append((a, b))
    return pairs


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Pairs as a CSV that ``read_pairs`` reads back as they were."""
    with open_private(path, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*PAIR_COLUMNS, "week", "image_id"])
        for a, b in ((pair.a, pair.b) for pair in pairs):
            counts = (a.successes, a.shown, b.successes, b.shown)
            writer.writerow([a.text, b.text, *counts, a.test, _week_name(a.week), a.setting])


def read_rows(path: Path, needed: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """The rows of a CSV or CSV.gz as mappings; ``InvalidInputError`` names a missing column."""
    if not path.is_file():
        raise NotFoundError(f"there is no file {str(path)!r}: give the path of a CSV or CSV.gz")
    try:
        with _open_text(path) as file:
            reader = csv.DictReader(file)
            _require_columns(path, reader.fieldnames or (), needed)
            yield from reader
    except (csv.Error, UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
        raise InvalidInputError(
            f"{path.name!r} cannot be read as CSV ({error}): save it as UTF-8 CSV or CSV.gz"
        ) from error


def _require_columns(path: Path, there: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in there]
    if missing:
        raise InvalidInputError(
            f"{path.name!r} has no column {', '.join(map(repr, missing))}: "
            f"it needs {', '.join(needed)}"
        )


def success_rates(arms: Sequence[Arm]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The log odds of each arm and their variances, shrunk by half a success and half a failure."""
    import numpy as np

    successes = np.array([arm.successes for arm in arms], dtype=np.float64) + 0.5
    failures = np.array([arm.shown - arm.successes for arm in arms], dtype=np.float64) + 0.5
    return np.log(successes / failures), 1 / successes + 1 / failures


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def _pair(row: Mapping[str, str]) -> Pair:
    broken = str(row.get("bad_randomisation") or "").strip().lower() in TRUE
    return Pair(a=_arm(row, "a"), b=_arm(row, "b"), sound=not broken)


def _arm(row: Mapping[str, str], side: str) -> Arm:
    successes, shown = int(float(row[f"clicks_{side}"])), int(float(row[f"impr_{side}"]))
    if not 0 <= successes <= shown or shown == 0:
        raise ValueError(f"{successes} clicks of {shown} impressions")
    if not (row["test_id"] or "").strip():
        raise ValueError("test_id is empty")
    return Arm(
        test=row["test_id"],
        setting=row.get("image_id") or "",
        week=_week_number(row.get("week") or ""),
        text=row[f"headline_{side}"].strip(),
        successes=successes,
        shown=shown,
    )


def _week_number(week: str) -> int:
    if not week.strip():
        return 0
    year, number = divmod(int(float(week)), 100)
    return year * 52 + number


def _week_name(week: int) -> str:
    """The inverse of ``_week_number``."""
    year, number = divmod(week - 1, 52)
    return "" if week == 0 else f"{year * 100 + number + 1}"
