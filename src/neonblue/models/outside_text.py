"""Which texts came from outside, and where an answer repeats them.

``heard`` remembers texts that are no identifiers where they are read from the database or come with
a call; ``marked`` fences them wherever an answer repeats them, also inside our own sentences.

Kept twice: for the whole process, as what one call read the next may show from a cache, and for the
call that read them (``listening``), so that others that read much meanwhile push nothing out of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from neonblue.models.written_text import FENCED, is_name, shown_name, visible

SHORTEST_PHRASE = 8
LONGEST_PHRASE = 1000
MOST_PHRASES = 20_000


class _Heard:
    """The latest texts from outside that are no identifiers, found by how they begin.

    Of texts over ``LONGEST_PHRASE`` the beginning is kept: what follows it is theirs to the end.
    """

    def __init__(self) -> None:
        self._texts: OrderedDict[str, None] = OrderedDict()
        self._begins: dict[str, set[str]] = {}
        self._guard = threading.Lock()

    def add(self, text: str) -> None:
        text = text[:LONGEST_PHRASE]
        with self._guard:
            if text in self._texts:
                self._texts.move_to_end(text)
                return
            self._texts[text] = None
            self._begins.setdefault(text[:SHORTEST_PHRASE], set()).add(text)
            if len(self._texts) > MOST_PHRASES:
                oldest, _ = self._texts.popitem(last=False)
                self._forget(oldest)

    def _forget(self, text: str) -> None:
        begin = text[:SHORTEST_PHRASE]
        self._begins[begin].discard(text)
        if not self._begins[begin]:
            del self._begins[begin]

    def __contains__(self, text: str) -> bool:
        return text[:LONGEST_PHRASE] in self._texts

    def longest_at(self, text: str, start: int) -> str | None:
        """The longest known text that stands there, whole or cut off with an ellipsis."""
        known = self._begins.get(text[start : start + SHORTEST_PHRASE])
        if not known:
            return None
        with self._guard:
            ordered = sorted(known, key=len, reverse=True)
        for phrase in ordered:
            if text.startswith(phrase, start):
                return text[start:] if len(phrase) == LONGEST_PHRASE else phrase
            same = _common(phrase, text, start)
            if same >= SHORTEST_PHRASE and text[start + same : start + same + 1] in ("", "…"):
                return phrase[:same]
        return None


_heard = _Heard()
_ours = _Heard()
_of_this_call: ContextVar[_Heard | None] = ContextVar("_of_this_call", default=None)


@contextmanager
def listening() -> Iterator[None]:
    """Remember what is read here for as long as this lasts, whatever is read elsewhere."""
    token = _of_this_call.set(_Heard())
    try:
        yield
    finally:
        _of_this_call.reset(token)


def _known() -> tuple[_Heard, ...]:
    own = _of_this_call.get()
    return (_heard,) if own is None else (own, _heard)


def ours(sentence: str) -> str:
    """The sentence, remembered as written by us: read back from a table it stays unfenced.

    What it repeats from outside is fenced inside it as in any sentence of ours.
    """
    _ours.add(sentence)
    return sentence


def heard(value: Any) -> None:
    """Remember every text in a value that came from outside and is no identifier."""
    for text in _texts(value):
        if len(text) >= SHORTEST_PHRASE and not is_name(text) and text not in _ours:
            for known in _known():
                known.add(text)
                if (quoted := repr(text[:LONGEST_PHRASE])[1:-1]) != text:
                    known.add(quoted)


def marked(value: Any) -> Any:
    """A JSON value in which every remembered text is fenced, and nothing unseen stays bare."""
    if isinstance(value, str):
        return _marked_text(value)
    if isinstance(value, dict):
        return {_marked_text(str(key)): marked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [marked(inner) for inner in value]
    return value


def _marked_text(text: str) -> str:
    if text not in _ours and any(text in known for known in _known()):
        return shown_name(text)
    if is_name(text):
        return text
    parts: list[str] = []
    start = done = 0
    while start < len(text):
        end, shown = _found_at(text, start)
        if end == start:
            start += 1
            continue
        parts += (visible(text[done:start]), shown)
        start = done = end
    return "".join([*parts, visible(text[done:])])


def _found_at(text: str, start: int) -> tuple[int, str]:
    """Where the known text or the fence that begins there ends, and how it is shown."""
    if start == 0 or not text[start - 1].isalnum():
        found = [
            phrase
            for known in _known()
            if (phrase := known.longest_at(text, start)) and phrase not in _ours
        ]
        if found:
            phrase = max(found, key=len)
            return start + len(phrase), shown_name(phrase)
    fence = FENCED.match(text, start) if text[start] == "<" else None
    return (fence.end(), visible(fence[0])) if fence is not None else (start, "")


def _common(phrase: str, text: str, start: int) -> int:
    same = 0
    for one, other in zip(phrase, text[start : start + len(phrase)], strict=False):
        if one != other:
            break
        same += 1
    return same


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple) and not (value and isinstance(value[0], float)):
        for inner in value:
            yield from _texts(inner)
