"""Which rule reads a column of numbers: told from every shape it has, or by the user."""

from __future__ import annotations

from collections.abc import Mapping

from neonblue.ingest.files.columns.number_column import NumberRule
from neonblue.ingest.files.columns.number_shape import DECIMALS, Decimal, NumberShape, number_shape
from neonblue.ingest.files.columns.shapes import ONE, ZERO, ShapeCounts
from neonblue.ingest.files.columns.truth_words import is_truth_word, truth_values


class AmbiguousColumnError(ValueError):
    """No rule reads a column, or two do; the text says which values, and what to do."""


def decide_numbers(
    shapes: ShapeCounts, decimal: Decimal | None = None, *, points_are_decimals: bool = False
) -> NumberRule:
    """The one rule for a column of text; raises ``AmbiguousColumnError`` where none can be told.

    ``decimal`` was said by the user. ``points_are_decimals``: the file is of a kind whose own
    numbers have a decimal point.
    """
    readings: dict[Decimal, dict[str, NumberShape]] = {
        sign: {s: r for s in shapes.counts if (r := number_shape(s, sign)) is not None}
        for sign in DECIMALS
    }
    chosen = decimal or _decimal(shapes, readings, points_are_decimals=points_are_decimals)
    numbers = readings[chosen]
    if len(found := {item.currency for item in numbers.values() if item.currency}) > 1:
        shown = " and ".join(repr(name) for name in sorted(found))
        raise AmbiguousColumnError(
            f"has amounts in {shown}: convert them to one currency, or leave one out with --exclude"
        )
    percent = any(item.percent for item in numbers.values())
    if percent:
        _refuse_half_percent(shapes, numbers)
    return NumberRule(chosen, words=_words(shapes, numbers), percent=percent)


def _decimal(
    shapes: ShapeCounts,
    readings: Mapping[Decimal, Mapping[str, NumberShape]],
    *,
    points_are_decimals: bool,
) -> Decimal:
    dot, comma = readings["."], readings[","]
    only_dot = [shape for shape in dot if shape not in comma]
    only_comma = [shape for shape in comma if shape not in dot]
    if only_dot and only_comma:
        raise AmbiguousColumnError(
            f"has {shapes.examples[only_comma[0]]!r} (a decimal comma) and "
            f"{shapes.examples[only_dot[0]]!r} (a decimal point): write all numbers in one way, or "
            "say which it is with --decimal , or --decimal ."
        )
    if only_dot or only_comma:
        return "," if only_comma else "."
    twice = [shape for shape, item in dot.items() if item.fraction != comma[shape].fraction]
    if not twice or (points_are_decimals and all("." in shape for shape in twice)):
        return "."
    if _ungrouped(dot) and all(dot[shape].fraction for shape in twice):
        return "."
    example = shapes.examples[twice[0]]
    sign = "." if "." in dot[twice[0]].text else ","
    raise AmbiguousColumnError(
        f"can be read in two ways: {example!r} is {_plain(example, sign)} if {sign!r} stands "
        f"between thousands, and {_plain(example, sign, point=True)} if it stands before decimals. "
        f"Say which sign stands before decimals: --decimal . or --decimal ,"
    )


def _ungrouped(readings: Mapping[str, NumberShape]) -> bool:
    """Whether numbers above 9,999 are there without thousands: then a dot is a decimal point."""
    return any(
        not item.grouped and len(item.text.partition(".")[0]) > 4 for item in readings.values()
    )


def _plain(example: str, sign: str, *, point: bool = False) -> str:
    kept = "".join(letter for letter in example if letter.isdigit() or letter == sign)
    return kept.replace(sign, "." if point else "")


def _refuse_half_percent(shapes: ShapeCounts, numbers: Mapping[str, NumberShape]) -> None:
    """0 is 0 either way; any other number without the sign may be a share or a per cent."""
    without = [shape for shape, item in numbers.items() if not item.percent and shape != ZERO]
    if without:
        signed = next(shape for shape, item in numbers.items() if item.percent)
        raise AmbiguousColumnError(
            f"has {shapes.examples[signed]!r} and {shapes.examples[without[0]]!r}: write all of "
            "its numbers with a per cent sign, or none"
        )


def _words(shapes: ShapeCounts, numbers: Mapping[str, NumberShape]) -> Mapping[str, float]:
    """Yes and no, in a column that has more of them than numbers that are neither 0 nor 1."""
    words = truth_values(shape for shape in shapes.counts if is_truth_word(shape))
    others = sum(shapes.counts[shape] for shape in numbers if shape not in (ZERO, ONE))
    return words if sum(shapes.counts[word] for word in words) > others else {}
