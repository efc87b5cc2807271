"""Columns of numbers as people's tools write them: one rule a column, never a guess."""

import pyarrow as pa
import pytest

from neonblue.ingest.files.columns.number_decision import AmbiguousColumnError, decide_numbers
from neonblue.ingest.files.columns.number_shape import Decimal
from neonblue.ingest.files.columns.shapes import ShapeCounts


def counted(cells: list[str]) -> ShapeCounts:
    shapes = ShapeCounts()
    shapes.add(pa.array(cells, pa.string()))
    return shapes


def read(cells: list[str], decimal: Decimal | None = None) -> list[float | None]:
    """The cells of one column; None for what the rule does not read."""
    values, bad = decide_numbers(counted(cells), decimal).read(pa.array(cells, pa.string()))
    assert [value is None for value in values.to_pylist()] == bad.to_pylist()
    numbers: list[float | None] = values.to_pylist()
    return numbers


COLUMNS: dict[str, tuple[list[str], list[float | None]]] = {
    "thousands": (["1,234.50", "999", "1,234,567"], [1234.5, 999, 1234567]),
    "thousands alone": (["1,234", "1,234,567"], [1234, 1234567]),
    "decimal comma": (["12", "12,5", "1.234,5", "1.000"], [12, 12.5, 1234.5, 1000]),
    "space": (["1 234,5", "1\u00a0234", "1\u202f234\u202f567"], [1234.5, 1234, 1234567]),
    "apostrophe": (["1'234.50", "1\u2019234"], [1234.5, 1234]),
    "India": (["12,34,567.5", "5"], [1234567.5, 5]),
    "dollars": (["$1,234.50", "-$3", "$-4", "0"], [1234.5, -3, -4, 0]),
    "euros": (["1.234,50 €", "5,20€"], [1234.5, 5.2]),
    "codes": (["EUR 7", "8.25 EUR", "9"], [7, 8.25, 9]),
    "words of money": (["12 345 kr", "7 kr"], [12345, 7]),
    "brackets": (["(1,234.50)", "($3)", "2"], [-1234.5, -3, 2]),
    "brackets inside a currency": (["$ (2.00)", "$(1,234.00)", "$ 3"], [-2, -1234, 3]),
    "a currency behind brackets": (["(2,50) €", "3,5 €"], [-2.5, 3.5]),
    "zero in accounting": (["$ -", "$ 1,200.00", "$-"], [0, 1200, 0]),
    "zero in accounting, euros": (["-   €", "12,50 €"], [0, 12.5]),
    "a dash alone": (["-", "\u2013", "4"], [None, None, 4]),
    "marks on both sides": (["$ (5) €", "$ - €", "x (5)", "(5) x", "4"], [None] * 4 + [4]),
    "trailing minus": (["12.50-", "3"], [-12.5, 3]),
    "Unicode minus": (["\u22125", "\u20132.5", "+3"], [-5, -2.5, 3]),
    "per cent": (["12.5%", "5 %", "0", "%3"], [0.125, 0.05, 0, 0.03]),
    "exponents": (["1.5E+03", "1e5"], [1500, 100000]),
    "errors": (["#N/A", "#DIV/0!", "5"], [None, None, 5]),
    "no numbers": (["1_000", "\uff11\uff12", "0x1F", "inf", "nan", "7"], [None] * 5 + [7.0]),
    "prices": (["5,-", "12"], [None, 12]),
    "odd groups": (["1,2,3", "12,3.4", "4.5"], [None, None, 4.5]),
    "half a bracket": (["(5", "5)", "--5", "6"], [None, None, None, 6]),
    "leading zeros": (["007", "0.125", "1.500"], [7, 0.125, 1.5]),
    "English": (["true", "FALSE", "1", "0"], [1, 0, 1, 0]),
    "German": (["Ja", "Nein"], [1, 0]),
    "German spreadsheet": (["WAHR", "FALSCH"], [1, 0]),
    "French": (["Oui", "non"], [1, 0]),
    "French spreadsheet": (["VRAI", "FAUX"], [1, 0]),
    "Spanish": (["sí", "no"], [1, 0]),
    "Russian": (["да", "нет"], [1, 0]),
    "Japanese": (["はい", "いいえ"], [1, 0]),
    "unknown beside yes": (["yes", "no", "n/a"], [1, 0, None]),
    "yes beside amounts": (["yes", "12.5"], [None, 12.5]),
    "an amount beside yes": (["yes", "no", "0", "12.5"], [1, 0, 0, None]),
    "two languages": (["yes", "nein", "1"], [None, None, 1]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_read_by_one_rule(name: str) -> None:
    cells, numbers = COLUMNS[name]
    assert read(cells) == pytest.approx(numbers)


REFUSED = {
    "thousands or decimals": (["1,234", "567"], r"'1,234' is 1234 if .* and 1\.234 if"),
    "point": (["1.234", "567"], r"'1\.234' is 1234 if .* and 1\.234 if .*--decimal \. or"),
    "both signs": (["12,5", "12.5"], "'12,5' .a decimal comma. and '12.5' .a decimal point."),
    "two currencies": (["$5", "€5"], "amounts in '\\$' and '€': convert them"),
    "codes": (["5 USD", "5 EUR"], "amounts in 'EUR' and 'USD'"),
    "half per cent": (["5 %", "0.05"], "'5 %' and '0.05': write all"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_two_readings_fit_none_is_taken(name: str) -> None:
    cells, message = REFUSED[name]
    with pytest.raises(AmbiguousColumnError, match=message):
        decide_numbers(counted(cells))


def test_the_sign_before_decimals_may_be_said() -> None:
    assert read(["1,234", "567"], ",") == [1.234, 567]
    assert read(["1,234", "567"], ".") == [1234, 567]
    assert read(["1.234", "12.5"], ",") == [1234, None]


def test_plain_large_numbers_tell_that_a_point_is_no_thousand() -> None:
    assert read(["1.234", "123456"]) == [1.234, 123456]


def test_json_numbers_have_a_decimal_point() -> None:
    rule = decide_numbers(counted(["1.234", "567"]), points_are_decimals=True)
    assert rule.read(pa.array(["1.234"]))[0].to_pylist() == [1.234]
