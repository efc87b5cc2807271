"""Text from outside, marked as data before a model reads it: one rule for all of it.

What looks like an identifier is shown as it is: letters and digits with ``_ - . : / @ + =``, at
most 64 characters and three words. Everything else that somebody else wrote, or that a program
sent as a name, stands inside ``<data>`` tags, with characters that are not seen written as escapes;
``raw_name`` leads back, so tools take what they show. Our own words are never fenced.
"""

from __future__ import annotations

import re
import unicodedata

FENCE = re.compile(r"<\s*/?\s*data\s*>", re.IGNORECASE)
FENCED = re.compile(r"<data>.*?</data>", re.DOTALL)
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
NAME = re.compile(r"[\w\-.:/@+=]+(?: [\w\-.:/@+=]+){0,2}\Z")
SENTENCE_END = re.compile(r"[.:] ")
LONGEST_NAME = 64
LONGEST_UNSPACED = 12  # in scripts that write whole sentences without spaces

ESCAPED = re.compile(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})|\\\\")


def fenced(text: str) -> str:
    """The text inside ``<data>`` tags, so that no reader takes it for an instruction.

    Fences inside it are taken out until none is left: ``<da<data>ta>`` would become one.
    """
    if not text:
        return ""
    while FENCE.search(text):
        text = FENCE.sub("", text)
    return f"<data>{text}</data>"


def shortened(text: str, characters: int) -> str:
    """At most so many characters and a mark, without those that are not seen."""
    seen = "".join(" " if unicodedata.category(one) in UNSEEN else one for one in text[:characters])
    return seen + "…" if len(text) > characters else seen


def is_name(text: str) -> bool:
    """Whether a text is short and plain enough to be nothing but an identifier."""
    if len(text) > LONGEST_NAME or not NAME.match(text) or SENTENCE_END.search(text):
        return False
    return text.isascii() or sum(unicodedata.category(one) == "Lo" for one in text) <= (
        LONGEST_UNSPACED
    )


def shown_name(text: str) -> str:
    """An identifier as it is; any other text fenced, so that ``raw_name`` gives it back."""
    if not text or is_name(text):
        return text
    return f"<data>{_escaped(text)}</data>"


def raw_name(shown: str) -> str:
    """What ``shown_name`` was given; other text as it is."""
    if not shown.startswith("<data>") or not shown.endswith("</data>"):
        return shown
    return ESCAPED.sub(_unescaped, shown[len("<data>") : -len("</data>")])


def visible(text: str) -> str:
    """The text with what is not seen, except for line ends and tabs, written as escapes."""
    if text.isascii() and (text.isprintable() or "\n" in text):
        return text
    hidden = (one for one in set(text) if unicodedata.category(one) in UNSEEN and one not in "\n\t")
    for character in hidden:
        text = text.replace(character, _escape(character))
    return text


def _escaped(text: str) -> str:
    backslashes = text.replace("\\", "\\\\")
    opened = FENCE.sub(lambda found: found[0].replace("<", "\\u003c"), backslashes)
    return "".join(_escape(one) if unicodedata.category(one) in UNSEEN else one for one in opened)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _unescaped(found: re.Match[str]) -> str:
    return "\\" if found[0] == "\\\\" else chr(int(found[1] or found[2], 16))
