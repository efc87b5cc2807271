"""Anthropic's messages API behind our interface."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.llm.language_model import MAX_TOKENS, Answer

if TYPE_CHECKING:
    from anthropic import Anthropic


class AnthropicModel:
    """A Claude model; the shape of its answer is enforced by the API and validated again."""

    def __init__(
        self, model: str, api_key: str, *, base_url: str | None, timeout_seconds: float
    ) -> None:
        self._model, self._api_key, self._base_url = model, api_key, base_url
        self._timeout_seconds = timeout_seconds

    @property
    def name(self) -> str:
        """``anthropic:`` and the model."""
        return f"anthropic:{self._model}"

    def answer(self, shape: type[Answer], *, instructions: str, prompt: str) -> Answer:
        """One object of the shape; one retry by the SDK on overload or a broken connection."""
        import anthropic
        from pydantic import ValidationError

        try:
            message = self._client.messages.parse(
                model=self._model,
                max_tokens=MAX_TOKENS,
                system=instructions,
                messages=[{"role": "user", "content": prompt}],
                output_format=shape,
            )
        except (anthropic.AnthropicError, ValidationError) as error:
            raise UnavailableError(
                f"the language model {self.name!r} failed ({type(error).__name__}): check "
                "ANTHROPIC_API_KEY and the network, or set NEONBLUE_LLM_PROVIDER=none"
            ) from error
        parsed = message.parsed_output
        if parsed is None:
            raise UnavailableError(
                f"the language model {self.name!r} gave no usable answer (it stopped because of "
                f"{message.stop_reason!r}): ask again, or set NEONBLUE_LLM_PROVIDER=none"
            )
        return parsed

    @cached_property
    def _client(self) -> Anthropic:
        from anthropic import Anthropic

        return Anthropic(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=self._timeout_seconds,
            max_retries=1,
        )
