"""Entries in chains of hashes, one chain a writer, and what shows that they were tampered with.

Each entry has its number in its writer's chain and a hash over its content and the hash before. One
chain a writer needs no lock between writers that only share a server: nobody else continues it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neonblue.stores.chain_anchor import Anchor, Head

MAX_FAULTS = 8
FIRST_FORECASTS, FIRST_OUTCOMES = "", "outcomes"
"""Entries of before there were writers, as chains that nobody continues."""
SHOWN_WRITER = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry as found: ``stored`` is the hash it carries, ``computed`` what its content gives.

    ``at`` is microseconds since 1970, ``label`` how messages call it.
    """

    writer: str
    sequence: int
    previous: str
    stored: str
    computed: str
    at: int
    label: str


def entry_digest(
    *, kind: str, writer: str, sequence: int, previous: str, at: int, content: Mapping[str, Any]
) -> str:
    """SHA-256 over the canonical JSON (RFC 8785) of an entry and the hash before it."""
    import rfc8785

    entry: Any = {
        "version": 2,
        "kind": kind,
        "writer": writer,
        "sequence": sequence,
        "previous": previous,
        "at": at,
        "content": dict(content),
    }
    return hashlib.sha256(rfc8785.dumps(entry)).hexdigest()


def chains(links: Sequence[Link]) -> dict[str, list[Link]]:
    """The links by writer and in order; a row that a driver sent twice counts once."""
    by_writer: dict[str, list[Link]] = {}
    for link in sorted(dict.fromkeys(links), key=lambda one: (one.writer, one.sequence)):
        by_writer.setdefault(link.writer, []).append(link)
    return by_writer


def heads(links: Sequence[Link]) -> dict[str, Head]:
    """Where each chain ends."""
    return {
        writer: Head(count=chain[-1].sequence, digest=chain[-1].stored, at=chain[-1].at)
        for writer, chain in chains(links).items()
    }


def advanced(anchor: Anchor, links: Sequence[Link]) -> Anchor:
    """The anchor with the ends that were found; only where nothing is wrong with them."""
    found = heads(links)
    moved = {
        writer: head
        for writer, head in found.items()
        if head.count > anchor.heads.get(writer, Head()).count
    }
    return replace(anchor, heads={**anchor.heads, **moved}) if moved else anchor


def find_faults(links: Sequence[Link], anchor: Anchor | None, *, sole: bool) -> list[str]:
    """What is wrong, in sentences; empty when every chain is whole and holds the end it had.

    ``sole``: only the anchor's own data directory can write, so no other chain may grow.
    """
    found = chains(links)
    faults = [fault for chain in found.values() for fault in _inner_faults(chain)]
    if anchor is not None:
        for writer in sorted({*found, *anchor.heads}):
            faults += _end_faults(writer, found.get(writer, []), anchor, sole=sole)
    if len(faults) > MAX_FAULTS:
        faults = [*faults[:MAX_FAULTS], f"and {len(faults) - MAX_FAULTS} more"]
    return faults


def _inner_faults(chain: Sequence[Link]) -> Iterator[str]:
    number, digest, at = 0, "", 0
    for link in chain:
        if link.sequence == number:
            yield f"{link.label} has the place of another entry, {_place(link)}"
        elif link.sequence != number + 1:
            yield f"{_missing(number + 1, link.sequence - 1)} missing before {link.label}"
        elif link.previous != digest:
            yield f"{link.label} does not follow the entry before it"
        if link.stored != link.computed:
            yield f"{link.label} is not as it was logged"
        if link.at < at:
            yield f"{link.label} is dated before the entry that it follows"
        number, digest, at = link.sequence, link.stored, link.at


def _end_faults(writer: str, chain: Sequence[Link], anchor: Anchor, *, sole: bool) -> Iterator[str]:
    head = anchor.heads.get(writer)
    if head is None:
        if sole and writer not in anchor.ours:
            yield f"{chain[0].label} was added by something else than NeonBlue, {_place(chain[0])}"
            return
        head = Head()
    number = chain[-1].sequence if chain else 0
    if number < head.count:
        yield f"{_missing(number + 1, head.count)} missing at the end{_of(writer)}"
    same = [link for link in chain if link.sequence == head.count]
    if same and all(link.stored != head.digest for link in same):
        yield f"{same[0].label} is another entry than the one seen before, {_place(same[0])}"
    if sole or writer in (FIRST_FORECASTS, FIRST_OUTCOMES, *anchor.ours):
        for link in chain:
            expected = link.sequence == head.count + 1 and link.stored == head.maybe
            if link.sequence > head.count and not expected:
                yield f"{link.label} was added by something else than NeonBlue, {_place(link)}"


def _missing(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _place(link: Link) -> str:
    return f"number {link.sequence}{_of(link.writer)}"


def _of(writer: str) -> str:
    if writer in (FIRST_FORECASTS, FIRST_OUTCOMES):
        return f" of the {writer or 'forecasts'} before there were writers"
    return f" of writer {writer[:SHOWN_WRITER]!r}"
