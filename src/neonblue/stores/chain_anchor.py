"""Where each chain ended when it was last seen, kept outside the database that holds the chains.

A chain alone does not show that its end was cut off. So each writer's count and newest hash are
known elsewhere too (``anchor_file``), by one data directory, whose processes write one chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of one writer's chain.

    ``count`` entries, the newest with the hash ``digest`` and logged ``at`` (microseconds since
    1970). ``maybe`` is the hash of an entry that was being added: it may or may not be there.
    """

    count: int = 0
    digest: str = ""
    at: int = 0
    maybe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What one data directory knows: its own ``writer``, and every writer's head by name.

    ``since`` says when it was begun, ``instead_of`` why, when one must have been there before.
    ``place`` tells a copied directory from the one it was copied from. ``ours`` are the writers
    that this directory has been: nobody else may continue their chains. ``copies`` are the files
    that it was last written to.
    """

    since: datetime
    writer: str
    ours: tuple[str, ...]
    heads: Mapping[str, Head]
    instead_of: str = ""
    place: str = ""
    copies: int = 1
    version: int = 1

    @property
    def entries(self) -> int:
        """How many entries were seen in all chains together."""
        return sum(head.count for head in self.heads.values())

    @property
    def own(self) -> Head:
        """The head of the chain that this directory writes."""
        return self.heads.get(self.writer, Head())

    def with_own(self, head: Head) -> Anchor:
        """The same with another head of this directory's chain."""
        return replace(self, heads={**self.heads, self.writer: head})

    def with_new_writer(self) -> Anchor:
        """The same, to go on in a new chain."""
        writer = new_writer()
        return replace(self, writer=writer, ours=(*self.ours, writer))

    def moved(self, place: str) -> Anchor:
        """The same in another place: the chains so far may be continued where it was before."""
        writer = new_writer()
        return replace(self, place=place, writer=writer, ours=(writer,))


def new_writer() -> str:
    """A name that no other writer has."""
    return f"w_{uuid4().hex[:12]}"


def begun(heads: Mapping[str, Head], *, instead_of: str = "", place: str = "") -> Anchor:
    """An anchor that takes the chains as they are found."""
    writer = new_writer()
    return Anchor(
        since=datetime.now(UTC),
        instead_of=instead_of,
        place=place,
        writer=writer,
        ours=(writer,),
        heads=heads,
    )


def put_together(copies: Sequence[Anchor]) -> Anchor:
    """What several copies know: the furthest end of each chain, and the writer of that which has
    seen most.

    A copy that was put back from a backup knows less than the others. Where two know as much the
    first is right: it is written first.
    """
    newest = max(copies, key=lambda copy: copy.entries)
    heads: dict[str, Head] = {}
    for copy in copies:
        for writer, head in copy.heads.items():
            if writer not in heads or head.count > heads[writer].count:
                heads[writer] = head
    return replace(
        newest,
        since=min(copy.since for copy in copies),
        place=copies[0].place,
        heads=heads,
        ours=tuple(dict.fromkeys(writer for copy in copies for writer in copy.ours)),
        instead_of=next((copy.instead_of for copy in copies if copy.instead_of), ""),
    )
