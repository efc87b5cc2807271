"""What somebody says around a question: greetings, thanks, who wants to know and why.

A clause is passed over only at the beginning or the end, if it names nothing of the data, says
nothing that narrows a question, and is told of a person or is a courtesy. Everything else stays,
and a word in it that nothing explains makes the question a declined one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from neonblue.query.sql_functions import words as listed

BREAKS = re.compile(r"[.!?;:\n]+(?=\s|$)|\s[-–—]+\s|[–—]|,\s|\.\.\.|\s\(|\)\s?")
COURTESY = listed(
    """
    hi hey hello hiya sorry apologies thanks thank thx cheers ta please pls plz ok okay alright
    morning afternoon evening greetings kindly urgent asap quick quickly question btw fyi hm hmm um
    mate guys folks dear team uh er well so anyway oh ah lol wow great perfect cool nice awesome
    brilliant lovely
    """
)
PERSONS = listed(
    """
    i i'm i'd i'll i've me my mine myself we we're we've our ours you you're your he he's his him
    she she's her they they're they've their them boss manager ceo cfo coo cmo cto cpo vp director
    finance board team colleague colleagues stakeholder stakeholders leadership exec execs somebody
    someone everybody everyone
    """
)
NARROWING = listed(
    """
    only except excluding exclude without not no never but where if unless other than who whose
    whom which with within outside besides apart minus just mean meaning namely specifically say
    """
)
TALK = listed(
    "asking asked wondering wondered was were told said trying curious chatting discussing"
)
IN_TALK = listed("with if but just say where who which")
PLACING = listed("from in on at of by per under over via during since before after until among")
PURPOSE = re.compile(
    r"(?:for|in|at) (?:my|his|her|a|an|the|our|this|that|today's|tomorrow's|tonight's) (?:\w+ )?"
    r"(?:slides?|deck|report|presentation|meeting|standup|stand-up|review|update|board|boss|call"
    r"|newsletter|email|memo|retro|sync|one-pager|dashboard|offsite|workshop|pitch)\b"
)
OPENING = re.compile(
    r"\b(?:how many|how much|how often|what|which|show|list|give|the number of|number of|whether"
    r"|compare|rank|why|who|where)\b"
)


def without_chatter(text: str, names: Callable[[str], bool]) -> str:
    """The lower-case text without clauses that ask nothing; ``names`` says what is of the data."""
    text = PURPOSE.sub(" ", text)
    clauses = [one.strip() for one in BREAKS.split(text) if one.strip()]
    kept = _from_first(clauses, names)
    kept = _from_first(kept[::-1], names)[::-1]
    if not kept:
        return text
    kept[0] = _without_beginning(kept[0], names)
    return ", ".join(kept)


def _from_first(clauses: list[str], names: Callable[[str], bool]) -> list[str]:
    for number, clause in enumerate(clauses):
        if not _chatter(clause, names):
            return clauses[number:]
    return []


def _chatter(clause: str, names: Callable[[str], bool]) -> bool:
    said = re.findall(r"[@\w'-]+", clause)
    about = " ".join(word for word in said if word not in TALK)
    if not said or names(about) or any(word[0].isdigit() or word[0] == "@" for word in said):
        return not said
    narrowing = NARROWING - IN_TALK if TALK.intersection(said) else NARROWING
    if narrowing.intersection(said) or said[0] in PLACING:
        return False
    return bool((COURTESY | PERSONS).intersection(said))


def _without_beginning(clause: str, names: Callable[[str], bool]) -> str:
    """The clause from where it asks, if all before that is talk."""
    match = OPENING.search(clause)
    if match is None or not match.start():
        return clause
    before = clause[: match.start()].strip()
    return clause[match.start() :] if _chatter(before, names) else clause
