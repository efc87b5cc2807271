"""Text that people wrote, marked as data before a model reads it."""

import re
import unicodedata

FENCE = re.compile(r"<\s*/?\s*data\s*>", re.IGNORECASE)
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


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
