"""Figures that a phrase asks for: a mean a day, a share of the whole, amounts over a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from neonblue.query import lexicon
from neonblue.query.plan import ValueCondition

UNIT = r"(?P<unit>day|week|hour)"
NO_VALUE = r"(?P<what>(?!.*\b(?:value|size|basket|aov)\b).*)"
EACH = (
    rf"\b(?:(?:on|in|for|during) )?(?:a|an|the|your|our) (?:typical|average|normal|usual) {UNIT}"
    rf"(?:'s)?\b{NO_VALUE}",
    r"\b(?:the )?(?:average|mean|avg\.?)(?: number| count| amount| volume)?(?: of)?"
    rf"(?P<what>(?:(?!value|size|basket|aov|spend).)*?)\b(?:per|a|an|each|every) {UNIT}\b",
    rf"\b(?:per|a|an|each|every) {UNIT}\b,?(?P<what>.*?),? ?\bon average\b",
    rf"\bon average,?(?P<what>.*?)\b(?:per|a|an|each|every) {UNIT}\b",
    rf"\b(?:average|mean|typical|avg\.?) (?P<unit>daily|weekly|hourly)\b{NO_VALUE}",
    r"\b(?P<unit>daily|weekly|hourly) (?:average|mean)\b(?P<what>.*)",
)
PERIODS = {"daily": "day", "weekly": "week", "hourly": "hour"}
SHARE = re.compile(
    r"(?:\b(?:share|percentage|percent|per cent|proportion|fraction|portion)s?|%) of "
    r"(?:all |our |the |total |overall )*(?P<what>[\w-]+)"
)
COMPARED = {
    "over": "over|above|more than|greater than|exceeding|bigger than|larger than|higher than",
    "under": "under|below|less than|cheaper than|smaller than|lower than",
    "at_least": "at least|no less than|not less than",
    "at_most": "up to|at most|no more than|not more than",
}
CURRENCY = r"(?:dollars|pounds|euros|quid|bucks|usd|gbp|eur)"
AMOUNT = (
    r"(?P<sign>[£$€])? ?(?P<number>\d[\d,]*(?:\.\d+)?)(?P<k>k)?\b"
    rf"(?P<unit> {CURRENCY})?"
)
CONDITION = re.compile(
    r"(?: (?:worth|of|valued(?: at)?|priced(?: at)?|with (?:a )?(?:value|total|amount)(?: of)?"
    r"|(?:that|which) (?:are|were|cost)|costing|totalling|totaling))?"
    r" (?P<compared>" + "|".join(COMPARED.values()) + rf") {AMOUNT}"
    r"(?! ?(?:%|percent|per cent|hours?|days?|weeks?|months?|quarters?|years?|times|@?\w+s who))"
)
TIMES_OVER = re.compile(
    r"\b(?:" + "|".join(COMPARED.values()) + r"|exactly|fewer than|only|just) "
    r"(?:\d+|one|two|three|four|five|ten|once|twice|a (?:single|couple|few))\b(?!\s?(?:%|per))"
)
"""How often somebody has to have done something, which no plan says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """What phrases of a question say of its figure, before its words are read one by one."""

    each: Any = None
    share_of: str = ""
    values: tuple[ValueCondition, ...] = ()
    assumed: tuple[str, ...] = ()


def shapes_in(text: str) -> tuple[Shapes, str]:
    """The shapes of a lower-case question, and the text without what says them."""
    each, text = _each(text)
    values, assumed, text = _values(text)
    text = TIMES_OVER.sub(" @times ", text)
    share = SHARE.search(text)
    share_of = share["what"] if share else ""
    return Shapes(each=each, share_of=share_of, values=values, assumed=assumed), text


def _each(text: str) -> tuple[str | None, str]:
    for pattern in EACH:
        match = re.search(pattern, text)
        if match is not None:
            rest = f"{text[: match.start()]} {match['what']} {text[match.end() :]}"
            return PERIODS.get(match["unit"], match["unit"]), " ".join(rest.split())
    return None, text


def _values(text: str) -> tuple[tuple[ValueCondition, ...], tuple[str, ...], str]:
    """Conditions that stand right behind the word for an event."""
    match = CONDITION.search(text)
    orders = lexicon.EVENT_WORDS["purchase"]
    if match is None or text[: match.start()].split()[-1:] == []:
        return (), (), text
    if text[: match.start()].split()[-1] not in orders:
        return (), (), text
    number = float(match["number"].replace(",", "")) * (1000 if match["k"] else 1)
    compared: Any = next(
        name for name, said in COMPARED.items() if match["compared"] in said.split("|")
    )
    money = match["sign"] or match["unit"]
    assumed = ("amounts are compared as they were recorded, in any currency",) if money else ()
    rest = f"{text[: match.start()]} {text[match.end() :]}"
    return (ValueCondition(compared=compared, value=number),), assumed, rest
