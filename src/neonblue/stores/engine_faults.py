"""What the engine says when the machine under it is at fault, as one message with the remedy."""

from __future__ import annotations

import re
from tempfile import gettempdir
from typing import Any

from neonblue.errors import UnavailableError

DAMAGED = frozenset(
    {
        *("TOO_LARGE_SIZE_COMPRESSED", "CHECKSUM_DOESNT_MATCH", "CANNOT_DECOMPRESS"),
        *("CORRUPTED_DATA", "CANNOT_READ_ALL_DATA", "ATTEMPT_TO_READ_AFTER_EOF"),
        *("UNKNOWN_COMPRESSION_METHOD", "UNKNOWN_CODEC", "BAD_SIZE_OF_FILE_IN_DATA_PART"),
        *("NO_FILE_IN_DATA_PART", "FILE_DOESNT_EXIST", "TOO_MANY_UNEXPECTED_DATA_PARTS"),
        *("SIZES_OF_COLUMNS_DOESNT_MATCH", "EXPECTED_END_OF_FILE", "UNEXPECTED_FILE_IN_DATA_PART"),
    }
)
FULL = frozenset({"NOT_ENOUGH_SPACE", "CANNOT_WRITE_TO_FILE_DESCRIPTOR"})
FULL_TEXTS = ("No space left on device", "File too large", "Disk quota exceeded")
REFUSED = frozenset(
    {"AUTHENTICATION_FAILED", "REQUIRED_PASSWORD", "WRONG_PASSWORD", "UNKNOWN_USER"}
)
SETTINGS = frozenset({"SETTING_CONSTRAINT_VIOLATION", "UNKNOWN_SETTING"})
NO_RIGHT = frozenset({"ACCESS_DENIED", "READONLY"})
GRANT = re.compile(r"necessary to have the grant (?P<grant>.+?)\.(?: \(|\s|$)")
# What a server refuses whatever the query says.
TROUBLE = frozenset(
    {
        *(
            "TOO_MANY_SIMULTANEOUS_QUERIES",
            "QUOTA_EXCEEDED",
            "TOO_MANY_PARTS",
            "TABLE_IS_READ_ONLY",
        ),
        *("KEEPER_EXCEPTION", "NO_ZOOKEEPER", "ALL_CONNECTION_TRIES_FAILED", "NETWORK_ERROR"),
        *("SOCKET_TIMEOUT", "ALL_REPLICAS_ARE_STALE", "UNKNOWN_STATUS_OF_INSERT"),
        *("QUERY_WAS_CANCELLED", "ABORTED", "TOO_FEW_LIVE_REPLICAS"),
    }
)
PART = re.compile(r"/[^\s'()]*?/store/[0-9a-f]{3}/[0-9a-f-]{36}/([\w-]+)/")
TABLE = re.compile(r"in table (?:\w+\.)?(\w+)")


def machine_fault(error: Any, place: str) -> UnavailableError | None:
    """The fault of disk, files or credentials that a driver's error tells of, if it is one."""
    name, text = getattr(error, "name", None), str(error)
    if name in FULL or any(full in text for full in FULL_TEXTS):
        return UnavailableError(
            f"the disk under {place!r} or under {gettempdir()!r} is full: make room and call "
            "again; nothing is left half done"
        )
    if name in DAMAGED:
        return UnavailableError(
            f"stored data in {place!r} is damaged ({_where(text)}{name}): put the folder back "
            "from a backup, or load the data again into a new one; `neonblue doctor` names every "
            "damaged part"
        )
    if name in REFUSED:
        return UnavailableError(
            f"ClickHouse at {place!r} refuses the user or the password: correct them in "
            "NEONBLUE_CLICKHOUSE_DSN (clickhouse://USER:PASSWORD@HOST:PORT/DATABASE)"
        )
    if name in NO_RIGHT:
        grant = GRANT.search(text)
        lacks = f"lacks the grant {grant['grant']}" if grant else "may only read"
        return UnavailableError(
            f"ClickHouse at {place!r}: the user {lacks}. Grant it (docs/running.md has all grants "
            "as SQL), name another user in NEONBLUE_CLICKHOUSE_DSN, or set NEONBLUE_READ_ONLY=1 "
            "for a server that only reads"
        )
    if name == "UNKNOWN_DATABASE":
        return UnavailableError(
            f"ClickHouse at {place!r} has no such database: create it, or name another one in "
            "NEONBLUE_CLICKHOUSE_DSN"
        )
    if name in SETTINGS:
        return UnavailableError(
            f"ClickHouse at {place!r} does not let this user set a setting ({_said(text)}): take "
            "it out of NEONBLUE_CLICKHOUSE_DSN, or loosen the constraint of the user's profile"
        )
    if name == "TIMEOUT_EXCEEDED":
        return UnavailableError(
            f"a query of ClickHouse at {place!r} took longer than it may: narrow it, or allow more "
            "with ?max_execution_time=SECONDS in NEONBLUE_CLICKHOUSE_DSN"
        )
    if name in TROUBLE:
        return UnavailableError(
            f"ClickHouse at {place!r} refuses for a reason of its own ({name}): mend it there, "
            "then call again; `neonblue doctor` helps"
        )
    return None


def _said(text: str) -> str:
    return text.partition("DB::Exception: ")[2].partition(" (")[0].rstrip(".")[:200]


def _where(text: str) -> str:
    part, table = PART.search(text), TABLE.search(text)
    found = [f"part {part[1]}" if part else "", f"of table {table[1]}" if table else ""]
    return " ".join(one for one in found if one) + (", " if part or table else "")
