"""Cold start: from starting the process to the first answer to ``tools/list`` over stdio.

Paired, in one run: a FastMCP server with one empty tool, then ``neonblue serve``, alternating; the
ratio of the medians is the figure. Run it on an otherwise idle machine:

    python -m benchmarks.cold_start --rounds 11
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

BARE = """
from fastmcp import FastMCP
server = FastMCP("bare")
@server.tool
def nothing() -> str:
    "Do nothing."
    return ""
server.run("stdio", show_banner=False)
"""

HANDSHAKE = [
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "benchmark", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
]


def seconds_to_first_list(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Start the server, list its tools, end it; the wall-clock time until the list came."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in HANDSHAKE:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        for line in process.stdout:
            if json.loads(line).get("id") == 2:
                break
        elapsed = time.perf_counter() - started
        process.kill()
    return elapsed


def main() -> None:
    """Print the medians, the ratio, and the ratios of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    bare, ours, second = [], [], []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory() as directory:
            environment = {**os.environ, "NEONBLUE_DATA_DIR": directory}
            bare.append(seconds_to_first_list([sys.executable, "-c", BARE], environment))
            serve = [sys.executable, "-m", "neonblue", "serve"]
            ours.append(seconds_to_first_list(serve, environment))
            second.append(_second_client(serve, environment))
    bare, ours, second = bare[1:], ours[1:], second[1:]  # the first round fills the file cache
    ratios = sorted(mine / other for mine, other in zip(ours, bare, strict=True))
    print(f"bare FastMCP server  {statistics.median(bare):.3f} s")
    print(f"neonblue serve       {statistics.median(ours):.3f} s")
    print(f"a second client      {statistics.median(second):.3f} s")
    print(f"ratio of medians     {statistics.median(ours) / statistics.median(bare):.3f}")
    print(
        f"ratio of pairs       {statistics.median(ratios):.3f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
    )


def _second_client(command: Sequence[str], environment: Mapping[str, str]) -> float:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        for message in HANDSHAKE:
            owner.stdin.write(json.dumps(message).encode() + b"\n")
        owner.stdin.flush()
        owner.stdout.readline()
        owner.stdout.readline()
        elapsed = seconds_to_first_list(command, environment)
        owner.kill()
    return elapsed


if __name__ == "__main__":
    main()
