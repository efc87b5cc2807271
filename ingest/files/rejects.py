"""What a load could not use: counted by reason and variant, written to a file to be mended."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.models.private_file import open_private
from neonblue.stores.loads import RowCount

if TYPE_CHECKING:
    import pyarrow as pa

HEADER = ("row", "reason", "detail", "content")
EXAMPLES = 3
EXAMPLE_LENGTH = 120
MAX_VARIANTS = 1000
"""A column with more is no variant: its values are counted without them."""


class Rejects:
    """Collects rejected rows; the file, for this user alone, is made with the first of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._rejected: Counter[tuple[str, str, str]] = Counter()
        self._used: Counter[tuple[str, str]] = Counter()
        self._variants: set[str] = set()
        self._examples: dict[str, str] = {}
        self._file: IO[str] | None = None
        self._writer: Any = None

    @property
    def total(self) -> int:
        """How many rows were rejected."""
        return self.reasons.total()

    def add(
        self,
        row: int,
        reason: str,
        detail: str,
        content: str,
        *,
        experiment: str = "",
        variant: str = "",
    ) -> None:
        """Count a row (from 1, without the header) and write it down."""
        if self._file is None:
            self._open()
        self.reasons[reason] += 1
        self._rejected[experiment, self._known(variant), reason] += 1
        if reason not in self._examples:
            shown = content if len(content) <= EXAMPLE_LENGTH else f"{content[:EXAMPLE_LENGTH]}…"
            self._examples[reason] = f"row {row}: {detail}, in {shown}"
        self._writer.writerow((row, reason, detail, content))

    def used(self, rows: pa.Table) -> None:
        """Count rows that are taken, by their ``variant_id`` and ``experiment_id`` if they say."""
        keys = [name for name in ("experiment_id", "variant_id") if name in rows.column_names]
        counted = rows.select(keys).group_by(keys).aggregate([([], "count_all")])
        for found in counted.to_pylist():
            variant = self._known(found["variant_id"] or "")
            self._used[found.get("experiment_id") or "", variant] += found["count_all"]

    def counts(self, experiment_id: str) -> tuple[RowCount, ...]:
        """What became of the rows; those that name no experiment are of ``experiment_id``."""
        fates = Counter({(*key, ""): rows for key, rows in self._used.items()})
        fates.update(self._rejected)
        return tuple(
            RowCount(
                experiment_id=owner or experiment_id, variant_id=variant, reason=reason, rows=rows
            )
            for (owner, variant, reason), rows in sorted(fates.items())
        )

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()

    def summary(self) -> str:
        """The commonest reasons in words."""
        common = (f"{reason} ({count})" for reason, count in self.reasons.most_common(EXAMPLES))
        return ", ".join(common)

    def examples(self) -> str:
        """The first row of each of the commonest reasons."""
        common = self.reasons.most_common(EXAMPLES)
        return "; ".join(self._examples[reason] for reason, _ in common)

    def _known(self, variant: str) -> str:
        if len(self._variants) < MAX_VARIANTS:
            self._variants.add(variant)
        return variant if variant in self._variants else ""

    def _open(self) -> None:
        try:
            self._file = open_private(self.path, newline="")
        except InvalidInputError as error:
            raise InvalidInputError(
                f"the file for rejected rows {error}, with --rejects FILE"
            ) from error
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEADER)
