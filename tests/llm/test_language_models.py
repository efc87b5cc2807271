"""Both SDKs against a real HTTP endpoint on the loopback interface."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import BaseModel

from neonblue.errors import UnavailableError
from neonblue.llm.language_model import LanguageModel, open_language_model
from neonblue.llm.narration import narrate


class Reading(BaseModel):
    text: str


class Endpoint:
    """What the endpoint answers, in order (the last one again and again), and what it was sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: list[str] = []
        self.requests: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []

    def next_reply(self) -> str:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def _anthropic(text: str) -> dict[str, object]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _openai(text: str) -> dict[str, object]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(body)
            state.headers.append({key.lower(): value for key, value in self.headers.items()})
            reply = state.next_reply()
            shape = _anthropic if self.path.endswith("/messages") else _openai
            status = 400 if reply == "refuse" else 200
            answer = json.dumps(shape(reply) if status == 200 else {"error": {"message": "no"}})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Endpoint(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["anthropic", "openai"])
def model(request: pytest.FixtureRequest, endpoint: Endpoint) -> LanguageModel:
    opened = open_language_model(
        provider=request.param,
        model="m",
        base_url=endpoint.url,
        timeout_seconds=5,
        anthropic_api_key="key-a",
        openai_api_key="key-o",
    )
    assert opened is not None
    return opened


def test_a_model_answers_with_the_wanted_shape(model: LanguageModel, endpoint: Endpoint) -> None:
    endpoint.replies = ['{"text": "fine"}']
    answer = model.answer(Reading, instructions="be brief", prompt="say something")
    assert answer == Reading(text="fine")
    assert "say something" in json.dumps(endpoint.requests[0])
    sent = endpoint.headers[0].get("x-api-key") or endpoint.headers[0]["authorization"]
    assert "key-" in sent


def test_an_answer_of_another_shape_is_an_error_not_a_text(
    model: LanguageModel, endpoint: Endpoint
) -> None:
    endpoint.replies = ['{"other": 1}']
    with pytest.raises(UnavailableError, match="NEONBLUE_LLM_PROVIDER=none"):
        model.answer(Reading, instructions="i", prompt="p")


def test_a_failing_endpoint_names_the_model_and_what_to_check(
    model: LanguageModel, endpoint: Endpoint
) -> None:
    endpoint.replies = ["refuse"]
    with pytest.raises(UnavailableError, match="_API_KEY"):
        model.answer(Reading, instructions="i", prompt="p")


def test_a_grounded_text_is_taken_and_its_author_named(
    model: LanguageModel, endpoint: Endpoint
) -> None:
    endpoint.replies = ['{"text": "The lift was 4.3 %."}']
    told = narrate(model, task="t", evidence={"lift": 0.0432}, by_rule=lambda: "rule")
    assert (told.text, told.narrated_by) == ("The lift was 4.3 %.", model.name)


def test_a_model_that_invents_numbers_is_asked_again_then_replaced_by_the_rule(
    model: LanguageModel, endpoint: Endpoint
) -> None:
    endpoint.replies = ['{"text": "The lift was 9 %."}']
    told = narrate(model, task="t", evidence={"lift": 0.0432}, by_rule=lambda: "rule")
    assert (told.text, told.narrated_by) == ("rule", "rules")
    assert "9 %" in told.note
    assert len(endpoint.requests) == 2


def test_a_model_that_is_away_leaves_the_rule(model: LanguageModel, endpoint: Endpoint) -> None:
    endpoint.replies = ["refuse"]
    told = narrate(model, task="t", evidence={}, by_rule=lambda: "rule")
    assert (told.text, told.narrated_by) == ("rule", "rules")


def test_without_a_key_there_is_no_model() -> None:
    assert open_language_model() is None
    assert open_language_model(provider="none", openai_api_key="k") is None


def test_a_provider_without_its_key_is_an_error_that_names_it() -> None:
    with pytest.raises(UnavailableError, match="ANTHROPIC_API_KEY"):
        open_language_model(provider="anthropic")
