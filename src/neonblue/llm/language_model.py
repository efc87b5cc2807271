"""The one interface to a language model, and how a configured one is opened.

A model may explain, plan and phrase; it never decides. Nothing in the project needs one: without
a key ``open_language_model`` answers ``None`` and rules write every text.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeVar

from pydantic import BaseModel

from neonblue.errors import UnavailableError

LanguageModelProvider = Literal["anthropic", "openai", "none"]
Answer = TypeVar("Answer", bound=BaseModel)

DEFAULT_MODELS = {"anthropic": "claude-sonnet-4-5", "openai": "gpt-5-mini"}
MAX_TOKENS = 2000


class LanguageModel(Protocol):
    """Answers a prompt with an object of the wanted shape."""

    @property
    def name(self) -> str:
        """``provider:model``, as results name it in ``narrated_by``."""

    def answer(self, shape: type[Answer], *, instructions: str, prompt: str) -> Answer:
        """One validated object; ``UnavailableError`` when the model fails, refuses or rambles."""


def open_language_model(
    *,
    provider: LanguageModelProvider | None = None,
    model: str | None = None,
    base_url: str | None = None,
    timeout_seconds: float = 30.0,
    anthropic_api_key: str | None = None,
    openai_api_key: str | None = None,
) -> LanguageModel | None:
    """The configured model; without a provider, that of the key there is; else ``None``."""
    chosen = provider or _provider_of_key(anthropic_api_key, openai_api_key)
    if chosen == "none":
        return None
    api_key = anthropic_api_key if chosen == "anthropic" else openai_api_key
    if not api_key:
        raise UnavailableError(
            f"the language model provider is {chosen!r} but there is no key: set "
            f"{chosen.upper()}_API_KEY, or NEONBLUE_LLM_PROVIDER=none to let rules write"
        )
    name = model or DEFAULT_MODELS[chosen]
    if chosen == "anthropic":
        from neonblue.llm.anthropic_model import AnthropicModel

        return AnthropicModel(name, api_key, base_url=base_url, timeout_seconds=timeout_seconds)
    from neonblue.llm.openai_model import OpenAIModel

    return OpenAIModel(name, api_key, base_url=base_url, timeout_seconds=timeout_seconds)


def _provider_of_key(anthropic_key: str | None, openai_key: str | None) -> LanguageModelProvider:
    if anthropic_key:
        return "anthropic"
    return "openai" if openai_key else "none"
