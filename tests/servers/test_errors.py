"""How errors reach a client: ours in full, arguments in one line, everything else masked."""

from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError

from neonblue import errors
from neonblue.servers.build import Surface, build_server
from neonblue.tools.effect import reads

ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.NeonBlueError)
]
RAISED: dict[str, Exception] = {}


@reads(title="Fail")
def fail(how: str, often: int = 1) -> str:
    """Raise what the test put there."""
    raise RAISED[how]


@reads(title="Fail later")
async def fail_later(how: str) -> str:
    """Raise the same, asynchronously."""
    raise RAISED[how]


class _Module:
    TOOLS = (fail, fail_later)


SURFACE = Surface(name="test", instructions="", modules=(_Module(),))  # type: ignore[arg-type]


async def _message(tool: str, era: Any = "legacy", **arguments: Any) -> str:
    async with Client(build_server(SURFACE), mode=era) as client:
        with pytest.raises(ToolError) as caught:
            await client.call_tool(tool, arguments)
    return str(caught.value)


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("tool", ["fail", "fail_later"])
@pytest.mark.parametrize("kind", ERRORS)
async def test_our_errors_arrive_word_for_word(
    kind: type[errors.NeonBlueError], tool: str, era: str
) -> None:
    RAISED["ours"] = kind("there is no 'x': call list_experiments")
    assert await _message(tool, era, how="ours") == "there is no 'x': call list_experiments"


async def test_what_we_did_not_raise_is_masked() -> None:
    RAISED["bug"] = RuntimeError("password=secret")
    assert "secret" not in await _message("fail", how="bug")


async def test_unusable_arguments_are_named_with_what_came() -> None:
    message = await _message("fail", how="x", often="many")
    assert message.startswith("fail cannot use these arguments: often: ")
    assert "'many'" in message
    assert "pydantic" not in message


async def test_a_missing_argument_is_named() -> None:
    assert "how is required" in await _message("fail")


@pytest.mark.parametrize("near", ["oftn", "oftten", "ofte"])
async def test_a_name_close_to_a_real_one_is_refused_with_the_real_one(near: str) -> None:
    message = await _message("fail", how="x", **{near: 1})
    assert f"there is no argument {near!r}: it is called 'often'" in message


async def test_an_error_echoes_little_of_what_was_sent_and_nothing_unseen() -> None:
    sent = "\u202eq\n" * 5000
    RAISED[sent] = errors.NotFoundError(f"there is no {sent!r}, nor {sent}: look again")
    message = await _message("fail", how=sent)
    assert len(message) < 600
    assert message.endswith(": look again")
    assert "\n" not in message
    assert "\u202e" not in message


@pytest.mark.parametrize("method", ["call_tool", "get_prompt", "read_resource"])
async def test_what_does_not_exist_is_not_echoed_at_length(method: str) -> None:
    async with Client(build_server(SURFACE)) as client:
        with pytest.raises((ToolError, MCPError)) as caught:
            await getattr(client, method)("x://" + "t\u202e" * 5000)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 300
