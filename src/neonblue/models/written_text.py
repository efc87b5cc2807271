"""Text that people wrote, marked as data before a model reads it."""

import re

FENCE = re.compile(r"<\s*/?\s*data\s*>", re.IGNORECASE)


def fenced(text: str) -> str:
    """The text inside ``<data>`` tags, so that no reader takes it for an instruction.

    Fences inside it are taken out until none is left: ``<da<data>ta>`` would become one.
    """
    if not text:
        return ""
    while FENCE.search(text):
        text = FENCE.sub("", text)
    return f"<data>{text}</data>"
