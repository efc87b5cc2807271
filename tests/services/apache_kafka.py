"""Genuine Apache Kafka in KRaft mode, one node on loopback, from jars that Maven fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.services.ports import free_port, wait_for_port
from tests.services.tls_files import TlsFiles

JARS = Path(__file__).parents[2] / ".cache" / "kafka"
START_SECONDS = 90.0
USER, PASSWORD = "ann", "secret"
CLUSTER = "4L6g3nShT-eMCtK--X86sw"


def missing() -> str | None:
    """Why it cannot run here, or None."""
    if shutil.which("java") is None:
        return "there is no java on this machine"
    if not list(JARS.glob("kafka_2.13-*.jar")):
        return "the jars are not in .cache/kafka: run `make kafka-jars`, which needs mvn"
    return None


def java(main: str, *words: str, **options: object) -> list[str]:
    """The command that runs a class of the jars."""
    heap = str(options.get("heap", "384m"))
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", f"-Xmx{heap}", quiet, "-cp", f"{JARS}/*", main, *words]


class ApacheKafka:
    """The broker's process; its log survives ``kill``.

    With ``tls`` it also listens for clients with a certificate (``tls_address``) and for those with
    a password or token over TLS (``sasl_address``).
    """

    def __init__(self, folder: Path, tls: TlsFiles | None = None) -> None:
        self.port = free_port()
        self._tls = tls
        self._tls_port, self._sasl_port = free_port(), free_port()
        self._folder = folder
        self._configuration = folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration.write_text(self._properties())
        words = ["format", "-t", CLUSTER, "-c", str(self._configuration)]
        if tls is not None:
            words += ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]
        subprocess.run(
            java("kafka.tools.StorageTool", *words), check=True, capture_output=True, timeout=60
        )

    @property
    def address(self) -> str:
        """For ``KAFKA_BOOTSTRAP_SERVERS``."""
        return f"127.0.0.1:{self.port}"

    @property
    def tls_address(self) -> str:
        """Where clients show a certificate."""
        return f"127.0.0.1:{self._tls_port}"

    @property
    def sasl_address(self) -> str:
        """Where clients show a password or a token, over TLS."""
        return f"127.0.0.1:{self._sasl_port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        log = (self._folder / "kafka.log").open("ab")
        self._process = subprocess.Popen(
            java("kafka.Kafka", str(self._configuration)),
            stdout=log,
            stderr=log,
            env={**os.environ, "LOG_DIR": str(self._folder)},
        )
        wait_for_port(self.port, START_SECONDS)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _properties(self) -> str:
        controller = free_port()
        values = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._folder / "log"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.min.session.timeout.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "message.max.bytes": str(16 << 20),
        }
        if self._tls is not None:
            values |= self._secured(self._tls, values)
        return "\n".join(f"{name}={value}" for name, value in values.items()) + "\n"

    def _secured(self, tls: TlsFiles, plain: Mapping[str, str]) -> dict[str, str]:
        more = f"SSL://{self.tls_address},SASL_SSL://{self.sasl_address}"
        module = "org.apache.kafka.common.security"
        listener = "listener.name.sasl_ssl"
        return {
            "listeners": f"{plain['listeners']},{more}",
            "advertised.listeners": f"{plain['advertised.listeners']},{more}",
            "listener.security.protocol.map": (
                f"{plain['listener.security.protocol.map']},SSL:SSL,SASL_SSL:SASL_SSL"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(tls.both("server")),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(tls.ca),
            "listener.name.ssl.ssl.client.auth": "required",
            f"{listener}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
            f"{listener}.plain.sasl.jaas.config": (
                f'{module}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            ),
            f"{listener}.scram-sha-512.sasl.jaas.config": (
                f"{module}.scram.ScramLoginModule required;"
            ),
            f"{listener}.oauthbearer.sasl.jaas.config": (
                f"{module}.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="broker";'
            ),
        }


@contextmanager
def running(tls: TlsFiles | None = None) -> Iterator[ApacheKafka]:
    """A fresh broker for the length of a block."""
    with tempfile.TemporaryDirectory() as folder:
        broker = ApacheKafka(Path(folder), tls)
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()
