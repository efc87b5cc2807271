"""Which models are used unless settings say otherwise, and what models cost: the one place.

Prices are the providers' list prices of November 2026, in US dollars a million tokens, for prompts
under 100,000 tokens. A model that is not here is counted at the dearest price, unless settings
give its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Strength = Literal["cheap", "strong"]
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars a million tokens: read afresh, read from the cache, written to it, generated."""

    input: float
    output: float
    cached: float
    cache_write: float

    def of(self, *, fresh: int, cached: int, cache_write: int, output: int) -> float:
        """What so many tokens of each kind cost, in US dollars."""
        return (
            fresh * self.input
            + cached * self.cached
            + cache_write * self.cache_write
            + output * self.output
        ) / MILLION


SMALL = Price(input=0.10, output=0.50, cached=0.01, cache_write=0.125)
MIDDLE = Price(input=2.00, output=10.00, cached=0.20, cache_write=2.50)
LARGE = Price(input=10.00, output=50.00, cached=1.00, cache_write=12.50)

PRICES: Mapping[str, Price] = {
    "claude-haiku-5-5": SMALL,
    "claude-sonnet-5-5": MIDDLE,
    "claude-sonnet-5": MIDDLE,
    "claude-opus-5-5": Price(input=4.00, output=20.00, cached=0.20, cache_write=5.00),
    "claude-fable-5-1": LARGE,
    "gpt-6-luna": SMALL,
    "gpt-6.2-sol": MIDDLE,
    "gpt-6.1-sol": MIDDLE,
    "gpt-6-sol": MIDDLE,
    "gpt-6-astra": LARGE,
}
DEAREST = LARGE
DEFAULTS: Mapping[str, Mapping[Strength, str]] = {
    "anthropic": {"cheap": "claude-haiku-5-5", "strong": "claude-sonnet-5-5"},
    "openai": {"cheap": "gpt-6-luna", "strong": "gpt-6.2-sol"},
}


def price_of(model: str) -> Price:
    """The price of a model or of a dated version of it; the dearest for one that is not known."""
    known = [name for name in PRICES if model == name or model.startswith(f"{name}-20")]
    return PRICES[max(known, key=len)] if known else DEAREST


def takes_effort(model: str) -> bool:
    """Whether the model is known to take an effort, and a key for its cache."""
    return model in PRICES
