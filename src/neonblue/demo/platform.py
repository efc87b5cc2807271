"""A platform in a process of its own: ``python -m neonblue.demo.platform URL RATE SEED``.

For every visitor it asks OFREP for the flags; it follows the changes of experiments and sends
events. All of that goes through what any platform has: HTTP, and either Kafka or the commands
``neonblue changes --follow`` and ``neonblue ingest -``. It tells what is true only at its end.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from neonblue.demo.shop import Shop

BULK_PATH = "/ofrep/v1/evaluate/flags"
TELL_SECONDS = 0.5


class Road(Protocol):
    """How changes come to the platform and events leave it."""

    def changes(self) -> Sequence[Mapping[str, Any]]:
        """What was heard since the last call."""

    def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Send events; may be kept for a moment."""

    def close(self) -> None:
        """Send what is left and end."""


class Flags:
    """OFREP over one connection that stays open."""

    def __init__(self, url: str, token: str) -> None:
        self._host = urlsplit(url).netloc
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._connection = http.client.HTTPConnection(self._host, timeout=30)

    def of(self, unit: str) -> dict[str, Any]:
        """Every flag of one visitor, by key."""
        body = json.dumps({"context": {"targetingKey": unit}})
        try:
            return self._asked(body)
        except (http.client.HTTPException, ConnectionError):  # closed while nobody came
            self._connection.close()
            return self._asked(body)

    def _asked(self, body: str) -> dict[str, Any]:
        self._connection.request("POST", BULK_PATH, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"OFREP answered {answer.status}: {content[:200]!r}")
        return {flag["key"]: flag for flag in json.loads(content)["flags"]}


class Platform:
    """Visitors at a steady rate, until told to stop."""

    def __init__(self, flags: Flags, road: Road, *, rate: float, seed: int) -> None:
        self._flags, self._road, self._rate = flags, road, rate
        self._shop = Shop(rng=random.Random(seed))
        self._visitors, self._asked, self._purchases = 0, 0, 0
        self._stopping = False

    def stop(self, *_: object) -> None:
        """After the visitor who is here."""
        self._stopping = True

    def run(self) -> None:
        """Serve visitors; a line of JSON on stdout now and then, and the truth at the end."""
        try:
            self._serve_visitors()
        finally:
            self._road.close()
        self._tell(truth=self._shop.truth(), heard=self._shop.heard())

    def _serve_visitors(self) -> None:
        began = told = time.monotonic()
        while not self._stopping:
            for change in self._road.changes():
                self._shop.hear(change)
            self._serve()
            now = time.monotonic()
            if now - told >= TELL_SECONDS:
                told = now
                self._tell(heard=self._shop.heard(), mended=self._shop.mended)
            time.sleep(max(0.0, began + self._visitors / self._rate - now))

    def _serve(self) -> None:
        self._visitors += 1
        unit = f"visitor-{self._visitors:07d}"
        asks = self._shop.asks()
        self._asked += asks
        events = self._shop.visit(unit, self._flags.of(unit) if asks else {})
        now = datetime.now(UTC)
        for number, event in enumerate(events):
            event["timestamp"] = (now + timedelta(milliseconds=number)).isoformat()
        self._purchases += events[-1]["event_type"] == "purchase"
        self._road.send(events)

    def _tell(self, **more: Any) -> None:
        counts = {"visitors": self._visitors, "asked": self._asked, "purchases": self._purchases}
        sys.stdout.write(json.dumps({**counts, **more}) + "\n")
        sys.stdout.flush()


def open_road() -> Road:
    """Kafka where it is configured, else the two commands."""
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        from neonblue.demo.kafka_road import KafkaRoad

        return KafkaRoad()
    from neonblue.demo.pipe_road import PipeRoad

    return PipeRoad()


def main(url: str, rate: str, seed: str) -> None:
    """Run until SIGTERM."""
    flags = Flags(url, os.environ["NEONBLUE_HTTP_TOKEN"])
    platform = Platform(flags, open_road(), rate=float(rate), seed=int(seed))
    signal.signal(signal.SIGTERM, platform.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    platform.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
