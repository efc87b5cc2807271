"""Ids that are none: what programs write where nobody is, and numbers that were rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

NOBODY = (
    *("undefined", "null", "nil", "none", "nan", "n/a", "#n/a", "<na>", "<null>", "<nil>"),
    *("(null)", "(none)", "(not set)", "[object object]", "nat"),
    "00000000-0000-0000-0000-000000000000",
)
# As Excel shows a long number, or doubles are written: its last digits are gone.
ROUNDED = r"^[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}$"
# Invisible characters that no script needs: zero-width blanks, marks of direction, soft hyphens.
INVISIBLE = r"[\x{AD}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{FEFF}]"


def is_nobody(ids: pa.Array) -> pa.Array:
    """Which ids say that there is none, in any letter case."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(pc.utf8_lower(ids), pa.array(NOBODY, pa.string()))


def is_rounded(ids: pa.Array) -> pa.Array:
    """Which ids are numbers in scientific form, as spreadsheets and doubles round them."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(ids, ROUNDED)


def has_invisible(ids: pa.Array) -> pa.Array:
    """Which ids hold a character that nobody sees: another unit than the same id without it."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(ids, INVISIBLE)
