"""Text that people wrote, marked as data before a model reads it."""


def fenced(text: str) -> str:
    """The text inside ``<data>`` tags, so that no reader takes it for an instruction."""
    if not text:
        return ""
    return f"<data>{text.replace('<data>', '').replace('</data>', '')}</data>"
