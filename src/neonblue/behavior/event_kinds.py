"""What an event type says about intent, read from its words.

The kinds, from weak to strong: ``other``, ``exposure``, ``view``, ``engage``, ``consider``,
``convert``; and ``leave``. A type that no rule knows is ``other`` and changes no score.
"""

from __future__ import annotations

import re
from functools import lru_cache

KINDS = ("other", "exposure", "view", "engage", "consider", "convert", "leave")
OTHER, EXPOSURE, VIEW, ENGAGE, CONSIDER, CONVERT, LEAVE = range(len(KINDS))

# The first set that shares a word with the type decides, so "checkout_view" is considering and
# "unsubscribe" is leaving.
WORDS = (
    (EXPOSURE, {"exposure", "exposed", "assignment"}),
    (
        LEAVE,
        {"unsubscribe", "unsubscribed", "cancel", "cancelled", "canceled", "churn", "churned"}
        | {"refund", "refunded", "return", "uninstall", "bounce", "downgrade", "logout", "exit"},
    ),
    (
        CONVERT,
        {"purchase", "purchased", "order", "ordered", "buy", "bought", "conversion", "convert"}
        | {"converted", "payment", "paid", "subscribe", "subscribed", "subscription", "signup"}
        | {"upgrade", "upgraded", "registered", "registration", "booking", "booked", "donate"},
    ),
    (
        CONSIDER,
        {"cart", "basket", "checkout", "wishlist", "trial", "pricing", "quote", "compare", "lead"}
        | {"demo", "form", "coupon", "shipping", "billing", "favorite", "favourite", "save"},
    ),
    (
        ENGAGE,
        {"click", "clicked", "tap", "search", "searched", "scroll", "play", "played", "share"}
        | {"shared", "comment", "like", "liked", "download", "install", "watch", "read", "rate"}
        | {"review", "feedback", "login", "message", "reply", "follow", "interact", "engagement"},
    ),
    (
        VIEW,
        {"view", "viewed", "pageview", "page", "visit", "visited", "impression", "open", "opened"}
        | {"session", "screen", "landing", "load", "start", "browse", "seen"},
    ),
)
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@lru_cache(maxsize=4096)
def kind_of(event_type: str) -> int:
    """The kind's number for an event type such as ``add_to_cart`` or ``PageView``."""
    words = {word.lower() for word in PARTS.findall(event_type)} | {event_type.lower()}
    if {"sign", "up"} <= words:
        return CONVERT
    return next((kind for kind, known in WORDS if words & known), OTHER)
