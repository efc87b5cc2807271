"""Arguments as clients write them mean what they mean when they are written as the schema says."""

from typing import Annotated, Any

import pytest
from fastmcp import Client
from pydantic import BaseModel, Field, WithJsonSchema

from neonblue.servers.build import Surface, build_server
from neonblue.tools.effect import reads


class Plan(BaseModel):
    """An object with optional parts."""

    name: str
    weights: list[float] = []
    size: int | None = Field(None)


@reads(title="Echo")
def echo(
    label: str,
    names: list[str] | None = None,
    plan: Annotated[Plan, WithJsonSchema(Plan.model_json_schema())] | None = None,
    options: dict[str, Any] | None = None,
    share: float | None = None,
    count: int = 3,
    exact: bool = False,
    text: str | None = None,
) -> dict[str, Any]:
    """Say what arrived."""
    shown = plan.model_dump() if plan else None
    return {**locals(), "plan": shown}


@reads(title="Named")
def named(experiment_id: str, session_id: str = "", user_id: str = "") -> dict[str, Any]:
    """Say what arrived."""
    return dict(locals())


class _Module:
    TOOLS = (echo, named)


SURFACE = Surface(name="test", instructions="", modules=(_Module(),))  # type: ignore[arg-type]
OPTIONAL = ("names", "plan", "options", "share", "count", "exact", "text")


async def _arrived(**arguments: Any) -> dict[str, Any]:
    async with Client(build_server(SURFACE)) as client:
        answer = await client.call_tool("echo", {"label": "x", **arguments})
    assert answer.structured_content is not None
    return answer.structured_content


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("names", '["a", "b"]', ["a", "b"]),
        ("names", " [ ] ", []),
        ("options", '{"a": {"in": [1]}}', {"a": {"in": [1]}}),
        ("plan", '{"name": "p", "weights": "[1, 2]"}', {"name": "p", "weights": [1, 2]}),
        ("plan", {"name": "p", "size": "", "weights": None}, {"name": "p", "size": None}),
        ("share", "0.25", 0.25),
        ("share", " 2e-1 ", 0.2),
        ("count", "7", 7),
        ("exact", "true", True),
        ("exact", "False", False),
        # Text stays text; what a caller wrote comes back fenced.
        ("text", '["stays text"]', '<data>["stays text"]</data>'),
        ("text", "null", "null"),
    ],
)
async def test_what_is_written_as_text_is_read(name: str, written: Any, meant: Any) -> None:
    arrived = (await _arrived(**{name: written}))[name]
    if isinstance(meant, dict) and name == "plan":
        assert meant.items() <= arrived.items()
    else:
        assert arrived == meant


@pytest.mark.parametrize("empty", [None, "", "  "])
@pytest.mark.parametrize("name", OPTIONAL)
async def test_null_and_empty_mean_not_given(name: str, empty: Any) -> None:
    assert (await _arrived(**{name: empty})) == await _arrived()


@pytest.mark.parametrize("name", ["names", "plan", "options", "share", "count", "exact"])
async def test_the_word_null_means_not_given_where_no_text_is_wanted(name: str) -> None:
    assert (await _arrived(**{name: "null"})) == await _arrived()


@pytest.mark.parametrize("name", ["sessionId", "toolCallId", "_meta", "chatInput", "colour"])
async def test_names_that_clients_add_are_ignored_with_a_note(name: str) -> None:
    arrived = await _arrived(**{name: "1"})
    note = arrived.pop("arguments_note")
    assert repr(name) in note
    assert arrived == await _arrived()


async def test_the_note_is_in_the_text_as_well() -> None:
    async with Client(build_server(SURFACE)) as client:
        answer = await client.call_tool("echo", {"label": "x", "sessionId": "1"})
    assert "'sessionId'" in answer.content[-1].text


async def test_a_name_inside_an_object_that_is_close_to_a_real_one_is_refused() -> None:
    from fastmcp.exceptions import ToolError

    async with Client(build_server(SURFACE)) as client:
        with pytest.raises(ToolError, match=r"'plan\.sizes': it is called 'plan\.size'"):
            await client.call_tool("echo", {"label": "x", "plan": {"name": "p", "sizes": 3}})


@pytest.mark.parametrize(
    ("name", "value"), [("names", "[1,"), ("names", '{"a": 1}'), ("options", "[1]"), ("count", "x")]
)
async def test_text_that_is_not_what_is_wanted_is_refused(name: str, value: str) -> None:
    from fastmcp.exceptions import ToolError

    async with Client(build_server(SURFACE)) as client:
        with pytest.raises(ToolError, match=f"echo cannot use these arguments: {name}"):
            await client.call_tool("echo", {"label": "x", name: value})


@pytest.mark.parametrize(
    "name", ["experiment_id", "experimentId", "experiment-id", "ExperimentID", "experiment", "id"]
)
async def test_an_id_goes_by_the_names_that_clients_guess(name: str) -> None:
    async with Client(build_server(SURFACE)) as client:
        answer = await client.call_tool("named", {name: "a", "userId": "b", "sessionId": "c"})
    arrived = dict(answer.structured_content or {})
    assert "'sessionId'" in arrived.pop("arguments_note")
    assert arrived == {"experiment_id": "a", "session_id": "", "user_id": "b"}


async def test_a_guessed_name_beside_the_real_one_does_not_replace_it() -> None:
    async with Client(build_server(SURFACE)) as client:
        answer = await client.call_tool("named", {"id": "other", "experiment_id": "a"})
    assert (answer.structured_content or {})["experiment_id"] == "a"
