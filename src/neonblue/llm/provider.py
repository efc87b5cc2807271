"""What a provider is asked and what comes back, before anything of it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel

from neonblue.errors import UnavailableError

Outcome = Literal[
    "ok", "failed", "rate_limited", "timeout", "refused", "rambled", "over_budget", "cancelled"
]
MAX_TOKENS = 4000
"""Thinking counts into it."""
MAX_CHARACTERS = 12_000
"""An answer that is longer rambles: it is not read to its end."""
MAX_RETRIES = 1


class ModelFailedError(UnavailableError):
    """The language model gave nothing that can be used; ``outcome`` says in which way."""

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Instructions of ours; ``context`` is data that stays the same from call to call, and is
    cached where the API can; ``content`` is what this call is about. ``name`` is the prompt's."""

    model: str
    shape: type[BaseModel]
    name: str
    instructions: str
    context: str
    content: str


@dataclass(slots=True)
class Usage:
    """Tokens as the provider counted them; None while it has not said. ``began`` is whether it
    began to answer, and so to count."""

    began: bool = False
    fresh: int | None = None
    cached: int = 0
    cache_write: int = 0
    output: int | None = None
    model: str = ""

    @property
    def complete(self) -> bool:
        """Whether the call can be paid for exactly."""
        return self.fresh is not None and self.output is not None


class Provider(Protocol):
    """One SDK."""

    @property
    def name(self) -> str:
        """As settings name it."""

    def open(self) -> None:
        """Import the SDK and make its client."""

    async def ask(self, request: Request, usage: Usage) -> str:
        """The text of the answer. ``usage`` is filled in on the way, also where the call fails.

        Raises ``ModelFailedError``; a cancelled call closes its connection.
        """

    async def close(self) -> None:
        """Close the client's connections."""


def failed(error: Exception, key: str, outcome: Outcome = "failed") -> ModelFailedError:
    """What an SDK, its transport or the shape of what a server sent made of the call.

    The transport is the SDK's to choose, so that its timeouts are known by their names.
    """
    if type(error).__name__.endswith("Timeout"):
        outcome = "timeout"
    return ModelFailedError(
        f"the language model failed ({type(error).__name__}): check {key} and the network, or set "
        "NEONBLUE_LLM_PROVIDER=none",
        outcome,
    )


def refused(why: object) -> ModelFailedError:
    """The model will not answer."""
    return ModelFailedError(f"the language model refused to answer ({why})", "refused")


def rambled() -> ModelFailedError:
    """The answer is longer than any that is wanted."""
    return ModelFailedError("the language model's answer did not come to an end", "rambled")
