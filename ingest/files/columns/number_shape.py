"""What one shape of cell is as a number, given the sign of its decimals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from neonblue.ingest.files.columns.currencies import currency_of
from neonblue.ingest.files.columns.shapes import ONE, ZERO

Decimal = Literal[".", ","]
DECIMALS: tuple[Decimal, Decimal] = (".", ",")
# Blank, no-break, thin and narrow no-break space; straight and typographic apostrophe.
SPACES = " \u00a0\u2009\u202f"
GROUPING = f".,{SPACES}'\u2019"
MINUS = r"\-\u2212\u2013"
DIGIT = f"9{ZERO}{ONE}"
SHAPE = re.compile(
    rf"""
    (?P<outside>[^{DIGIT}()+{MINUS}%{SPACES}'\u2019]*?)[{SPACES}]*
    (?P<open>\(?)[{SPACES}]*
    (?P<sign>[+{MINUS}]?)[{SPACES}]*
    (?P<before>%|[^{DIGIT}()+{MINUS}%{SPACES}'\u2019]*?)[{SPACES}]*
    (?P<inner>[{MINUS}]?)[{SPACES}]*
    (?P<body>[.,]?[{DIGIT}](?:[{DIGIT}{GROUPING}]*[{DIGIT}])?[.,]?)
    (?P<exponent>(?:[eE][+-]?[{DIGIT}]+)?)[{SPACES}]*
    (?P<after>%|[^{DIGIT}()+{MINUS}%{SPACES}]*)[{SPACES}]*
    (?P<trailing>[{MINUS}]?)
    (?P<close>\)?)[{SPACES}]*
    (?P<behind>[^{DIGIT}()+{MINUS}%{SPACES}]*)
    """,
    re.VERBOSE,
)
NOTHING = re.compile(
    rf"([^{DIGIT}()+{MINUS}%{SPACES}]*)[{SPACES}]*[{MINUS}][{SPACES}]*([^{DIGIT}()+{MINUS}%{SPACES}]*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberShape:
    """Where the digits stand (``before``, ``after``: characters to cut) and what is around them.

    ``zero`` has no digits: formats of accounting write it as a dash beside the currency.
    """

    before: int = 0
    after: int = 0
    negative: bool = False
    percent: bool = False
    grouped: bool = False
    fraction: bool = False
    currency: str = ""
    text: str = ""
    zero: bool = False


def number_shape(shape: str, decimal: Decimal) -> NumberShape | None:
    """How a shape reads as a number; None when it does not."""
    if (currency := _accounting_zero(shape)) is not None:
        return NumberShape(currency=currency, zero=True)
    match = SHAPE.fullmatch(shape)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    outside = [mark for mark in (match["outside"], match["behind"]) if mark]
    if outside and not match["open"]:
        return None
    minus = [part for part in (match["sign"], match["inner"], match["trailing"]) if part]
    priced = bool(match["trailing"]) and match["body"][-1] in ".,"
    if len(minus) + bool(match["open"]) > 1 or priced:
        # "5,-" is a price of five, and no negative number.
        return None
    marks = [*outside, *(mark for mark in (match["before"], match["after"]) if mark)]
    percent = marks == ["%"]
    currency = "" if percent or not marks else currency_of(marks[0])
    if len(marks) > 1 or currency is None:
        return None
    body = match["body"]
    whole, _, fraction = body.partition(decimal)
    exponent = bool(match["exponent"])
    if not _digits(fraction) or not _whole(whole, decimal) or (exponent and not _digits(whole)):
        return None
    return NumberShape(
        before=match.start("body"),
        after=len(shape) - match.end("exponent"),
        negative=bool(match["open"]) or (bool(minus) and minus[0] != "+"),
        percent=percent,
        grouped=not _digits(whole),
        fraction=decimal in body,
        currency=currency or "",
        text=body,
    )


def _accounting_zero(shape: str) -> str | None:
    """The currency of ``$ -`` or ``- €``; a dash alone may as well say that there is no value."""
    match = NOTHING.fullmatch(shape)
    marks = [] if match is None else [mark for mark in match.groups() if mark]
    return currency_of(marks[0]) if len(marks) == 1 else None


def _digits(text: str) -> bool:
    return all(letter in DIGIT for letter in text)


def _whole(whole: str, decimal: Decimal) -> bool:
    """Digits, in threes from the right if at all (or in twos before them, as in India)."""
    separators = {letter for letter in whole if letter not in DIGIT}
    if not separators:
        return True
    if len(separators) > 1 or decimal in separators:
        return False
    first, *groups = whole.split(separators.pop())
    *middle, last = groups
    if not first or first[0] == ZERO or len(last) != 3:
        return False
    in_threes = len(first) <= 3 and all(len(group) == 3 for group in middle)
    in_twos = bool(middle) and len(first) <= 2 and all(len(group) == 2 for group in middle)
    return in_threes or in_twos
