"""Step sequences of many users in one flat array, and the file format they come in."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError

MAXIMUM_CATEGORIES = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequences:
    """Sequences laid end to end: ``steps`` (int64, categories from 1), ``lengths`` (a sequence)."""

    steps: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each sequence begins in ``steps``."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def positions(self) -> NDArray[np.int64]:
        """Every step's place in its sequence, from 0."""
        return np.arange(len(self.steps)) - np.repeat(self.starts, self.lengths)

    def select(self, chosen: NDArray[np.bool_]) -> Sequences:
        """The sequences for which ``chosen`` (one flag a sequence) is true."""
        return Sequences(
            steps=self.steps[np.repeat(chosen, self.lengths)], lengths=self.lengths[chosen]
        )

    def within(self, categories: int) -> Sequences:
        """The same with every category above ``categories`` as 0, the unknown one."""
        known = (self.steps >= 1) & (self.steps <= categories)
        return Sequences(steps=np.where(known, self.steps, 0), lengths=self.lengths)


def from_lists(lists: list[list[int]]) -> Sequences:
    """Sequences from Python lists of category numbers."""
    lengths = np.array([len(one) for one in lists], dtype=np.int64)
    steps = np.array([step for one in lists for step in one], dtype=np.int64)
    return Sequences(steps=steps, lengths=lengths)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceFile:
    """What a sequence file holds: the sequences and the categories' names, if it has a header."""

    sequences: Sequences
    names: tuple[str, ...]


def read_sequences(path: Path) -> SequenceFile:
    """Read a file of one sequence a line, numbers from 1 apart by blanks; ``.gz`` is unpacked.

    Lines before the first sequence are a header: comments start with ``%``, the longest other line
    names the categories. An empty line is an empty sequence, unless it belongs to such a header.

    Raises:
        InvalidInputError: no such file, no sequence, or a line that is not numbers.
    """
    if not path.is_file():
        raise InvalidInputError(f"there is no file {str(path)!r}: give the path of a sequence file")
    with _opened(path) as file:
        header, first = _header(file)
        lists = [] if first is None else [*_empty_ones(header), first]
        lists += _sequence_lines(file, number=len(header) + 2)
    if not lists:
        raise InvalidInputError(
            f"{str(path)!r} holds no sequence: it needs one a line, numbers apart by blanks"
        )
    return SequenceFile(sequences=_checked(path, lists), names=_names(header))


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _header(file: IO[str]) -> tuple[list[str], NDArray[np.int64] | None]:
    header: list[str] = []
    for line in file:
        words = line.split()
        if words and all(word.isascii() and word.isdigit() for word in words):
            return header, np.array(words, dtype=np.int64)
        header.append(line)
    return header, None


def _empty_ones(header: list[str]) -> list[NDArray[np.int64]]:
    """Lines before the first sequence that say nothing at all are sequences without a step."""
    if any(line.strip() for line in header):
        return []
    return [np.zeros(0, dtype=np.int64) for _ in header]


def _sequence_lines(file: IO[str], number: int) -> Iterator[NDArray[np.int64]]:
    for offset, line in enumerate(file):
        try:
            yield np.array(line.split(), dtype=np.int64)
        except ValueError:
            raise InvalidInputError(
                f"line {number + offset} is {line.strip()[:60]!r}, not numbers apart by blanks: "
                "mend the line and run the command again"
            ) from None


def _checked(path: Path, lists: list[NDArray[np.int64]]) -> Sequences:
    sequences = Sequences(
        steps=np.concatenate(lists), lengths=np.array([len(one) for one in lists], dtype=np.int64)
    )
    if len(sequences.steps) and sequences.steps.min() < 0:
        raise InvalidInputError(f"{str(path)!r} holds negative numbers: categories start at 1")
    return sequences


def _names(header: list[str]) -> tuple[str, ...]:
    lines = [line.split() for line in header if not line.lstrip().startswith("%")]
    return tuple(max(lines, key=lambda words: len(list(words)), default=[]))
