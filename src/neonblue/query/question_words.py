"""The words of a question that nothing has accounted for yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from neonblue.query.phrases import NOT
from neonblue.query.vocabulary import stem

MAX_PHRASE = 4
DONE = "@done"
JOINING = frozenset({"the", "a", "an", "and", "or", "nor", "any", "our"})
LEADING = JOINING | {
    "in",
    "on",
    "from",
    "of",
    "to",
    "using",
    "with",
    "make",
    "made",
    "place",
    "placed",
}
Match = tuple[int, int, str]
"""Where a name stands, how many words it has, and the words."""


@dataclass(slots=True)
class Words:
    """The words that are left, and what was taken out of them."""

    left: list[str]
    assumed: list[str] = field(default_factory=list)
    counting: bool = False
    """Whether the question asks how many."""
    general: bool = False
    """Whether it names events as such."""

    def __post_init__(self) -> None:
        self.counting = bool({"many", "number", "count"}.intersection(self.left))

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

    def longest(self, named: Mapping[str, object]) -> list[Match]:
        """Where names stand, the longest of those that overlap, in their order."""
        found: list[Match] = []
        taken: set[int] = set()
        for start, length, phrase in self.phrases():
            places = range(start, start + length)
            if phrase in named and taken.isdisjoint(places):
                taken.update(places)
                found.append((start, length, phrase))
        return sorted(found)

    def negated(
        self, named: Sequence[Match], group: Callable[[str], str] = lambda _: ""
    ) -> list[Match]:
        """Those of the names that a word for leaving out stands before; that word is explained.

        It holds for a list of names: joined by "and", or of one ``group``.
        """
        found: list[Match] = []
        for match in named:
            start, _, phrase = match
            said = self._gap(start, LEADING)
            if said >= 0 and self.left[said] == NOT:
                self.left[said] = DONE
                found.append(match)
                continue
            said = self._gap(start, JOINING)
            last = next((one for one in found if one[0] <= said < one[0] + one[1]), None)
            joined = "and" in self.left[said + 1 : start] or "or" in self.left[said + 1 : start]
            if last is not None and (joined or group(last[2]) == group(phrase) != ""):
                found.append(match)
        return found

    def _gap(self, start: int, passed: frozenset[str]) -> int:
        """Where the nearest word before stands that is none of those passed over; -1 for none."""
        at = start - 1
        while at >= 0 and self.left[at] in passed:
            at -= 1
        return at

    def remove(self, named: Sequence[Match]) -> None:
        """Take names out."""
        for start, length, _ in reversed(named):
            self.cut(start, length)
        self.left = [word for word in self.left if word != DONE]

    def cut(self, start: int, length: int) -> None:
        """Take a run of words out."""
        del self.left[start : start + length]


@lru_cache(maxsize=256)
def _stems(group: frozenset[str]) -> frozenset[str]:
    return frozenset(stem(word) for word in group)


def _belongs(word: str, group: frozenset[str]) -> bool:
    """Whether a word is in a group, in any form that grammar gives it."""
    return word in group or (len(word) > 3 and stem(word) in _stems(group))
