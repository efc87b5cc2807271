"""Apache Kafka over TLS, with certificates, passwords and tokens; and what is said without them."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.services import apache_kafka
from tests.services.apache_kafka import PASSWORD, USER, ApacheKafka
from tests.services.tls_files import TlsFiles

from neonblue.cli.checks import check_kafka
from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.ingest.stream.kafka import open_consumer, open_producer, start_client
from neonblue.ingest.stream.kafka_security import security_options
from neonblue.settings import KafkaSettings

pytestmark = pytest.mark.kafka_real
# Read now: a test sees an environment without our variables.
APACHE = os.environ.get("NEONBLUE_TEST_BROKER") == "apache"
TOPIC = "experiments_events"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return TlsFiles(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def broker(tls: TlsFiles) -> Iterator[ApacheKafka]:
    if not APACHE:
        pytest.skip("this takes Apache Kafka: run `make test-kafka`")
    reason = apache_kafka.missing()
    if reason is not None:
        pytest.skip(reason)
    with apache_kafka.running(tls) as running:
        asyncio.run(create(running))
        yield running


async def create(broker: ApacheKafka) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()


def unsigned_token(subject: str) -> str:
    """A JSON web token as the broker's checker for development takes it."""
    now = int(time.time())
    parts = [{"alg": "none"}, {"sub": subject, "iat": now, "exp": now + 600}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b""]).decode()


def certificate(broker: ApacheKafka, tls: TlsFiles, folder: Path) -> dict[str, Any]:
    return {
        "bootstrap_servers": broker.tls_address,
        "security_protocol": "SSL",
        "ssl_certfile": tls.certificate("client"),
        "ssl_keyfile": tls.key("client"),
    }


def password(broker: ApacheKafka, tls: TlsFiles, folder: Path) -> dict[str, Any]:
    return {
        "bootstrap_servers": broker.sasl_address,
        "security_protocol": "SASL_SSL",
        "sasl_username": USER,
        "sasl_password": PASSWORD,
    }


def scram(broker: ApacheKafka, tls: TlsFiles, folder: Path) -> dict[str, Any]:
    return {**password(broker, tls, folder), "sasl_mechanism": "SCRAM-SHA-512"}


def token(broker: ApacheKafka, tls: TlsFiles, folder: Path) -> dict[str, Any]:
    (folder / "token").write_text(unsigned_token(USER) + "\n")
    return {
        "bootstrap_servers": broker.sasl_address,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_file": folder / "token",
    }


@pytest.mark.parametrize("way", [certificate, password, scram, token], ids=lambda w: w.__name__)
def test_messages_go_through(
    broker: ApacheKafka,
    tls: TlsFiles,
    tmp_path: Path,
    way: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = way(broker, tls, tmp_path)
    settings = KafkaSettings(**values, ssl_cafile=tls.ca, group_id=way.__name__)
    sent = f"by {way.__name__}".encode()
    assert sent in asyncio.run(sent_and_read(settings, sent))
    for name, value in {**values, "ssl_cafile": tls.ca}.items():
        monkeypatch.setenv(f"KAFKA_{name.upper()}", str(value))
    assert check_kafka().status == "ok"


async def sent_and_read(settings: KafkaSettings, value: bytes) -> list[bytes]:
    producer, consumer = open_producer(settings), open_consumer(settings)
    await start_client(producer, str(settings.bootstrap_servers))
    await producer.send_and_wait(TOPIC, value)
    await producer.stop()
    await start_client(consumer, str(settings.bootstrap_servers))
    consumer.subscribe([TOPIC])
    found: list[bytes] = []
    try:
        until = time.monotonic() + 60
        while value not in found and time.monotonic() < until:
            batches = await consumer.getmany(timeout_ms=500)
            found += [record.value for records in batches.values() for record in records]
    finally:
        await consumer.stop()
    return found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sasl_password": "wrong"}, "or not to these credentials"),
        ({"security_protocol": "PLAINTEXT"}, "check KAFKA_BOOTSTRAP_SERVERS"),
        ({"ssl_cafile": None}, "its certificates"),
    ],
)
def test_what_is_wrong_is_said(
    broker: ApacheKafka, tls: TlsFiles, tmp_path: Path, changes: Mapping[str, Any], said: str
) -> None:
    values = {**scram(broker, tls, tmp_path), "ssl_cafile": tls.ca, **changes}

    async def start() -> None:
        settings = KafkaSettings(**values)
        await start_client(open_producer(settings), str(settings.bootstrap_servers))

    with pytest.raises(UnavailableError, match=said) as found:
        asyncio.run(start())
    assert PASSWORD not in str(found.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"security_protocol": "SASL_SSL"}, "needs KAFKA_SASL_USERNAME"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"},
            "needs KAFKA_SASL_OAUTH_TOKEN_FILE",
        ),
        ({"security_protocol": "SSL", "ssl_cafile": Path("/nowhere.pem")}, "KAFKA_SSL_CAFILE"),
    ],
)
def test_what_is_missing_is_named_before_anybody_is_asked(
    values: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        security_options(KafkaSettings(**values))
