"""OpenAI's chat completions (and servers that speak them) behind our interface."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.llm.language_model import MAX_TOKENS, Answer

if TYPE_CHECKING:
    from openai import OpenAI


class OpenAIModel:
    """A GPT model, or any local server with the same API and JSON-schema answers.

    Chat completions and not responses: local servers honour a schema only there.
    """

    def __init__(
        self, model: str, api_key: str, *, base_url: str | None, timeout_seconds: float
    ) -> None:
        self._model, self._api_key, self._base_url = model, api_key, base_url
        self._timeout_seconds = timeout_seconds

    @property
    def name(self) -> str:
        """``openai:`` and the model."""
        return f"openai:{self._model}"

    def answer(self, shape: type[Answer], *, instructions: str, prompt: str) -> Answer:
        """One object of the shape; one retry by the SDK on overload or a broken connection."""
        import openai
        from pydantic import ValidationError

        try:
            completion = self._client.chat.completions.parse(
                model=self._model,
                max_completion_tokens=MAX_TOKENS,
                messages=[
                    {"role": "system", "content": instructions},
                    {"role": "user", "content": prompt},
                ],
                response_format=shape,
            )
        except (openai.OpenAIError, ValidationError) as error:
            raise UnavailableError(
                f"the language model {self.name!r} failed ({type(error).__name__}): check "
                "OPENAI_API_KEY and the network, or set NEONBLUE_LLM_PROVIDER=none"
            ) from error
        parsed = completion.choices[0].message.parsed if completion.choices else None
        if parsed is None:
            raise UnavailableError(
                f"the language model {self.name!r} gave no usable answer: ask again, "
                "or set NEONBLUE_LLM_PROVIDER=none"
            )
        return parsed

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        return OpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=self._timeout_seconds,
            max_retries=1,
        )
