"""How many bad rows a load puts up with; asked before anything else is said of the file.

Another complaint (a metric without values, a variant that is nowhere) often follows from rows that
could not be read, and its remedy would be the wrong one.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError

if TYPE_CHECKING:
    from neonblue.ingest.files.data_file import DataFile
    from neonblue.ingest.files.load_plan import LoadPlan
    from neonblue.ingest.files.rejects import Rejects

# Rejected rows are seldom like the others: thousands separators exist only above 999.
MAX_REJECTED_FRACTION = 0.01
# Good rows beside which a single bad one is no reason to refuse a small file.
MIN_BESIDE_ONE = 20
# Beyond this share of bad rows the columns are more likely mixed up than the rows bad.
MIXED_UP_FRACTION = 0.5


def refuse_bad_rows(
    plan: LoadPlan, file: DataFile, rejects: Rejects, *, read: int, excluded: int
) -> None:
    """Refuse a file without rows, or with a larger share of bad ones than is allowed."""
    kept = read - excluded - rejects.total
    if read == 0:
        raise InvalidInputError(
            f"{file.path.name!r} has a header but no rows: export it again. Nothing was loaded"
        )
    allowed = MAX_REJECTED_FRACTION if plan.allow_rejects is None else plan.allow_rejects
    alone = plan.allow_rejects is None and rejects.total == 1 and kept >= MIN_BESIDE_ONE
    if rejects.total > allowed * (kept + rejects.total) and not alone:
        raise InvalidInputError(
            f"{rejects.total:,} of {read:,} rows of {file.path.name!r} cannot be used: "
            f"{rejects.summary()}. {_remedy(rejects, rejects.total / (kept + rejects.total))}. "
            f"All of them are in {str(rejects.path)!r}. Nothing was loaded"
        )
    if kept == 0:
        raise InvalidInputError(
            f"--exclude leaves none of the {read} rows of {file.path.name!r}: "
            "make it narrower. Nothing was loaded"
        )


def _remedy(rejects: Rejects, fraction: float) -> str:
    examples = f"For example {rejects.examples()}"
    if fraction > MIXED_UP_FRACTION:
        return f"Check that the columns are the right ones. {examples}"
    share = min(0.99, ceil(fraction * 100) / 100)
    return (
        f"{examples}. Mend them, or leave out what does not belong with --exclude; "
        f"--allow-rejects {share:g} loads the others, but effects are withheld when the rows left "
        f"out are over {MAX_REJECTED_FRACTION:.0%} or differ by variant"
    )
