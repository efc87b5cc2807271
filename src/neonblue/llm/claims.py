"""Whether a sentence says only what its evidence says: names, numbers, directions, verdicts.

A sentence is checked against the evidence that it cites alone. It goes when any part of it cannot
be found there; nothing is repaired, because a repaired lie is still a guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from neonblue.llm import narration_words as lexicon
from neonblue.llm.grounding import (
    Figure,
    WrittenNumber,
    figures,
    matching,
    names_in,
    texts,
    without_names,
    written_numbers,
)
from neonblue.llm.narration_words import words_of
from neonblue.models.written_text import FENCE, UNSEEN, is_name

LONGEST_SENTENCE = 400
FORM = re.compile(
    r"[<>{}|`\\]|://|\bwww\.|^\s*[#*-]\s|\bthan\s+[-+\u2212]?\d", re.MULTILINE | re.IGNORECASE
)
SIGNS = frozenset("+\u2212=~\u00b1")
"""Other symbols draw what words would say: an arrow, a chart that climbs."""
SYMBOLS = frozenset({"So", "Sk", "Sm"})
CLAUSE = re.compile(r"[;,](?!\d)|\b(?:and|while|whereas|but)\b")
OWN_KEYS = frozenset({"decision", "outcome", "trust", "status", "standing", "said", "why"})
"""Fields that we write: what stands there may be claimed, what people typed may not."""
LIFTS = frozenset(
    {"relative_lift", "relative_change", "improvement", "lift", "change", "shrunk_relative_lift"}
)
LIFT_WORDS = frozenset({"lift", "lifts", "improvement", "change", "changed", "effect"})
INTERVAL_WORDS = frozenset(
    ["interval", "bound", "bounds", "limit", "limits", "confidence", "credible", "ranges"]
)
COUNTED = re.compile(
    r"\s*(?P<noun>(?:day|week|month|hour|year|experiment|test|variant|metric|segment|group)s?)\b",
    re.IGNORECASE,
)
BOUND = re.compile(r"\b(?P<side>lower|upper) (?:bound|limit)", re.IGNORECASE)
FROM_TO = re.compile(r"\bfrom\b(?P<first>.+?)\bto\b(?P<second>.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """The evidence of one sentence, by id, beside all the evidence there is.

    ``shared`` are ids of what every item is about, as a plan is about its rows: their names are
    everybody's.
    """

    items: Mapping[str, object]
    everything: Mapping[str, object]
    known_names: Collection[str] = ()
    shared: Collection[str] = ()


def fault_of(sentence: str, cited: Cited) -> str | None:
    """What is wrong with a sentence in a few words, or None."""
    text = unicodedata.normalize("NFKC", FENCE.sub("", sentence))
    if len(text) > LONGEST_SENTENCE or FORM.search(text):
        return "it is not a plain sentence"
    if any(unicodedata.category(one) in UNSEEN for one in text):
        return "it has characters that are not seen"
    if any(unicodedata.category(one) in SYMBOLS and one not in SIGNS for one in text):
        return "it has symbols instead of words"
    names = names_in(list(cited.items.values()))
    for check in (_other_name, _unknown_word, _unknown_number, _idle, _clauses):
        fault = check(text, names, cited)
        if fault is not None:
            return fault
    return None


def _other_name(text: str, names: set[str], cited: Cited) -> str | None:
    """Names that there are, but not in what the sentence cites."""
    rest = without_names(text, names)
    others = names_in(list(cited.everything.values())) | set(cited.known_names)
    folded = {name.casefold() for name in names}
    lower = rest.casefold()
    for name in sorted(others, key=len, reverse=True):
        if name.casefold() not in lower or name.casefold() in folded or not _telling(name):
            continue
        if without_names(rest, [name]) != rest:
            return f"{name!r} is not in the evidence that it cites"
    return None


def _telling(name: str) -> bool:
    """Whether a name is one even inside a sentence, and no word that sentences are made of."""
    words = words_of(name)
    return not words or any(word not in lexicon.LEXICON for word in words) or "_" in name


def _unknown_word(text: str, names: set[str], cited: Cited) -> str | None:
    known = lexicon.LEXICON | _words_in(cited.items)
    for word in words_of(without_names(text, names)):
        bare = word.removesuffix("'s")
        forms = {bare, bare.removesuffix("s"), f"{bare}s"}
        if word in lexicon.NEVER or not forms & known:
            return f"the word {word.split('-')[0][:20]!r} is not in its evidence"
    return None


def _words_in(items: Mapping[str, object]) -> set[str]:
    """Words of texts and of the fields of the evidence; what they claim is checked elsewhere."""
    found: set[str] = set()
    for key, text in texts(list(items.values())):
        found.update(words_of(text.replace("_", " ")), words_of(key.replace("_", " ")))
    for figure in figures(list(items.values())):
        found.update(words_of(figure.key.replace("_", " ")))
    return found


def _unknown_number(text: str, names: set[str], cited: Cited) -> str | None:
    known = list(figures(list(cited.items.values())))
    for number in written_numbers(without_names(text, names)):
        if not matching(number, known):
            return f"the number {number.text!r} is not in its evidence"
    return None


def _idle(text: str, names: set[str], cited: Cited) -> str | None:
    """A sentence that states nothing, as one that only repeats what somebody typed."""
    rest = without_names(text, names)
    named = without_names(text, {name for name in names if is_name(name)}) != text
    words = words_of(rest)
    if not words:
        return "it only repeats its evidence"
    if named or _claims_in(words) or any(written_numbers(rest)):
        return None
    return "it says nothing of its evidence"


def _claim(words: Sequence[str], items: Mapping[str, object]) -> str | None:
    own = [t.replace("_", " ") for k, t in texts(list(items.values())) if k in OWN_KEYS]
    allowed = {(group, denied) for one in own for group, denied, _ in _claims_in(words_of(one))}
    for group, negated, word in _claims_in(words):
        if (group, negated) not in allowed:
            return f"its evidence does not say {('not ' if negated else '') + word!r}"
    return None


def _claims_in(words: Sequence[str]) -> list[tuple[int, bool, str]]:
    found = []
    for index, word in enumerate(words):
        for group, claims in enumerate(lexicon.CLAIMS):
            if word in claims:
                found.append((group, _negated(words, index), word))
    return found


def _negated(words: Sequence[str], index: int) -> bool:
    return any(word in lexicon.NEGATIONS for word in words[max(0, index - 3) : index])


def _clauses(text: str, names: set[str], cited: Cited) -> str | None:
    """Figures belong to the item that the clause names, and directions to the figures' signs."""
    own = {key: item for key, item in cited.items.items() if key not in cited.shared}
    of_item = _identifying(own)
    written = list(written_numbers(without_names(text, names)))
    current: str | None = None
    for clause in CLAUSE.split(_joined(text, names)):
        mentioned = [one for one in of_item if any(_mentions(clause, n) for n in of_item[one])]
        rest = without_names(clause, names)
        numbers = list(written_numbers(rest))
        if len(mentioned) > 1 and numbers:
            return "it gives figures of several things at once"
        current = mentioned[0] if len(mentioned) == 1 else current
        items = {current: cited.items[current]} if current is not None else cited.items
        fault = _clause(rest, numbers, items, cited, written)
        if fault is not None:
            return fault
    return None


def _joined(text: str, names: set[str]) -> str:
    """Names with commas or ``and`` inside stay whole while the sentence is cut into clauses."""
    for name in names:
        if CLAUSE.search(name):
            text = re.sub(re.escape(name), " ", text, flags=re.IGNORECASE)
    return text


def _identifying(items: Mapping[str, object]) -> dict[str, set[str]]:
    """Names that one item alone has."""
    of_item = {one: names_in(value) for one, value in items.items()}
    return {
        one: {
            name
            for name in names
            if not any(name in other for key, other in of_item.items() if key != one)
        }
        for one, names in of_item.items()
    }


def _mentions(clause: str, name: str) -> bool:
    return without_names(clause, [name]) != clause


def _clause(
    text: str,
    numbers: Sequence[WrittenNumber],
    items: Mapping[str, object],
    cited: Cited,
    of_sentence: Sequence[WrittenNumber],
) -> str | None:
    known = list(figures(list(items.values())))
    words = words_of(text)
    direction, unclear = _direction(words)
    if unclear:
        return "it says two directions at once, or denies something else"
    percents = bool((LIFT_WORDS | lexicon.UP | lexicon.DOWN) & set(words))
    for number in numbers:
        found = matching(number, known)
        if not found:
            return f"the number {number.text!r} belongs to something else"
        if not _counts(number, text, found, items):
            return f"{number.text!r} counts something else in its evidence"
        lifts = [one for one in found if one.signed]
        if len(lifts) == len(found) and not (percents or _about_interval(words, number)):
            return f"{number.text!r} is a lift in its evidence"
        if percents and "%" in number.text and not lifts:
            return f"{number.text!r} is no lift in its evidence"
        said = direction or number.text[0] in "+-−"
        if lifts and (said or len(lifts) == len(found)) and _sign_faults(number, lifts, direction):
            return f"{number.text!r} has the other sign in its evidence"
    fault = _unproven_extreme(words, numbers or of_sentence, known, cited)
    fault = fault or _unproven_direction(direction, numbers, known)
    fault = fault or _claim(words, items) or _bound(text, numbers, known)
    return fault or _order(text, direction) or _judged(words, items)


def _about_interval(words: Sequence[str], number: WrittenNumber) -> bool:
    return bool(INTERVAL_WORDS & set(words)) or number.text[0] in "+-−"


def _counts(
    number: WrittenNumber, text: str, found: Sequence[Figure], items: Mapping[str, object]
) -> bool:
    """Whether days are days in the evidence too: by the field's name or in its own words."""
    match = COUNTED.match(text[text.index(number.text) + len(number.text) :])
    if match is None:
        return True
    noun = match["noun"].casefold().removesuffix("s")
    if any(noun in figure.key for figure in found):
        return True
    said = f"{number.text} {noun}".casefold()
    return any(said in one.casefold() for _, one in texts(list(items.values())))


def _bound(text: str, numbers: Sequence[WrittenNumber], known: Sequence[Figure]) -> str | None:
    """A lower bound is one in the evidence."""
    for match in BOUND.finditer(text):
        side = match["side"].casefold()
        keys = [figure.key for number in numbers for figure in matching(number, known)]
        if numbers and not any(side in key for key in keys):
            return f"its evidence has another {side} bound"
    return None


def _direction(words: Sequence[str]) -> tuple[int, bool]:
    """1 up, -1 down, 0 neither; and whether it cannot be told, or a denial is of nothing known."""
    found = set()
    denials = sum(word in lexicon.NEGATIONS for word in words)
    explained = 0
    for index, word in enumerate(words):
        sign = (word in lexicon.UP) - (word in lexicon.DOWN)
        claimed = word in lexicon.CLAIM_WORDS
        if sign and word not in lexicon.NEUTRAL_DIRECTIONS:
            found.add(-sign if _negated(words, index) else sign)
        if (sign or claimed) and _negated(words, index):
            explained += 1
    return (found.pop() if len(found) == 1 else 0), len(found) > 1 or denials > explained


def _sign_faults(number: WrittenNumber, lifts: Sequence[Figure], direction: int) -> bool:
    """Whether no figure has the sign that is said: by a sign, by a word, or by neither for +."""
    written = -1 if number.text[0] in "-−" else 1 if number.text[0] == "+" else 0
    if written and direction and written != direction:
        return True
    said = written or direction or 1
    return not any((one.value > 0) - (one.value < 0) in (said, 0) for one in lifts)


def _unproven_extreme(
    words: Sequence[str],
    numbers: Sequence[WrittenNumber],
    known: Sequence[Figure],
    cited: Cited,
) -> str | None:
    said = {word for word in words if word not in lexicon.NEUTRAL_DIRECTIONS}
    for group, best in ((lexicon.MOST, max), (lexicon.LEAST, min)):
        if said & group and not _extreme(numbers, known, cited, best):
            return f"its evidence does not show that it is the {sorted(said & group)[0]}"
    return None


def _extreme(
    numbers: Sequence[WrittenNumber],
    known: Sequence[Figure],
    cited: Cited,
    best: Callable[[Iterable[float]], float],
) -> bool:
    """Whether a number of the item is the greatest, or least, of its field in all evidence."""
    whole = list(figures(list(cited.everything.values())))
    for number in numbers:
        for figure in matching(number, known):
            same = [one.value for one in whole if one.key == figure.key and figure.key]
            if same and figure.value == best(same):
                return True
    return False


def _unproven_direction(
    direction: int, numbers: Sequence[WrittenNumber], known: Sequence[Figure]
) -> str | None:
    if not direction or any(one.signed for n in numbers for one in matching(n, known)):
        return None
    signs = {(one.value > 0) - (one.value < 0) for one in known if one.key in LIFTS}
    signs = signs or {(v.value > 0) - (v.value < 0) for v in known if v.signed}
    return None if signs == {direction} else "its evidence does not show that direction"


def _order(text: str, direction: int) -> str | None:
    """``from X to Y`` goes the way that the words say."""
    match = FROM_TO.search(text)
    if match is None or not direction:
        return None
    first = next(_values(match["first"]), None)
    second = next(_values(match["second"]), None)
    if first is None or second is None or (second - first) * direction >= 0:
        return None
    return "its figures go the other way"


def _values(text: str) -> Iterator[float]:
    for number in written_numbers(text):
        yield -number.value if number.text[0] in "-−" else number.value


def _judged(words: Sequence[str], items: Mapping[str, object]) -> str | None:
    """Better and worse are known of what says so: an improvement's sign."""
    judged = 0
    for index, word in enumerate(words):
        sign = (word in lexicon.GOOD) - (word in lexicon.BAD)
        if sign and word not in lexicon.NEUTRAL_DIRECTIONS:
            judged = -sign if _negated(words, index) else sign
    if not judged:
        return None
    known = figures(list(items.values()))
    signs = {(one.value > 0) - (one.value < 0) for one in known if one.key == "improvement"}
    return None if signs == {judged} else "its evidence does not say what is better"
