"""The words of a question that nothing has accounted for yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from neonblue.query.vocabulary import stem

MAX_PHRASE = 4


@dataclass(slots=True)
class Words:
    """The words that are left, and what was taken out of them."""

    left: list[str]
    assumed: list[str] = field(default_factory=list)

    def has(self, group: frozenset[str]) -> bool:
        """Whether a word of the group is left, in any form."""
        return any(_belongs(word, group) for word in self.left)

    def take(self, group: frozenset[str]) -> list[str]:
        """Take the words of the group out, in any form, and return them."""
        taken = [word for word in self.left if _belongs(word, group)]
        self.left = [word for word in self.left if not _belongs(word, group)]
        return taken

    def phrases(self) -> list[tuple[int, int, str]]:
        """Runs of words, the longest first, each with where it stands."""
        runs = []
        for length in range(min(MAX_PHRASE, len(self.left)), 0, -1):
            for start in range(len(self.left) - length + 1):
                runs.append((start, length, " ".join(self.left[start : start + length])))
        return runs

    def cut(self, start: int, length: int) -> None:
        """Take a run of words out."""
        del self.left[start : start + length]


@lru_cache(maxsize=256)
def _stems(group: frozenset[str]) -> frozenset[str]:
    return frozenset(stem(word) for word in group)


def _belongs(word: str, group: frozenset[str]) -> bool:
    """Whether a word is in a group, in any form that grammar gives it."""
    return word in group or (len(word) > 3 and stem(word) in _stems(group))
