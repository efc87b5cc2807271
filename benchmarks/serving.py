"""Warm calls: the median time of one tool call, by the way it takes to the data.

In memory, over stdio to the owner of the data directory, over stdio to a second client that works
through the owner, and over HTTP. All in one run; compare them with each other, not across runs.

    python -m benchmarks.serving --calls 200
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport

TOKEN = "benchmark"
SERVE = ["-m", "neonblue", "serve"]


async def _median_ms(client: Client[Any], calls: int) -> float:
    times = []
    for _ in range(calls + 5):
        started = time.perf_counter()
        await client.call_tool("list_experiments", {})
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[5:])


def _stdio(directory: str) -> Client[Any]:
    environment = {**os.environ, "NEONBLUE_DATA_DIR": directory}
    return Client(StdioTransport(sys.executable, SERVE, env=environment, keep_alive=False))


async def _over_stdio(calls: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as directory:
        async with _stdio(directory) as owner:
            first = await _median_ms(owner, calls)
            async with _stdio(directory) as relayed:
                await asyncio.sleep(5)  # until it has imported what taking over needs
                return first, await _median_ms(relayed, calls)


async def _in_memory(calls: int) -> float:
    from neonblue.servers.hub import build

    with tempfile.TemporaryDirectory() as directory:
        os.environ["NEONBLUE_DATA_DIR"] = directory
        async with Client(build()) as client:
            return await _median_ms(client, calls)


async def _over_http(calls: int) -> float:
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            **os.environ,
            "NEONBLUE_DATA_DIR": directory,
            "NEONBLUE_HTTP_TOKEN": TOKEN,
        }
        words = [sys.executable, *SERVE, "--http", f"127.0.0.1:{port}"]
        with subprocess.Popen(words, env=environment) as server:
            await listening(port)
            transport = StreamableHttpTransport(f"http://127.0.0.1:{port}/mcp", auth=TOKEN)
            async with Client(transport) as client:
                median = await _median_ms(client, calls)
            server.terminate()
    return median


def free_port() -> int:
    """A port on loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def listening(port: int) -> None:
    """Wait until something listens there."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return


async def main() -> None:
    """Print the medians in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    calls = parser.parse_args().calls
    memory = await _in_memory(calls)
    stdio, relayed = await _over_stdio(calls)
    http = await _over_http(calls)
    print(f"in memory                   {memory:7.2f} ms")
    print(f"stdio, owner                {stdio:7.2f} ms")
    print(f"stdio, through the owner    {relayed:7.2f} ms (+{relayed - stdio:.2f})")
    print(f"HTTP                        {http:7.2f} ms")


if __name__ == "__main__":
    asyncio.run(main())
