"""Texts an agent may read before it acts: the words, the rules, the shape of the data."""

from importlib.resources import files

from fastmcp.resources import resource

MARKDOWN = "text/markdown"


def _text(name: str) -> str:
    return (files("neonblue.resources") / name).read_text("utf-8")


@resource("neonblue://glossary", mime_type=MARKDOWN)
def glossary() -> str:
    """What each word in answers means: variant, look, confidence sequence, shrunk lift …"""
    return _text("glossary.md")


@resource("neonblue://decision-framework", mime_type=MARKDOWN)
def decision_framework() -> str:
    """The rules that lead to a verdict, in their order, and what to do after each."""
    return _text("decision_framework.md")


@resource("neonblue://schema", mime_type=MARKDOWN)
def schema() -> str:
    """The event contract and how metrics and experiments are defined."""
    return _text("schema.md")


RESOURCES = (glossary, decision_framework, schema)
