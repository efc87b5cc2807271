"""The bytes of a file, unpacked by what its first bytes say and not by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any
from zipfile import ZipFile, ZipInfo

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.text_encoding import LONGEST_MARK, Utf8Stream, marked_encoding

GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
EMPTY_ZIP = b"PK\x05\x06"
# Where a tar archive has its name, in the first of its blocks.
TAR, TAR_AT = b"ustar", 257
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
PACKED_OTHERWISE = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
PACKED_SUFFIXES = (".gz", ".gzip", ".zip")
EXCEL_SUFFIXES = (".xls", ".xlsx", ".xlsm", ".xlsb", ".ods")


def inner_name(path: Path) -> PurePath:
    """What the data is called once it is unpacked: a zip file's member, or without ``.gz``.

    Raises ``InvalidInputError`` for what cannot be data: workbooks, zip files of several files.
    """
    magic = first_bytes(path)
    if path.suffix.lower() in EXCEL_SUFFIXES or magic.startswith(OLD_EXCEL):
        raise _workbook(path)
    for start, kind in PACKED_OTHERWISE.items():
        if magic.startswith(start):
            raise InvalidInputError(
                f"{path.name!r} is packed with {kind}: unpack it, or pack it with gzip or zip"
            )
    name = PurePath(path.name)
    while name.suffix.lower() in PACKED_SUFFIXES:
        name = name.with_suffix("")
    if magic.startswith((ZIP, EMPTY_ZIP)):
        with ZipFile(path) as archive:
            member = PurePath(_only_member(path, archive).filename)
        return member if member.suffix else name
    return name


def is_packed(path: Path) -> bool:
    """Whether the bytes on disk are not the data's own."""
    return first_bytes(path).startswith((GZIP, ZIP))


def first_bytes(path: Path) -> bytes:
    """The first bytes on disk, which say what kind of file it is."""
    with path.open("rb") as file:
        return file.read(8)


def encoding_of(path: Path) -> str | None:
    """The encoding that the unpacked text names by a byte order mark, None for UTF-8."""
    with _unpacked(path) as (stream, _):
        return marked_encoding(read_up_to(stream, LONGEST_MARK))


@contextmanager
def byte_stream(path: Path) -> Iterator[tuple[Any, Callable[[], int]]]:
    """The unpacked text of a file in UTF-8 (``read(size)``), and how far it was read on disk."""
    encoding = encoding_of(path)
    with _unpacked(path) as (stream, position):
        yield (stream if encoding is None else Utf8Stream(stream, encoding)), position


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[Any, Callable[[], int]]]:
    import pyarrow as pa

    magic = first_bytes(path)
    if magic.startswith(ZIP):
        with (
            path.open("rb") as file,
            ZipFile(file) as archive,
            archive.open(_only_member(path, archive)) as member,
        ):
            yield member, file.tell
        return
    with pa.OSFile(str(path)) as raw:
        if magic.startswith(GZIP):
            with pa.CompressedInputStream(raw, "gzip") as stream:
                yield stream, raw.tell
        else:
            yield raw, raw.tell


def read_up_to(stream: Any, size: int) -> bytes:
    """So many bytes, or fewer where the data ends; a single ``read`` may give less."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _only_member(path: Path, archive: ZipFile) -> ZipInfo:
    names = archive.namelist()
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise _workbook(path)
    members = [
        item
        for item in archive.infolist()
        if not item.is_dir() and not item.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        shown = ", ".join(repr(item.filename) for item in members[:5])
        if not shown:
            raise InvalidInputError(f"{path.name!r} is a zip file without files: pack it again")
        raise InvalidInputError(
            f"{path.name!r} is a zip file of {len(members)} files ({shown}): unpack it, and load "
            "them one by one"
        )
    if members[0].flag_bits & 1:
        raise InvalidInputError(f"{path.name!r} is encrypted: unpack it with its password first")
    return members[0]


def _workbook(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{path.name!r} is a spreadsheet: save the sheet as 'CSV UTF-8' and load that file"
    )
