"""Whether the files of an embedded Chroma index are whole, seen without opening it.

Chroma's library believes what its files say. A header that was cut makes it read beyond its memory,
links that were cut make it write for ever, and vectors that were cut or zeroed are never found
again. A process killed while it writes leaves such files, and so does a disk that is full.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SQLITE_FILE = "chroma.sqlite3"
SQLITE_MAGIC = b"SQLite format 3\0"
HEADER, DATA, LENGTHS, LINKS = "header.bin", "data_level0.bin", "length.bin", "link_lists.bin"
GRAPH_FILES = (HEADER, DATA, LENGTHS, LINKS)
METADATA_FILE = "index_metadata.pickle"
# hnswlib's: version, offset of level 0, capacity, count, bytes of an element, offsets of label and
# vector, highest level, entry point, links a level and at level 0, M, multiplier, ef_construction.
LAYOUT = struct.Struct("<iQQQQQQiIQQQdQ")
MAX_LINKS = 4096
MAX_LEVELS = 64
LABEL_BYTES = 8
BLOCK = 4096
# Vectors are stored with unit length.
LENGTH_TOLERANCE = 0.01
# Elements that nothing leads to; a few come of simultaneous insertion.
ISOLATED_SHARE = 0.01


class DamagedError(Exception):
    """What is wrong with the files."""


class _Header(NamedTuple):
    version: int
    offset_level0: int
    capacity: int
    elements: int
    element_bytes: int
    label_offset: int
    vector_offset: int
    max_level: int
    entry_point: int
    max_links: int
    max_links_level0: int
    m: int
    multiplier: float
    ef_construction: int


def check_files(folder: Path) -> int:
    """How many vectors the graphs below the folder have; raises ``DamagedError``.

    Reads all vectors once, 0.2 s for 100,000 of 384 numbers. An empty folder is whole.
    """
    database = folder / SQLITE_FILE
    if database.is_file() and database.stat().st_size:
        with database.open("rb") as file:
            if file.read(len(SQLITE_MAGIC)) != SQLITE_MAGIC:
                raise DamagedError(f"{SQLITE_FILE} is not a database")
    graphs = {
        file.parent for name in (*GRAPH_FILES, METADATA_FILE) for file in _named(folder, name)
    }
    return sum(_check_graph(graph) for graph in sorted(graphs))


def _named(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(f"*/{name}"))


def _check_graph(folder: Path) -> int:
    for name in GRAPH_FILES:
        if not (folder / name).is_file():
            raise DamagedError(f"{name} is missing")
    header = _read_header(folder / HEADER)
    if not (folder / METADATA_FILE).is_file():
        if header.elements:
            raise DamagedError(f"{METADATA_FILE} is missing")
        # A graph that was made and never written: its vectors are in the log of the database.
        return 0
    _expect_size(folder / DATA, header.elements * header.element_bytes)
    _expect_size(folder / LENGTHS, header.elements * 4)
    _walk_links(folder / LINKS, header)
    if header.elements:
        _check_elements(folder / DATA, header)
    return header.elements


def _read_header(file: Path) -> _Header:
    _expect_size(file, LAYOUT.size)
    header = _Header(*LAYOUT.unpack(file.read_bytes()))
    vector_bytes = header.label_offset - header.vector_offset
    sound = (
        header.offset_level0 == 0
        and header.elements <= header.capacity <= max(4 * header.elements, 1 << 20)
        and 0 < header.max_links <= MAX_LINKS
        and 0 < header.max_links_level0 <= MAX_LINKS
        and header.vector_offset == 4 + 4 * header.max_links_level0
        and vector_bytes > 0
        and vector_bytes % 4 == 0
        and header.element_bytes == header.label_offset + LABEL_BYTES
        and -1 <= header.max_level <= MAX_LEVELS
        and (header.entry_point < header.elements or header.elements == 0)
    )
    if not sound:
        raise DamagedError(f"{HEADER} contradicts itself")
    return header


def _expect_size(file: Path, size: int) -> None:
    found = file.stat().st_size
    if found != size:
        raise DamagedError(f"{file.name} has {found:,} bytes instead of {size:,}")


def _walk_links(file: Path, header: _Header) -> None:
    """Each element's links above level 0: their bytes, then so many; the last ones end the file."""
    content = file.read_bytes()
    level_bytes = 4 + 4 * header.max_links
    place = 0
    for _ in range(header.elements):
        if place + 4 > len(content):
            raise DamagedError(f"{LINKS} ends after {len(content):,} bytes, amid its elements")
        size = int.from_bytes(content[place : place + 4], "little")
        levels, rest = divmod(size, level_bytes)
        if rest or levels > header.max_level:
            raise DamagedError(f"{LINKS} has links of {size:,} bytes at byte {place:,}")
        place += 4
        for level in range(place, min(place + size, len(content)), level_bytes):
            _check_links(content[level : level + level_bytes], header)
        place += size
    if place != len(content):
        raise DamagedError(f"{LINKS} has {len(content):,} bytes instead of {place:,}")


def _check_links(links: bytes, header: _Header) -> None:
    count = int.from_bytes(links[:2], "little")
    if count > header.max_links or len(links) < 4 + 4 * count:
        raise DamagedError(f"{LINKS} has an element of {count} links")
    if any(number >= header.elements for number in struct.unpack_from(f"<{count}I", links, 4)):
        raise DamagedError(f"{LINKS} has a link to an element that is not there")


def _check_elements(file: Path, header: _Header) -> None:
    import numpy as np

    data = np.memmap(file, dtype=np.uint8, mode="r", shape=(header.elements, header.element_bytes))
    isolated = 0
    for start in range(0, header.elements, BLOCK):
        block = data[start : start + BLOCK]
        isolated += _check_block(
            np.ascontiguousarray(block[:, : header.vector_offset]).view("<u4"),
            np.ascontiguousarray(block[:, header.vector_offset : header.label_offset]).view("<f4"),
            header,
        )
    if header.elements > 1 and isolated > 1 + ISOLATED_SHARE * header.elements:
        raise DamagedError(f"{isolated:,} of {header.elements:,} elements in {DATA} have no links")


def _check_block(links: NDArray[np.uint32], vectors: NDArray[np.float32], header: _Header) -> int:
    """How many of the elements have no links."""
    import numpy as np

    # The upper half of the first number is a mark of deletion.
    counts = links[:, 0] & 0xFFFF
    if counts.max() > header.max_links_level0:
        raise DamagedError(f"{DATA} has an element of {counts.max()} links")
    used = np.arange(header.max_links_level0)[None, :] < counts[:, None]
    if (links[:, 1:][used] >= header.elements).any():
        raise DamagedError(f"{DATA} has a link to an element that is not there")
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    wrong = int((~(np.abs(lengths - 1.0) <= LENGTH_TOLERANCE)).sum())
    if wrong:
        raise DamagedError(f"{DATA} has {wrong:,} vectors that are not of length 1")
    return int((counts == 0).sum())
