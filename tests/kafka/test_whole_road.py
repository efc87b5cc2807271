"""PostgreSQL → Debezium → Apache Kafka → worker → ClickHouse and Chroma → an MCP answer."""

import asyncio
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from tests.services import apache_kafka

pytestmark = pytest.mark.kafka_real


def load_platform() -> ModuleType:
    path = Path(__file__).with_name("platform.py")
    spec = importlib.util.spec_from_file_location("platform_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


platform = load_platform()
# Read now: a test sees an environment without our variables.
APACHE = os.environ.get("NEONBLUE_TEST_BROKER") == "apache"

DEFINE = """
INSERT INTO experiments
    VALUES ('checkout', 'One page checkout', 'running', 0.05, now() - interval '10 days');
INSERT INTO variants (experiment_id, variant_id, weight, is_control)
    VALUES ('checkout', 'control', 1, true), ('checkout', 'treatment', 1, false);
INSERT INTO metrics (experiment_id, name, kind, event_type)
    VALUES ('checkout', 'orders', 'proportion', 'purchase');
"""
ACT = """
INSERT INTO events
SELECT 'x' || n, 'u' || n, 'checkout', CASE n % 2 WHEN 0 THEN 'control' ELSE 'treatment' END,
       'exposure', now() - interval '9 days' + n * interval '342 seconds', NULL,
       '{"device": "mobile"}'
FROM generate_series(1, 2000) AS n;
INSERT INTO events
SELECT 'p' || n, 'u' || n, 'checkout', NULL, 'purchase',
       now() - interval '8 days' + n * interval '342 seconds', n % 50 + 0.25, '{"page": "/thanks"}'
FROM generate_series(1, 2000) AS n WHERE n % 5 = 0 OR n % 7 = 0;
"""
CHANGE = """
UPDATE events SET value = value + 100
    WHERE event_id IN (SELECT 'p' || n FROM generate_series(1, 300) n);
DELETE FROM events WHERE event_type = 'purchase' AND user_id IN (
    SELECT 'u' || n FROM generate_series(1, 2000, 2) n WHERE n % 3 = 0);
UPDATE experiments SET name = 'Checkout on one page' WHERE id = 'checkout';
"""
TRUTH = """
SELECT e.variant_id, count(*), count(p.user_id) FROM events e
LEFT JOIN (SELECT DISTINCT user_id FROM events WHERE event_type = 'purchase') p USING (user_id)
WHERE e.event_type = 'exposure' GROUP BY 1 ORDER BY 1
"""


@pytest.fixture
def kafka() -> Iterator[apache_kafka.ApacheKafka]:
    if not APACHE:
        pytest.skip("this takes Apache Kafka and PostgreSQL: run `make test-kafka`")
    for reason in (apache_kafka.missing(), platform.missing()):
        if reason is not None:
            pytest.skip(reason)
    with apache_kafka.running() as broker:
        yield broker


@pytest.mark.timeout(420)
async def test_what_the_platform_does_is_what_an_agent_is_told(
    kafka: apache_kafka.ApacheKafka, tmp_path: Path
) -> None:
    topics = [f"{platform.PREFIX}.public.{table}" for table in platform.TABLES]
    await create(kafka.address, [*topics, "dead"])
    postgres = platform.Postgres(tmp_path)
    postgres.run(platform.SCHEMA + DEFINE)
    connect = platform.Connect(tmp_path, kafka.address, postgres)
    try:
        async with Client(server(kafka.address, topics, tmp_path)) as client:
            postgres.run(ACT)
            await until_equal(client, postgres)
            postgres.run(CHANGE)
            await until_equal(client, postgres)
            status = await ingest_status(client, indexed=2000)
            listed = await call(client, "list_experiments", {})
            postgres.run("DELETE FROM experiments WHERE id = 'checkout'")
            await until_archived(client)
    finally:
        connect.stop()
        postgres.stop()
    assert status["dead_letters"] == {}
    assert "Checkout on one page" in json.dumps(listed)


async def create(servers: str, topics: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1) for topic in topics])
    await admin.close()


def server(servers: str, topics: list[str], folder: Path) -> StdioTransport:
    environment = {
        **os.environ,
        "NEONBLUE_DATA_DIR": str(folder / "data"),
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "KAFKA_EVENTS_TOPIC": topics[-1],
        "KAFKA_DEFINITION_TOPICS": ",".join(topics[:-1]),
        "KAFKA_DEAD_TOPIC": "dead",
    }
    return StdioTransport(command=sys.executable, args=["-m", "neonblue", "serve"], env=environment)


async def call(client: Client[Any], tool: str, arguments: dict[str, Any]) -> Any:
    answer = await client.call_tool(tool, arguments, raise_on_error=False)
    return answer.structured_content or {}


async def until_equal(client: Client[Any], postgres: Any) -> None:
    """Wait until the MCP answer has PostgreSQL's own counts: units and buyers by variant."""
    rows = [line.split("\t") for line in postgres.run(TRUTH).splitlines()]
    truth = {variant: (int(units), int(buyers)) for variant, units, buyers in rows}
    told: Any = None
    for _ in range(240):
        told = await counts(client)
        if told == truth:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"PostgreSQL says {truth}, the agent was told {told}")


async def counts(client: Client[Any]) -> dict[str, tuple[int, int]]:
    """Units and buyers by variant, from the analysis."""
    arguments = {"experiment_id": "checkout", "detail": "full"}
    answer = await call(client, "analyze_experiment_performance", arguments)
    found: dict[str, tuple[int, int]] = {}
    for metric in answer.get("metrics", []):
        for each in metric.get("comparisons", []):
            control, treatment = each["n_control"], each["n_treatment"]
            found["control"] = (control, round(each["mean_control"] * control))
            found[each["variant"]] = (treatment, round(each["mean_treatment"] * treatment))
    return found


async def ingest_status(client: Client[Any], indexed: int) -> dict[str, Any]:
    """The status once that many journeys are searchable."""
    status: dict[str, Any] = {}
    for _ in range(240):
        (answer,) = await client.read_resource("ingest://status")
        status = json.loads(answer.text)
        if status["journeys_indexed"] == indexed and status["journeys_waiting"] == 0:
            return status
        await asyncio.sleep(0.5)
    raise AssertionError(f"not indexed: {status}")


async def until_archived(client: Client[Any]) -> None:
    for _ in range(120):
        listed = await call(client, "list_experiments", {"status": "archived"})
        if "checkout" in json.dumps(listed):
            return
        await asyncio.sleep(0.5)
    raise AssertionError("the deleted experiment was not archived")
