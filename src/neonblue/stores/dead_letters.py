"""Messages that could not be used: kept whole, once each, until they are replayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

LetterState = Literal["waiting", "replayed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message with the place it stood in, why it was refused, and its original bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes
    payload: bytes
    reason: str
    detail: str
    letter_id: str
    recorded_at: datetime | None = None


def letter_id(
    topic: str, partition: int, offset: int, *, origin: str, key: bytes, payload: bytes
) -> str:
    """The same message read again is the same letter; another one at the same place is not.

    A topic that was made anew counts from 0 again, and files in two folders may share a name: so
    ``origin`` (when a message was produced, where a file lies) and the content are part of it.
    """
    told = blake2b(digest_size=8, person=b"dead letter")
    for part in (origin.encode("utf-8", "surrogatepass"), key, payload):
        told.update(len(part).to_bytes(8, "big") + part)
    return f"{topic}:{partition}:{offset}:{told.hexdigest()}"


class DeadLetters:
    """Refused messages, deduplicated by where they stood and what they held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, letters: Sequence[DeadLetter], state: LetterState = "waiting") -> None:
        """Keep letters, or change their state; acknowledged when it returns."""
        if letters:
            self._database.insert("dead_letters", _arrow(letters, state))

    def waiting(
        self,
        *,
        reason: str | None = None,
        letter_ids: Sequence[str] = (),
        after: str = "",
        limit: int = 100,
    ) -> tuple[DeadLetter, ...]:
        """Letters that were not replayed yet, by id; ``after`` goes on where a page ended."""
        rows = self._database.rows(
            """
            SELECT topic, partition, offset, base64Encode(key), base64Encode(payload), reason,
                   detail, letter_id, recorded_at
            FROM dead_letters FINAL
            WHERE state = 'waiting' AND letter_id > {after:String}
              AND ({reason:String} = '' OR reason = {reason:String})
              AND (empty({ids:Array(String)}) OR letter_id IN {ids:Array(String)})
            ORDER BY letter_id LIMIT {limit:UInt32}
            """,
            {"after": after, "reason": reason or "", "ids": list(letter_ids), "limit": limit},
        )
        return tuple(_letter(row) for row in rows)

    def counts(self) -> dict[str, int]:
        """How many letters wait, by reason."""
        rows = self._database.rows(
            """
            SELECT reason, count() FROM dead_letters FINAL WHERE state = 'waiting'
            GROUP BY reason ORDER BY reason
            """
        )
        return dict(rows)


def _letter(row: Sequence[object]) -> DeadLetter:
    from base64 import b64decode

    topic, partition, offset, key, payload, reason, detail, letter, recorded_at = row
    return DeadLetter(
        topic=str(topic),
        partition=int(str(partition)),
        offset=int(str(offset)),
        key=b64decode(str(key)),
        payload=b64decode(str(payload)),
        reason=str(reason),
        detail=str(detail),
        letter_id=str(letter),
        recorded_at=recorded_at if isinstance(recorded_at, datetime) else None,
    )


def _arrow(letters: Sequence[DeadLetter], state: LetterState) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "letter_id": [letter.letter_id for letter in letters],
            "topic": [letter.topic for letter in letters],
            "partition": pa.array([letter.partition for letter in letters], pa.int32()),
            "offset": pa.array([letter.offset for letter in letters], pa.int64()),
            "key": pa.array([letter.key for letter in letters], pa.binary()),
            "payload": pa.array([letter.payload for letter in letters], pa.binary()),
            "reason": [letter.reason for letter in letters],
            "detail": [letter.detail for letter in letters],
            "state": [state] * len(letters),
        }
    )
