"""Both providers, talking to a server on the loopback interface."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.services.language_model_server import LanguageModelServer, language_model_server

from neonblue.llm.budget import Budget
from neonblue.llm.language_model import LanguageModel, ModelCall, open_language_model

OpenModel = Callable[..., LanguageModel]


@pytest.fixture
def endpoint() -> Iterator[LanguageModelServer]:
    with language_model_server() as running:
        yield running


@pytest.fixture
def calls() -> list[ModelCall]:
    """What was recorded."""
    return []


@pytest.fixture(params=["anthropic", "openai"])
def open_model(
    request: pytest.FixtureRequest, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> Iterator[OpenModel]:
    """Opens the model of one provider with settings of the test's choice."""
    opened: list[LanguageModel] = []

    def record(call: ModelCall) -> bool:
        calls.append(call)
        return True

    def start(**settings: Any) -> LanguageModel:
        budget = Budget(
            settings.pop("budget_usd", 5.0), lambda since: sum(call.cost_usd for call in calls)
        )
        model = open_language_model(
            provider=request.param,
            base_url=endpoint.url,
            anthropic_api_key="key-a",
            openai_api_key="key-o",
            budget=budget,
            record=record,
            **{"timeout_seconds": 5.0, **settings},
        )
        assert model is not None
        opened.append(model)
        return model

    yield start
    for model in opened:
        model.close()


@pytest.fixture
def model(open_model: OpenModel) -> LanguageModel:
    return open_model()
