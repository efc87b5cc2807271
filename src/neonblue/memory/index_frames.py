"""What goes between the process of the index and its parent: JSON with a block of vectors.

A frame is two lengths (32 bits each, little-endian), that much JSON, and that much of vectors as
32-bit floats. Neither side trusts the other with code: the other may have lost its mind.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LENGTHS = struct.Struct("<II")


class Frame(NamedTuple):
    """One message: a JSON object and the bytes of its vectors."""

    head: dict[str, Any]
    block: bytes = b""


def frame_bytes(frame: Frame) -> bytes:
    """One message as it goes over the pipe."""
    head = json.dumps(frame.head).encode()
    return LENGTHS.pack(len(head), len(frame.block)) + head + frame.block


def read_frame(stream: IO[bytes]) -> Frame | None:
    """The next message, None at the end; raises ``ValueError`` for what is none."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_bytes, block_bytes = LENGTHS.unpack(lengths)
    head, block = stream.read(head_bytes), stream.read(block_bytes)
    if len(head) + len(block) < head_bytes + block_bytes:
        return None
    parsed = json.loads(head)
    if not isinstance(parsed, dict):
        raise ValueError("a message has to be an object")
    return Frame(parsed, block)


def pack_vectors(vectors: Sequence[NDArray[np.float32]]) -> bytes:
    """The bytes of vectors of one length, one after the other."""
    import numpy as np

    return np.ascontiguousarray(np.array(vectors, dtype="<f4")).tobytes()


def unpack_vectors(block: bytes, count: int) -> NDArray[np.float32]:
    """So many vectors, one a row."""
    import numpy as np

    return np.frombuffer(block, dtype="<f4").reshape(count, -1)


def pack_conditions(conditions: Sequence[Condition]) -> list[list[Any]]:
    """Conditions as JSON."""
    return [[item.field, item.kind, item.operator, item.value] for item in conditions]


def unpack_conditions(packed: Sequence[Sequence[Any]]) -> list[Condition]:
    """Conditions from JSON."""
    return [
        Condition(field=field, kind=kind, operator=operator, value=_no_list(value))
        for field, kind, operator, value in packed
    ]


def pack_document(document: Document) -> list[Any]:
    """A document as JSON, without when it was recorded."""
    return [document.document_id, document.text, dict(document.metadata)]


def unpack_document(packed: Sequence[Any]) -> Document:
    """A document from JSON: equal to what was packed, and of the same hash."""
    document_id, text, metadata = packed
    return Document(
        document_id=document_id, text=text, metadata={k: _no_list(v) for k, v in metadata.items()}
    )


def unpack_embedded(
    packed: Sequence[Sequence[Any]], block: bytes, fingerprint: str
) -> list[EmbeddedDocument]:
    """Documents with their vectors."""
    return [
        EmbeddedDocument(document=unpack_document(item), vector=vector, fingerprint=fingerprint)
        for item, vector in zip(packed, unpack_vectors(block, len(packed)), strict=True)
    ]


def unpack_pairs(packed: Sequence[Sequence[Any]]) -> list[tuple[str, float]]:
    """Ids and similarities."""
    return [(str(name), float(likeness)) for name, likeness in packed]


def unpack_texts(packed: Mapping[str, Any]) -> dict[str, str]:
    """Texts by id."""
    return {str(name): str(text) for name, text in packed.items()}


def _no_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
