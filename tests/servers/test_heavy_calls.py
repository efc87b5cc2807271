"""Heavy calls take turns, client by client; light ones never wait for them."""

import threading
from collections.abc import Callable

import anyio
import pytest
from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError

from neonblue.servers.heavy_calls import HEAVY, MAX_RUNNING, Turns, in_turn
from neonblue.servers.hub import build_hub


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another task brings about."""
    with anyio.fail_after(20):
        while not condition():
            await anyio.sleep(0.01)


async def test_every_heavy_tool_exists() -> None:
    async with Client(build_hub()) as client:
        assert {tool.name for tool in await client.list_tools()} >= HEAVY


async def test_light_calls_do_not_wait_for_heavy_ones() -> None:
    gate, started = threading.Event(), list[int]()
    server = FastMCP("turns")

    @server.tool
    @in_turn
    def diagnose_experiment(number: int) -> int:
        started.append(number)
        gate.wait(30)
        return number

    @server.tool
    def list_catalog() -> str:
        return "light"

    answers: list[int] = []

    async def ask(client: Client, number: int) -> None:  # type: ignore[type-arg]
        found = await client.call_tool("diagnose_experiment", {"number": number})
        answers.append(found.data)

    async with Client(server) as client, anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(ask, client, number)
        await until(lambda: len(started) == MAX_RUNNING)
        for _ in range(20):
            with anyio.fail_after(10):
                assert (await client.call_tool("list_catalog", {})).data == "light"
        assert len(started) == MAX_RUNNING, "the others wait"
        gate.set()
    assert sorted(answers) == list(range(60))


async def test_clients_take_turns_and_no_client_holds_up_another() -> None:
    turns, order, go = Turns(running=1), list[str](), anyio.Event()

    async def call(client: str) -> None:
        async with turns.turn(client):
            order.append(client)
            await go.wait()

    async with anyio.create_task_group() as group:
        for client in ["first", *["many"] * 4, "few", "other", "few"]:
            group.start_soon(call, client)
            await anyio.lowlevel.checkpoint()
        await until(lambda: order == ["first"])
        go.set()
    assert order == ["first", "many", "few", "other", "many", "few", "many", "many"]


async def test_when_too_many_wait_a_call_is_refused_at_once() -> None:
    turns, go = Turns(running=1, waiting=2), anyio.Event()
    done = []

    async def call(client: str) -> None:
        async with turns.turn(client):
            await go.wait()
        done.append(client)

    async with anyio.create_task_group() as group:
        for client in "abc":
            group.start_soon(call, client)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(ToolError, match=r"busy.*call again in some seconds"):
            async with turns.turn("d"):
                pass
        go.set()
    assert done == ["a", "b", "c"]
    async with turns.turn("d"):
        pass


async def test_a_call_that_was_given_up_gives_its_turn_back() -> None:
    turns, go = Turns(running=1, waiting=1), anyio.Event()
    scopes, order = list[anyio.CancelScope](), list[str]()

    async def call(client: str) -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            async with turns.turn(client):
                order.append(client)
                await go.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(call, "runs")
        await anyio.wait_all_tasks_blocked()
        group.start_soon(call, "waits")
        await anyio.wait_all_tasks_blocked()
        scopes[1].cancel()
        await anyio.wait_all_tasks_blocked()
        group.start_soon(call, "comes after")
        await anyio.wait_all_tasks_blocked()
        assert order == ["runs"]
        scopes[0].cancel()
        await until(lambda: order == ["runs", "comes after"])
        go.set()
