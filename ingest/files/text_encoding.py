"""Text in UTF-16 or UTF-32 with a byte order mark, handed on as UTF-8; and what to do about others.

Spreadsheets save "Unicode text" so, and so does a pipe of some shells. The mark says which it is,
so nothing is guessed; encodings of one byte a character have no mark and are refused.
"""

from __future__ import annotations

import codecs
from pathlib import PurePath
from typing import Any

from neonblue.errors import InvalidInputError

# The longer marks first: that of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
LONGEST_MARK = 4
BLOCK_BYTES = 1 << 20
SHOWN_BYTES = 30


def marked_encoding(start: bytes) -> str | None:
    """The encoding that a byte order mark names, None for UTF-8 and for text without a mark."""
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), None)


class Utf8Stream:
    """Bytes of another encoding as UTF-8; raises ``UnicodeDecodeError`` where they are cut."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """So many bytes at most, none at the end."""
        while not self._ready and not self._ended:
            block = self._stream.read(size)
            self._ended = not block
            self._ready = self._decoder.decode(block, final=self._ended).encode()
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken


def not_utf8(name: PurePath | str, stream: Any, *, encoding: str | None) -> InvalidInputError:
    """What to say of a file whose unpacked bytes are no UTF-8, with the line that shows it."""
    shown = PurePath(name).name
    if encoding is not None:
        return InvalidInputError(
            f"{shown!r} is {encoding.upper()} and ends within a character, or is damaged: export "
            "it again. Nothing was loaded"
        )
    line, part = _first_fault(stream)
    if b"\0" in part:
        return InvalidInputError(
            f"{shown!r} holds binary data and no text: export its rows as CSV, JSON Lines or "
            "Parquet. Nothing was loaded"
        )
    where = f" (line {line} has {part!r})" if part else ""
    return InvalidInputError(
        f"{shown!r} is not UTF-8{where}: export it as UTF-8 ('CSV UTF-8' in a spreadsheet), or "
        "convert it from the encoding that it has: `iconv -f windows-1252 -t utf-8` where Western "
        "European Windows wrote it, elsewhere windows-1251, gb18030, shift_jis and so on. Look at "
        "the names in the result, then load it. Nothing was loaded"
    )


def _first_fault(stream: Any) -> tuple[int, bytes]:
    """The line, from 1, of the first bytes that are no UTF-8, and some bytes around them."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, ended = 1, False
    while not ended:
        block = stream.read(BLOCK_BYTES)
        ended = not block
        try:
            decoder.decode(block, final=ended)
        except UnicodeDecodeError as error:
            text = bytes(error.object)
            start = max(text.rfind(b"\n", 0, error.start) + 1, error.start - SHOWN_BYTES)
            part = text[start : error.end + SHOWN_BYTES].split(b"\n")[0].strip()
            return lines + text.count(b"\n", 0, error.start), part
        lines += block.count(b"\n")
    return lines, b""
