"""``--exclude`` expressions: conditions on a file's columns, evaluated on whole batches.

``group = control and landing_page = new_page``, ``age < 18 or country in ('XX', 'YY')``,
``(group = 'treatment') != (page = 'new')``, ``email is null``. A bare word that is no column is
text. Parsed with sqlglot, then only what is listed here is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.columns.number_column import NumberRule
from neonblue.ingest.files.columns.rules import ColumnRules
from neonblue.ingest.files.columns.text import decoded, to_text

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from sqlglot import exp

    from neonblue.ingest.files.data_file import FileBatch

TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\W\d]\w*|&&|\|\||.""", re.DOTALL)
SPELLINGS = {"&&": " and ", "||": " or "}
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})


class Exclusion:
    """One parsed expression; ``columns`` are those of the file that it reads."""

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self.text = text
        self._known = set(columns)
        self._tree = _parse(text, self._known)
        self.columns = tuple(sorted(self._used(self._tree)))
        self.numeric_columns = tuple(sorted(self._compared_as_numbers(self._tree)))
        self._rules: ColumnRules | None = None
        self._check(self._tree)

    def mask(self, table: pa.Table, rules: ColumnRules | None = None) -> pa.Array:
        """True where a row is to be left out; a comparison with null is false.

        ``rules`` say how the columns that are compared as numbers are read; plainly without them.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        self._rules = rules
        mask = self._truth(self._tree, table)
        if isinstance(mask, pa.ChunkedArray):
            mask = pa.concat_arrays(mask.chunks) if mask.num_chunks else pa.array([], pa.bool_())
        return pc.fill_null(mask, False)

    def _truth(self, node: exp.Expr, table: pa.Table) -> Any:
        import pyarrow.compute as pc
        from sqlglot import exp

        if isinstance(node, exp.Paren):
            return self._truth(node.this, table)
        if isinstance(node, exp.Not):
            return pc.invert(pc.fill_null(self._truth(node.this, table), False))
        if isinstance(node, exp.And | exp.Or):
            both = pc.and_kleene if isinstance(node, exp.And) else pc.or_kleene
            return both(self._truth(node.left, table), self._truth(node.right, table))
        if isinstance(node, exp.In):
            return self._membership(node, table)
        if isinstance(node, exp.Is):
            return pc.is_null(table[node.this.name])
        return self._compare(node, table)

    def _membership(self, node: exp.In, table: pa.Table) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        values = pa.array([self._literal(item) for item in node.expressions], pa.string())
        return pc.is_in(_texts(table[node.this.name]), values)

    def _compare(self, node: exp.Expr, table: pa.Table) -> Any:
        import pyarrow.compute as pc
        from sqlglot import exp

        compare = _comparisons()[type(node)]
        if isinstance(node.this, exp.Paren):
            return compare(self._truth(node.this, table), self._truth(node.expression, table))
        if not self._used(node):
            raise TypeError(f"{node.sql()} names no column of the file")
        left, right = self._operand(node.this, table), self._operand(node.expression, table)
        if not isinstance(node, exp.EQ | exp.NEQ):
            return compare(self._numbers(node.this, left), self._numbers(node.expression, right))
        if _is_number(node.expression):
            numbers = self._numbers(node.this, left), self._numbers(node.expression, right)
            equal = pc.equal(*numbers)
        else:
            equal = pc.equal(_texts(left), _texts(right))
        return equal if isinstance(node, exp.EQ) else pc.invert(pc.fill_null(equal, False))

    def _operand(self, node: exp.Expr, table: pa.Table) -> Any:
        from sqlglot import exp

        if isinstance(node, exp.Column) and node.name in self._known:
            return table[node.name]
        return self._literal(node)

    def _numbers(self, node: exp.Expr, value: Any) -> Any:
        import pyarrow as pa

        if isinstance(value, str):
            return pa.scalar(float(value), pa.float64())
        rule = NumberRule() if self._rules is None else self._rules.number(node.name)
        columns = [rule.read(_readable(chunk))[0] for chunk in value.chunks]
        return pa.chunked_array(columns, pa.float64())

    def _compared_as_numbers(self, tree: exp.Expr) -> set[str]:
        """Columns of the file that stand beside a number or in a comparison of sizes."""
        from sqlglot import exp

        found: set[str] = set()
        comparisons: Iterator[exp.Expr] = tree.find_all(*_comparisons())
        for node in comparisons:
            by_size = not isinstance(node, exp.EQ | exp.NEQ)
            if isinstance(node.this, exp.Column) and (by_size or _is_number(node.expression)):
                found |= self._used(node)
        return found

    def _literal(self, node: exp.Expr) -> str:
        from sqlglot import exp

        if isinstance(node, exp.Neg):
            return f"-{node.this.name}"
        if isinstance(node, exp.Boolean):
            return str(node.this).lower()
        return str(node.name)

    def _used(self, node: exp.Expr) -> set[str]:
        from sqlglot import exp

        return {column.name for column in node.find_all(exp.Column)} & self._known

    def _check(self, node: exp.Expr) -> None:
        """Refuse, before any row is read, what ``mask`` could not evaluate."""
        import pyarrow as pa

        if not self.columns:
            raise _refused(self.text, "it names no column of the file")
        empty = pa.table({name: pa.array([], pa.string()) for name in self.columns})
        try:
            self.mask(empty)
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            shown = f" ({error})" if isinstance(error, ValueError) else ""
            reason = f"only =, !=, <, >, in, is null, and, or, not over its columns{shown}"
            raise _refused(self.text, reason) from error


def _parse(text: str, columns: set[str]) -> exp.Expr:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return sqlglot.parse_one(_quoted(text, columns))
    except SqlglotError as error:
        raise _refused(text, "it cannot be parsed") from error


def _quoted(text: str, columns: set[str]) -> str:
    """Column names in double quotes, as they may be words of SQL (``group``)."""

    def quote(match: re.Match[str]) -> str:
        token = match.group()
        is_name = token in columns and token.lower() not in KEYWORDS
        return f'"{token}"' if is_name else SPELLINGS.get(token, token)

    return TOKEN.sub(quote, text)


def _comparisons() -> dict[type, Callable[[Any, Any], Any]]:
    import pyarrow.compute as pc
    from sqlglot import exp

    return {
        exp.EQ: pc.equal,
        exp.NEQ: pc.not_equal,
        exp.LT: pc.less,
        exp.LTE: pc.less_equal,
        exp.GT: pc.greater,
        exp.GTE: pc.greater_equal,
    }


def _texts(value: Any) -> Any:
    import pyarrow as pa

    if isinstance(value, str):
        return pa.scalar(value, pa.string())
    return pa.chunked_array([to_text(chunk) for chunk in value.chunks], pa.string())


def _is_number(node: exp.Expr) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Literal) and not node.is_string


def _readable(column: pa.Array) -> pa.Array:
    """What is no number by its type (a time) is compared as its text, and is no number either."""
    import pyarrow as pa

    column = decoded(column)
    kind = column.type
    if pa.types.is_temporal(kind) or pa.types.is_null(kind):
        return to_text(column)
    return column


class Exclusions:
    """All the expressions of a load, and how many rows each left out."""

    def __init__(self, texts: Sequence[str], columns: Sequence[str]) -> None:
        self._each = [Exclusion(text, columns) for text in texts]
        self._left_out = [0] * len(self._each)

    @property
    def columns(self) -> list[str]:
        """The columns that they read."""
        return list(dict.fromkeys(name for item in self._each for name in item.columns))

    @property
    def numeric_columns(self) -> list[str]:
        """Those that they compare as numbers."""
        return list(dict.fromkeys(name for item in self._each for name in item.numeric_columns))

    def kept(self, table: pa.Table) -> pa.Table:
        """The table without the rows that are left out, its numbers read plainly."""
        import pyarrow as pa

        return table.filter(pa.array(~self._mask(table, None))) if self._each else table

    def split(self, batch: FileBatch, rules: ColumnRules) -> tuple[pa.Table, list[int], int]:
        """A batch without the rows that are left out, their numbers, and how many went."""
        import numpy as np
        import pyarrow as pa

        table = rules.null_words.blank(batch.table)
        if not self._each or table.num_rows == 0:
            return table, list(batch.rows), 0
        out = self._mask(table, rules)
        kept = np.asarray(batch.rows)[~out].tolist()
        return table.filter(pa.array(~out)), kept, int(out.sum())

    def warnings(self) -> tuple[str, ...]:
        """Of expressions that left nothing out: they may be misspelt."""
        return tuple(
            f"--exclude {item.text!r} matched no row: check how its values are written"
            for item, count in zip(self._each, self._left_out, strict=True)
            if count == 0
        )

    def _mask(self, table: pa.Table, rules: ColumnRules | None) -> NDArray[np.bool_]:
        import numpy as np

        out = np.zeros(table.num_rows, dtype=bool)
        for place, item in enumerate(self._each):
            mask = item.mask(table, rules).to_numpy(zero_copy_only=False)
            if rules is not None:
                self._left_out[place] += int(mask.sum())
            out |= mask
        return out


def _refused(text: str, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"--exclude {text!r} cannot be used: {reason}. "
        "Write it like \"group = 'control' and landing_page = 'new_page'\""
    )
