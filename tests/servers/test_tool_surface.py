"""What the tools cost a model to know, and what they promise about themselves."""

import json
from typing import Any

import pytest
from fastmcp import Client
from mcp_types import Tool

from neonblue.servers.build import Surface, build_server, compact
from neonblue.servers.hub import build
from neonblue.tools.effect import reads, writes
from neonblue.workspace import Workspace

TOKENS_FOR_ALL_SCHEMAS = 10_000
CHARACTERS_A_TOKEN = 4
WORDS_A_DESCRIPTION = 120


@pytest.fixture
async def tools(client: "Client[Any]") -> list[Tool]:
    return await client.list_tools()


def _characters(tool: Tool) -> int:
    return len(json.dumps(tool.model_dump(by_alias=True, exclude_none=True, mode="json")))


def test_all_schemas_together_fit_in_a_small_part_of_a_context(tools: list[Tool]) -> None:
    assert sum(map(_characters, tools)) / CHARACTERS_A_TOKEN < TOKENS_FOR_ALL_SCHEMAS


def test_every_tool_has_a_title_and_says_whether_it_writes(tools: list[Tool]) -> None:
    for tool in tools:
        assert tool.title, tool.name
        assert tool.annotations is not None, tool.name
        assert tool.annotations.read_only_hint is not None, tool.name


def test_every_description_is_short_and_says_when_to_use_it(tools: list[Tool]) -> None:
    for tool in tools:
        assert tool.description, tool.name
        assert len(tool.description.split()) <= WORDS_A_DESCRIPTION, tool.name


def test_every_argument_is_described_and_none_is_a_reference(tools: list[Tool]) -> None:
    for tool in tools:
        assert "$ref" not in json.dumps(tool.input_schema), tool.name
        for name, schema in tool.input_schema.get("properties", {}).items():
            assert schema.get("description"), f"{tool.name}.{name}"


async def test_read_only_hides_every_tool_that_writes(workspace: Workspace) -> None:
    async with Client(build(read_only=True)) as client:
        for tool in await client.list_tools():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint, tool.name


@reads(title="Look")
def look() -> str:
    """Look at it."""
    return "seen"


@writes(title="Change", destructive=True)
def change() -> str:
    """Change it."""
    return "changed"


def unmarked() -> str:
    """Nobody knows what it does."""
    return ""


class _Module:
    """Stands in for a module that exposes tools."""

    def __init__(self, *tools: Any) -> None:
        self.TOOLS = tools


def _surface(*tools: Any) -> Surface:
    return Surface(name="test", instructions="", modules=(_Module(*tools),))  # type: ignore[arg-type]


async def test_marks_become_annotations() -> None:
    by_name = {tool.name: tool for tool in await build_server(_surface(look, change)).list_tools()}
    assert by_name["look"].annotations.read_only_hint
    assert not by_name["change"].annotations.read_only_hint
    assert by_name["change"].annotations.destructive_hint


async def test_read_only_keeps_what_reads() -> None:
    server = build_server(_surface(look, change), read_only=True)
    assert [tool.name for tool in await server.list_tools()] == ["look"]


def test_a_tool_that_does_not_say_whether_it_writes_is_refused() -> None:
    with pytest.raises(TypeError, match="unmarked"):
        build_server(_surface(unmarked))


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="look"):
        build_server(_surface(look, look))


def test_an_optional_argument_is_described_by_its_type_alone() -> None:
    text = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "description": "x"}
    number = {"type": "integer", "default": 25}
    compacted = compact({"type": "object", "properties": {"text": text, "number": number}})
    assert compacted["properties"] == {
        "text": {"type": "string", "description": "x"},
        "number": number,
    }


async def test_null_is_still_accepted_for_an_optional_argument(client: "Client[Any]") -> None:
    answer = await client.call_tool("list_experiments", {"text": None})
    assert answer.structured_content["total"] == 0
