"""Instructions for language models, a file each, with a version that goes into every record.

A file begins with ``version: N`` and an empty line. Change its text and you raise the version.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

PromptName = Literal["narrate", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Instructions; ``label`` is how records name them."""

    name: str
    version: int
    text: str

    @property
    def label(self) -> str:
        """Name and version, as ``plan@1``."""
        return f"{self.name}@{self.version}"


@cache
def read_prompt(name: PromptName) -> Prompt:
    """The prompt of that name."""
    head, _, text = (files(__package__) / f"{name}.md").read_text("utf-8").partition("\n\n")
    return Prompt(name=name, version=int(head.removeprefix("version: ")), text=text.strip())
