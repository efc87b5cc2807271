"""What a provider is asked and what comes back, before anything of it is believed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, Protocol, TypedDict, TypeVar

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


class Connected(Protocol):
    """What an SDK's client has in common with the other's."""

    async def close(self) -> None:
        """Close its connections."""


Client = TypeVar("Client", bound=Connected)


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


class Terms(TypedDict):
    """What both SDKs' clients are made with."""

    api_key: str
    base_url: str | None
    timeout: float
    max_retries: int


class Provider(ABC, Generic[Client]):
    """One SDK, imported and connected when it is opened. ``name`` is what settings call it."""

    name: ClassVar[str]
    key: ClassVar[str]

    def __init__(self, api_key: str, *, base_url: str | None, timeout_seconds: float) -> None:
        self._terms = Terms(
            api_key=api_key, base_url=base_url, timeout=timeout_seconds, max_retries=MAX_RETRIES
        )
        self._client: Client | None = None

    def open(self) -> None:
        """Import the SDK and make its client."""
        if self._client is None:
            self._client = self._connected(self._terms)

    async def ask(self, request: Request, usage: Usage) -> str:
        """The text of the answer. ``usage`` is filled in on the way, also where the call fails.

        Raises ``ModelFailedError``; a cancelled call closes its connection.
        """
        assert self._client is not None
        rate_limited, timed_out = self._errors()
        try:
            return await self._stream(self._client, request, usage)
        except ModelFailedError:
            raise
        except rate_limited as error:
            raise failed(error, self.key, "rate_limited") from error
        except timed_out as error:
            raise failed(error, self.key, "timeout") from error
        except Exception as error:  # a server may send anything as an event
            raise failed(error, self.key) from error

    async def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            await self._client.close()

    @abstractmethod
    def _connected(self, terms: Terms) -> Client:
        """The SDK's client."""

    @abstractmethod
    def _errors(self) -> tuple[type[Exception], type[Exception]]:
        """How the SDK says that there were too many calls, and that one took too long."""

    @abstractmethod
    async def _stream(self, client: Client, request: Request, usage: Usage) -> str:
        """The text of the answer, read as it comes."""


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
