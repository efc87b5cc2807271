"""The worker as a person meets it: the command, the owner's own worker, the status resource."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport


def environment(data_dir: Path, topics: Any) -> dict[str, str]:
    return {
        **os.environ,
        "NEONBLUE_DATA_DIR": str(data_dir),
        "KAFKA_BOOTSTRAP_SERVERS": topics.servers,
        "KAFKA_EVENTS_TOPIC": topics.settings.events_topic,
        "KAFKA_DEAD_TOPIC": topics.settings.dead_topic,
        "KAFKA_GROUP_ID": topics.settings.group_id,
        "KAFKA_SESSION_TIMEOUT_MS": "1000",
    }


def neonblue(*words: str, data_dir: Path, stdin: bytes = b"") -> Any:
    """A command's JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "neonblue", *words],
        input=stdin,
        capture_output=True,
        env={**os.environ, "NEONBLUE_DATA_DIR": str(data_dir)},
        check=True,
    )
    return json.loads(done.stdout)


async def test_a_server_reads_kafka_itself_and_says_how_it_goes(
    tmp_path: Path, topics: Any, make_message: Any
) -> None:
    await topics.create()
    await topics.send([*(make_message(number) for number in range(200)), (b"k", b"rubbish")])
    transport = StdioTransport(
        command=sys.executable,
        args=["-m", "neonblue", "serve"],
        env=environment(tmp_path / "data", topics),
    )
    async with Client(transport) as client:
        deadline = time.monotonic() + 60
        status: dict[str, Any] = {}
        while status.get("journeys_indexed") != 17 and time.monotonic() < deadline:
            (answer,) = await client.read_resource("ingest://status")
            status = json.loads(answer.text)
        listed = await client.call_tool("list_experiments", {})
    assert status["live_workers"] == 1
    assert status["dead_letters"] == {"not_json": 1}
    assert (status["journeys_waiting"], status["journeys_indexed"]) == (0, 17)
    assert "checkout" in json.dumps(listed.structured_content)


def test_a_file_and_stdin_go_through_the_same_pipeline(tmp_path: Path, make_message: Any) -> None:
    lines = b"\n".join([make_message(number)[1] for number in range(50)] + [b"rubbish"])
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines)
    data_dir = tmp_path / "data"
    counts = neonblue("ingest", str(path), data_dir=data_dir)
    assert (counts["events"], counts["dead_letters"]) == (50, 1)
    assert (counts["journeys_indexed"], counts["journeys_waiting"]) == (17, 0)
    counts = neonblue("ingest", "-", data_dir=data_dir, stdin=lines)
    assert (counts["events"], counts["dead_letters"]) == (50, 1)
    listed = neonblue("dead-letters", "list", data_dir=data_dir)
    places = [letter["id"].rpartition(":")[0] for letter in listed["letters"]]
    assert places == ["events.jsonl:0:50", "stdin:0:50"]
