"""Phrases that mean one plain word, and kinds of question that a phrase decides."""

from __future__ import annotations

import re
from typing import Literal

from neonblue.query import lexicon
from neonblue.query.time_range import MONTH

ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
NOT = "@not"
"""Stands before what a question leaves out."""
LENGTH = r"(?:days|weeks|hours|months)"
BEST, LEAST = r"(?:biggest|largest|highest|most|best)", r"(?:smallest|lowest|fewest|least|worst)"
PLAIN = (
    (r"\bnos? of\b|\bnumbers of\b|# of\b", "number of"),
    (r"\b(?:and|or) (?:whatever|something|stuff|such|so on|anything)\b", " "),
    (r"[@\w-]+\s*,? i mean,? ", " "),
    (
        r"\b(?:do(?:es)?|did|done) (?:anything|something)\b|\bpa(?:y|ys|id) off\b"
        r"|\bma(?:ke|kes|de) (?:a|any) difference\b|\bmov(?:e|es|ed|ing) the needle\b",
        "effect",
    ),
    (
        r"\b(?:should|can|do)(?:n't| not|not) (?:be )?(?:trust|believ|rel[yi])\w*(?: on)?\b",
        "untrustworthy",
    ),
    (r"^\w{1,3} many\b", "how many"),
    (r"\bworth (?=\w+ing\b)", "effect "),
    (r"\b(?:combinations?|combos?|pairs?)(?: of)?\b", " "),
    (r"\bshare (?:the|a|an|with|me|some)\b", " "),
    (r"\b([a-z]{3,})[ -]wise\b", r"by \1"),
    (r"\b(?:my|our|the) (?:team|company|business|shop|store|site|website|org)\b", " "),
    (r"\b(?:broken|break|split|grouped) (?:it )?(?:down|up|out)?(?= by|$)", " "),
    (r"\bdown the (?:side|rows?)\b|\bacross the top\b|\b(?:as|in) (?:rows|columns)\b", " "),
    (rf"\b{BEST} first\b|\b(?:in )?descending(?: order)?\b|\bhigh(?:est)? to low(?:est)?\b", " "),
    (
        rf"\b{LEAST} first\b|\b(?:in )?ascending(?: order)?\b|\blow(?:est)? to high(?:est)?\b",
        "lowest",
    ),
    (r"\b(?:more|less) (?:often|likely|frequently)\b", "rate"),
    (r"\b(day|week|month)s? (?:after|by|on|over) \1s?\b", r"each \1"),
    (r"\b(?:end|ends|ended) up\b", " "),
    (r"\bweb browser", "browser"),
    (r"\b(?:take|takes|took|taken|taking) part\b|\bparticipated?\b", "entered"),
    (
        r"\bat (?:the|this) (?:very )?(?:moment|mo|minute)\b|\bright now\b|\bthese days\b",
        "currently",
    ),
    (r"\bon the go\b|\bin flight\b|\bup and running\b|\bin progress\b", "running"),
    (
        r"(?<!\bweek )(?<!\bmonth )(?<!\bquarter )(?<!\byear )\b(?:(?:up )?to date|so far"
        r"|all[- ]time|since (?:the )?(?:launch|beginning|start)|ever)\b"
        r"(?! of)",
        " ",
    ),
    (
        r"\bhow much (?:money |cash )?(?:did|have|do) (?:we|you|they) (?:ma[kd]e|earn(?:ed)?|take"
        r"|taken|sell|sold|bring in|brought in|raked? in|gross(?:ed)?|turn(?:ed)? over)\b",
        "total revenue",
    ),
    (r"\bturn(?:ed|ing)? over\b", "revenue"),
    (r"\bwhat (?:cut|slice|chunk|part|bit|piece|percent|per cent|%) of\b", "what share of"),
    (rf"\b(?:(?:number|count|total) of|how many) {LENGTH}\b|\bhow long\b", " @long "),
    (r"\b(bought|purchased|ordered|buy|order|purchase) nothing\b", rf" {NOT} \1 "),
    (r"\b(weekend|week|month|day) just (?:gone|past|ended|finished)\b", r"last \1"),
    (r"\b(?:the )?last last\b", "last"),
    (r"\bmost expensive\b|\b(?:priciest|dearest|costliest)\b", "largest"),
    (r"\bcheapest\b|\bleast expensive\b", "smallest"),
    (r"\b(?:leaving|setting) (?:aside )?([\w-]+) aside\b", rf" {NOT} \1 "),
    (r"\b([\w-]+) (?:excluded|not included|left out|aside)\b", rf" {NOT} \1 "),
    (
        r"\b(?:excluding|excludes?|except(?: for| from)?|excl\.?|not including|without counting"
        r"|other than|apart from|aside from|besides|outside(?: of)?|leaving out|leave out|ignoring"
        r"|ignore|disregarding|but not|not counting|anywhere but|all but|everything but"
        r"|everyone but|everywhere but|not (?:in|on|from|using|via|with|of)|non)\b[ -]?",
        f" {NOT} ",
    ),
    (
        r"\b(?:who |that |which )?(?:has |have |had )?(?:never|(?:did|have|has|do|does)(?:n't| not)"
        r"|without|failed to|no|(?<!@)not)\b(?! (?:of|more|less|fewer|later)\b)",
        f" {NOT} ",
    ),
    (r"(?<!@)(?<!\bin )(?<!from )(?<!\bof )(?<!for )(?<!\bby )(?<!the )\bus\b", " "),
)
SHORT = {
    "cvr": "conversion rate", "cr": "conversion rate", "conv": "conversion", "rev": "revenue",
    "uniq": "unique", "uniqs": "unique", "wk": "week", "wks": "weeks", "mth": "month",
    "mths": "months", "qty": "number", "cnt": "count", "num": "number", "txn": "transaction",
    "txns": "transactions", "pct": "percentage", "arpu": "revenue per user", "tix": "tickets",
    "yday": "yesterday", "hrs": "hours", "yr": "year", "w/c": "week commencing",
    "w/o": "without", "b/w": "between", "intl": "international", "med": "median",
}  # fmt: skip
"""What is written short, as it is written out."""
ASKED_OF = frozenset(
    {"is", "are", "was", "were", "kind", "kinds", "sort", "type", "types", "amount"}
)
UNITS = {"h": "hours", "d": "days", "w": "weeks", "m": "months"}
BASKET = (
    r"\b(?:average |mean |typical )?(?:basket|cart) (?:value|worth|size)s?\b"
    r"|\b(?:average|mean|typical) (?:basket|cart)s?\b"
)
MEDIAN_BASKET = r"\bmedian (?:basket|cart)(?: (?:value|worth|size))?s?\b"
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
    text = _written_out(text)
    text = re.sub(r"\bwhat (\w+) of\b", _noun, text)
    if not carts:
        text = re.sub(MEDIAN_BASKET, "median order value", text)
        text = re.sub(BASKET, "average order value", text)
    for pattern, replacement in PLAIN:
        text = re.sub(pattern, replacement, text)
    text = re.sub(ROLLED_OUT, " ship ", text)
    for word, number in ORDINALS.items():
        text = re.sub(rf"\b(?:the )?{word}(?: day)?(?: of)? (?={MONTH}\b)", f"{number} ", text)
    return text


def _written_out(text: str) -> str:
    """The text without abbreviations, slashes and hyphens that stand for a word."""
    for short, long in SHORT.items():
        text = re.sub(rf"(?<![@\w/-]){re.escape(short)}(?![\w/-])", long, text)
    text = re.sub(
        r"\b(last|past|previous) (\d+) ?([hdwm])\b",
        lambda match: f"{match[1]} {match[2]} {UNITS[match[3]]}",
        text,
    )
    for short, long in SHORT.items():
        text = re.sub(rf"(?<![@\w]){re.escape(short)}(?=/[a-z])", long, text)
    text = re.sub(r"\band/or\b", "or", text)
    text = re.sub(r"\b([a-z]{3,})-(?:to|per|vs)-([a-z]{3,})\b", r"\1 per \2", text)
    return re.sub(r"(?<=[a-z]{3})/(?=[a-z]{3})", " per ", text)


def _noun(match: re.Match[str]) -> str:
    """A word that names what is asked for is never one that means nothing."""
    word = match[1]
    asked = any(word in group for group in lexicon.MEASURES.values())
    empty = word in lexicon.FILLERS and word not in ASKED_OF and not asked
    return f"what @{word} of" if empty else match.group()


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
