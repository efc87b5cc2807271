"""A first look at the whole file: one rule for each column of numbers and of times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.columns.null_words import NullWords
from neonblue.ingest.files.columns.number_column import NumberRule, plain_numbers
from neonblue.ingest.files.columns.number_decision import AmbiguousColumnError, decide_numbers
from neonblue.ingest.files.columns.number_shape import Decimal
from neonblue.ingest.files.columns.shapes import ShapeCounts
from neonblue.ingest.files.columns.text import decoded, is_text
from neonblue.ingest.files.columns.time_column import TimeRule, canonical_times
from neonblue.ingest.files.columns.time_decision import TimeCounts, decide_times

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.ingest.files.data_file import DataFile

Keep = Callable[["pa.Table"], "pa.Table"]
# A number with a decimal point that nothing else explains: "1.234" alone may be a thousand.
POINT = r"\.([0-9]{0,2}|[0-9]{4,})$|^-?(0|[0-9]{4,})\.|[eE]"
SAMPLE = 1_000
SHOWN_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRules:
    """How to read the cells of a file. ``warnings`` name what in a column could not be read."""

    null_words: NullWords
    numbers: Mapping[str, NumberRule] = field(default_factory=dict)
    times: Mapping[str, TimeRule] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def number(self, column: str) -> NumberRule:
        """The rule of a column; plain numbers where none was decided."""
        return self.numbers.get(column) or NumberRule()

    def time(self, column: str) -> TimeRule:
        """The rule of a column; what needs no rule where none was decided."""
        return self.times.get(column) or TimeRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFormat:
    """What the user said of cells: words for nothing, the sign before decimals, how times look."""

    null_words: tuple[str, ...] = ()
    decimal: Decimal | None = None
    time_format: str | None = None


class Survey:
    """Reads the columns of numbers and times of a file once, and those that are odd once more.

    ``keep`` leaves out the rows that do not count; for it the columns ``also`` are read. It may
    add columns that the file does not have: ``made`` says what messages call them.
    """

    def __init__(
        self,
        file: DataFile,
        said: CellFormat,
        *,
        keep: Keep | None = None,
        also: Sequence[str] = (),
        made: Mapping[str, str] | None = None,
    ) -> None:
        self._file = file
        self._said = said
        self._null_words = NullWords(said.null_words)
        self._keep = keep
        self._also = tuple(also)
        self._made = dict(made or {})

    def rules(self, numbers: Sequence[str], times: Sequence[str] = ()) -> ColumnRules:
        """A rule for each column; raises ``InvalidInputError`` where none can be told."""
        odd = self._odd(numbers, times)
        shapes = {name: ShapeCounts() for name in numbers if name in odd}
        seen = {name: TimeCounts() for name in times if name in odd}
        for table in self._tables(odd) if odd else ():
            for name in odd:
                for chunk in table[name].chunks:
                    (shapes.get(name) or seen[name]).add(decoded(chunk))
        found = {name: self._number_rule(name, counts) for name, counts in shapes.items()}
        warnings = (self._unread(name, shapes[name], rule) for name, rule in found.items())
        return ColumnRules(
            null_words=self._null_words,
            numbers=found,
            times={name: self._time_rule(name, seen.get(name, TimeCounts())) for name in times},
            warnings=tuple(text for text in warnings if text is not None),
        )

    def _odd(self, numbers: Sequence[str], times: Sequence[str]) -> list[str]:
        """The columns of text that hold more than plain numbers and ISO times."""
        columns = list(dict.fromkeys([*numbers, *times]))
        plain = {name: _PlainNumbers(points_are_decimals=self._typed_text) for name in numbers}
        odd: dict[str, None] = {}
        for table in self._tables(columns):
            self._refuse_kinds(table, numbers, times)
            texts = [name for name in columns if is_text(table[name].type)]
            if not texts:
                break
            for name in texts:
                if name not in odd and not self._is_plain(table[name], plain.get(name)):
                    odd[name] = None
        return [*odd, *(name for name in numbers if name not in odd and plain[name].doubtful)]

    @property
    def _typed_text(self) -> bool:
        """JSON's own numbers have a decimal point."""
        return self._file.format == "jsonl"

    def _is_plain(self, column: pa.ChunkedArray, numbers: _PlainNumbers | None) -> bool:
        chunks = [decoded(chunk) for chunk in column.chunks]
        if numbers is None:
            if self._said.time_format is not None:
                return True
            return all(canonical_times(chunk) is not None for chunk in chunks)
        return self._said.decimal != "," and all(numbers.add(chunk) for chunk in chunks)

    def _tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        own = [name for name in columns if name not in self._made]
        wanted = list(dict.fromkeys([*own, *self._also]))
        for batch in self._file.batches(wanted) if wanted else ():
            table = self._null_words.blank(batch.table)
            yield table if self._keep is None else self._keep(table)

    def _refuse_kinds(self, table: pa.Table, numbers: Sequence[str], times: Sequence[str]) -> None:
        for names, allowed, wanted in (
            (numbers, _may_be_number, "numbers or truth values"),
            (times, _may_be_time, "times, or numbers since 1970"),
        ):
            for name in names:
                if not allowed(table[name].type):
                    raise self._refused(
                        name, f"holds {table[name].type}, but {wanted} are needed: name another"
                    )

    def _number_rule(self, name: str, shapes: ShapeCounts) -> NumberRule:
        try:
            return decide_numbers(shapes, self._said.decimal, points_are_decimals=self._typed_text)
        except AmbiguousColumnError as error:
            raise self._refused(name, str(error)) from error

    def _time_rule(self, name: str, counts: TimeCounts) -> TimeRule:
        try:
            return decide_times(counts, self._said.time_format)
        except AmbiguousColumnError as error:
            raise self._refused(name, str(error)) from error

    def _unread(self, name: str, shapes: ShapeCounts, rule: NumberRule) -> str | None:
        """What to say of the cells that are no numbers; a column without any number is refused."""
        bad = [shape for shape in shapes.counts if not rule.knows(shape)]
        count = sum(shapes.counts[shape] for shape in bad) + shapes.others
        if not count:
            return None
        bad.sort(key=lambda shape: -shapes.counts[shape])
        shown = ", ".join(
            f"{shapes.examples[shape][:40]!r} ({shapes.counts[shape]:,})"
            for shape in bad[:SHOWN_WORDS]
        )
        if count == shapes.total:
            raise self._refused(
                name, f"holds no numbers, but {shown}: name another, or make them numbers"
            )
        return (
            f"{count:,} values of {self._called(name)} are no numbers, like {shown}: mend them, or "
            f"say --null WORD where a word means that there is no value"
        )

    def _called(self, name: str) -> str:
        return self._made.get(name) or repr(name)

    def _refused(self, name: str, fault: str) -> InvalidInputError:
        return InvalidInputError(
            f"column {self._called(name)} of {self._file.path.name!r} {fault}. Nothing was loaded"
        )


class _PlainNumbers:
    """Follows a column of text while all of it is plain numbers.

    ``doubtful`` when every decimal point in it could stand between thousands.
    """

    def __init__(self, *, points_are_decimals: bool) -> None:
        self._certain = points_are_decimals
        self._points = False

    @property
    def doubtful(self) -> bool:
        return self._points and not self._certain

    def add(self, text: pa.Array) -> bool:
        """Whether these cells, too, are plain numbers."""
        if plain_numbers(text) is None:
            return False
        if not self._certain:
            self._look_at_points(text)
        return True

    def _look_at_points(self, text: pa.Array) -> None:
        import pyarrow.compute as pc

        for part in (text.slice(0, SAMPLE), text.slice(SAMPLE)):
            if not pc.any(pc.match_substring(part, "."), min_count=0).as_py():
                continue
            self._points = True
            if pc.any(pc.match_substring_regex(part, POINT), min_count=0).as_py():
                self._certain = True
                return


def _may_be_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return plain or pa.types.is_decimal(kind) or is_text(kind)


def _may_be_time(kind: pa.DataType) -> bool:
    import pyarrow as pa

    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return number or pa.types.is_date(kind) or pa.types.is_timestamp(kind) or is_text(kind)
