"""People hear what the loop did and what waits for them, once it is in the audit log."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from neonblue.errors import InvalidInputError
from neonblue.optimization.acts import Actor
from neonblue.optimization.alerts import AlertFeed, to_file, to_webhook
from neonblue.optimization.permission import Allowed

from .conftest import World

LOOP = Actor(kind="loop", name="goal")


class Chat:
    """A webhook on the loopback that keeps what it was sent; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.status, self.heard = 200, list[dict[str, Any]]()
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if chat.status == 200:
                    chat.heard.append(json.loads(body))
                self.send_response(chat.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()
    yield made
    made.server.shutdown()
    made.server.server_close()


def stopped(world: World) -> None:
    """The loop stops what harms."""
    allowed = world.authority.decide(world.act("stop"), LOOP)
    assert isinstance(allowed, Allowed)
    world.authority.record(allowed, "done", {"reason": "a treatment does harm"})


def test_what_was_known_before_is_no_news_and_what_follows_is_heard_once(
    world: World, chat: Chat
) -> None:
    world.decide(world.act("start"))
    feed = AlertFeed(world.store, "webhook", to_webhook(chat.url))
    feed.begin()
    stopped(world)
    world.decide(world.act("start", note="again"))
    world.decide(world.act("pause"))
    assert feed.send_all() == 2
    assert feed.send_all() == 0
    stop, asked = chat.heard
    assert (stop["act"], stop["event"], stop["actor"]) == ("stop", "done", "loop goal")
    assert "checkout stop done by loop goal: a treatment does harm" in stop["text"]
    assert "new experiment" in stop["undo"]
    assert f"neonblue approve {asked['approval_id']}" in asked["text"]


def test_a_webhook_that_is_away_is_told_later_and_in_order(world: World, chat: Chat) -> None:
    feed = AlertFeed(world.store, "webhook", to_webhook(chat.url))
    feed.begin()
    chat.status = 500
    stopped(world)
    found = feed.publish()
    assert found.state == "pending"
    assert chat.url not in found.detail
    world.authority.halt(by="ana", reason="holidays")
    chat.status = 200
    feed.begin()  # a process that starts anew does not forget what waits
    assert feed.publish().state == "published"
    assert [one["event"] for one in chat.heard] == ["done", "halted"]
    assert "holidays" in chat.heard[1]["text"]


def test_a_file_gets_the_same_lines(world: World, tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    feed = AlertFeed(world.store, "file", to_file(path))
    feed.begin()
    stopped(world)
    feed.send_all()
    assert json.loads(path.read_text())["act"] == "stop"


def test_no_place_means_no_alerts_and_a_wrong_address_is_refused(world: World) -> None:
    assert AlertFeed(world.store, "webhook", None).start().publish().state == "off"
    for url in ("file:///etc/passwd", "ftp://a/b", "hook", "http://"):
        with pytest.raises(InvalidInputError, match="NEONBLUE_ALERT_WEBHOOK"):
            to_webhook(url)
