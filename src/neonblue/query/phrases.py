"""Phrases that mean one plain word, and kinds of question that a phrase decides."""

from __future__ import annotations

import re
from typing import Literal

from neonblue.query.time_range import MONTH

ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
PLAIN = (
    (r"\b(?:broken|break|split|grouped) (?:it )?(?:down|up|out)?(?= by|$)", " "),
    (r"\b(day|week|month)s? (?:after|by|on|over) \1s?\b", r"each \1"),
    (r"\b(?:end|ends|ended) up\b", " "),
    (r"\bweb browser", "browser"),
    (r"\b(?:take|takes|took|taken|taking) part\b|\bparticipated?\b", "entered"),
    (r"\bat (?:the|this) (?:very )?moment\b|\bright now\b|\bthese days\b", "currently"),
    (r"(?<!@)(?<!\bin )(?<!from )(?<!\bof )(?<!for )(?<!\bby )(?<!the )\bus\b", " "),
)
BASKET = (
    r"\b(?:average |mean |typical )?(?:basket|cart) (?:value|worth|size)s?\b"
    r"|\b(?:average|mean|typical) (?:basket|cart)s?\b"
)
ROLLED_OUT = r"\b(?:roll|rolls|rolled|rolling)[ -]?(?:it |this |that )?out\b"

AFTER = r"(?:a|one|\d+) days? (?:later|after(?:wards)?)"
DAYS = (
    r"\bafter (?P<n>\d+|one|a) days?\b",
    r"\bd(?:ay)?[ -]?(?P<n>\d+)\b(?:'s)?",
    r"\b(?P<n>\d+|one|a)[ -]days?\b",
)
NEXT_DAY = r"\b(?:the )?(?:next|following|very next)[ -]day\b|\bthe day after\b|\bdaily\b"
RETURNING = (
    r"\b(?:come|comes|came|coming|are|were|get|got) back\b|\breturn(?:s|ed|ing)?\b"
    r"|\b(?:stick|sticks|stuck) around\b|\bretained?\b"
)
RETENTION = r"\bretention\b(?: rates?)?|\breturn rates?\b"
FIRST = (
    r"\b(?:after |of |since |from )?(?:their|his|her|the|a) (?:very )?first (?:visit|day|event|"
    r"time|session|appearance)\b|\b(?:new|first-time) (?:users?|visitors?|people|customers?)\b"
    r"|\bnewcomers?\b"
)

CHANGE = (
    r"drop(?:s|ped)?|fall(?:s|en)?|fell|declined?|decrease[ds]?|dip(?:s|ped)?|sink|sank"
    r"|slump(?:ed)?"
    r"|rise[sn]?|rose|increased?|grow[ns]?|grew|jump(?:s|ed)?|spiked?|climb(?:s|ed)?|surged?"
    r"|changed?|move[ds]?|go(?:es)? (?:up|down)|went (?:up|down)|differ|shift(?:ed)?"
)
NOUN = (
    r"(?:the )?(?:change|drop|fall|decline|decrease|dip|slump|rise|increase|growth|jump|spike|surge"
    r"|difference|shift)s?"
)
CAUSE = (
    r"(?:(?:is|was|are|were|lies) )?behind|explain(?:s|ed)?"
    r"|(?:(?:is|was|are|were) )?driv(?:es?|ing)"
    r"|drove"
    r"|caus(?:es?|ed|ing)|account(?:s|ed)? for|contribut(?:es?|ed) (?:most )?to|made"
    r"|(?:is|was|are|were) responsible for"
)
MOVED = (
    rf"\bwhy (?:did|do|have|has|are|is|were|was)\b(?=.*\b(?:{CHANGE})\b)",
    r"\b(?:what(?:'s)?|which) (?:slices?|segments?|parts?|dimensions?|groups?|sources?)?"
    r"(?: of \w+)? ?"
    rf"(?:{CAUSE})\b",
    r"\bwhere (?:did|do|does) the (?:extra|additional|missing|lost|new)\b(?=.*\bcome from\b)",
    r"\bwhat (?:has |have )?(?:moved|changed)\b(?: in| with| about)?",
    rf"\bwhat (?:is|was)? ?the (?:reasons?|causes?) (?:for|of)\b(?=.*\b(?:{NOUN})\b)",
)
MOVED_REST = (rf"\b(?:{NOUN}) (?:in|of)\b", r"\b(?:come|came) from\b", rf"\b(?:{CHANGE})\b")

STEP_WORDS = (
    r"\b(?:next|steps?|happens?|happened|comes?|came|do|does|did|go|goes|follows?|followed"
    r"|precedes?|preceded|leads?|led|usually|often|events?|actions?|visit)\b"
)
NEXT = (
    r"\b(?:(?:right |directly |immediately |next )*after(?: being| an?| the)?"
    r"|follow(?:s|ed|ing)?)\b"
)
PREVIOUS = (
    r"\b(?:(?:just |right |directly |immediately )*before|prior to|preced(?:es|ed|e|ing)"
    r"|lead(?:s|ing)?(?: up)? to|led(?: up)? to)\b"
)
COUNTED = r"\bhow (?:many|much)\b|\bnumber of\b|\bshare\b|\brate\b"


def plain(text: str, *, carts: bool = False) -> str:
    """A lower-case question with its phrases as plain words.

    A basket is an order where no events are of ``carts``.
    """
    if not carts:
        text = re.sub(BASKET, "average order value", text)
    for pattern, replacement in PLAIN:
        text = re.sub(pattern, replacement, text)
    text = re.sub(ROLLED_OUT, " ship ", text)
    for word, number in ORDINALS.items():
        text = re.sub(rf"\b(?:the )?{word}(?: day)?(?: of)? (?={MONTH}\b)", f"{number} ", text)
    return text


def retention_in(text: str) -> tuple[int | None, str] | None:
    """The day of a retention (None where none is said) and the text without its words."""
    named = re.search(RETENTION, text)
    returning = re.search(RETURNING, text)
    days = [match for pattern in DAYS if (match := re.search(pattern, text))]
    next_day = re.search(NEXT_DAY, text)
    later = re.search(AFTER, text)
    if named is None and (returning is None or not (days or next_day or later)):
        return None
    day = None
    for match in (later, next_day, *days):
        if match is None:
            continue
        number = re.search(r"\d+", match.group())
        day = int(number.group()) if number else 1
        text = text.replace(match.group(), " ", 1)
        break
    for pattern in (RETENTION, RETURNING, FIRST):
        text = re.sub(pattern, " ", text)
    return day, text


def moved_in(text: str) -> str | None:
    """The text without the words that ask what moved; None where it asks something else."""
    for pattern in MOVED:
        if re.search(pattern, text):
            text = re.sub(pattern, " ", text, count=1)
            for rest in MOVED_REST:
                text = re.sub(rest, " ", text)
            return text
    return None


def step_in(text: str) -> tuple[Literal["next", "previous"], str, str] | None:
    """Whether what comes after or before an event is asked, and the text on both sides of that."""
    if re.search(COUNTED, text):
        return None
    for pattern in (NEXT, PREVIOUS):
        match = re.search(pattern, text)
        if match is None or not re.search(STEP_WORDS, f"{text[: match.start()]} {match.group()}"):
            continue
        front = re.sub(STEP_WORDS, " ", text[: match.start()])
        return ("next" if pattern is NEXT else "previous"), front, text[match.end() :]
    return None
