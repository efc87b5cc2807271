"""Users named in a text that is about to leave for a language model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores import Store

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
AROUND = " \t\n.,;:!?()[]{}<>\"'`"
SHORT_NUMBER = re.compile(r"\d{1,4}\Z")
"""``7`` may be somebody's id; in a question it is a number, and by itself it names nobody."""
MASK = "(a user)"


def users_named(store: Store, *texts: str) -> frozenset[str]:
    """Words of the texts, and whole texts, that are ids of users or e-mail addresses."""
    words = {word.strip(AROUND) for text in texts for word in text.split()} | set(texts)
    asked = {word for word in words if word and not SHORT_NUMBER.match(word)}
    addresses = {found for text in texts for found in ADDRESS.findall(text)}
    return store.catalog.users_among(asked) | addresses


def without_users(store: Store, text: str) -> str:
    """The text with every user in it replaced by ``MASK``."""
    for user in sorted(users_named(store, text), key=len, reverse=True):
        text = text.replace(user, MASK)
    return text
