"""What a person should hear of, from the audit log: to a webhook or a file, at least once.

The log is the one place where every act, request and stop is, whoever did it and in whichever
process. What was logged before alerts were set up is no news.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.ingest.stream.feed import BATCH, Batch, Feed, Message

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.audit_entries import AuditEntry

Deliver = Callable[[str, float], None]
"""Takes one alert as JSON and the seconds it may take; raises ``OSError`` where that fails."""

LAST_SECONDS = 2.0
ALWAYS = frozenset({"asked", "halted", "lifted", "failed", "wrong_code"})
UNDO = {
    "start": "change_experiment with pause or stop",
    "pause": "change_experiment with resume",
    "resume": "change_experiment with pause",
    "set_weights": "change_experiment with set_weights and the weights of before",
    "roll_out": "change_experiment with roll_back",
    "stop": "a new experiment: units of a stopped one are not taken again",
    "roll_back": "a new experiment: what was rolled back starts anew",
}


class AlertFeed(Feed):
    """The way of alerts to one place; ``name`` tells places apart."""

    what = "alerts"

    def __init__(self, store: Store, place: str, deliver: Deliver | None) -> None:
        super().__init__(store.published_changes)
        self.name = f"alert-feed {place}"
        self._entries = store.audit
        self._deliver = deliver

    @property
    def is_on(self) -> bool:
        """Whether somebody is to be told."""
        return self._deliver is not None

    def waiting(self) -> Batch | None:
        """The alerts of the first writer whose chain goes on after what was looked at."""
        for writer, count in self._entries.counts().items():
            order = f"{self.name} {writer}"
            upto = self._published.upto(order)
            if count <= upto:
                continue
            found = self._entries.following(writer, upto, limit=BATCH)
            messages = [
                Message(key=entry.entry_id, value=json.dumps(alert(entry)))
                for entry in found
                if is_news(entry)
            ]
            return Batch(messages=messages, order=order, upto=found[-1].sequence)
        return None

    def begin(self) -> None:
        """Take what is in the log for known, where this place was never told anything."""
        if self._published.upto(self.name):
            return
        for writer, count in self._entries.counts().items():
            self._published.mark(f"{self.name} {writer}", count)
        self._published.mark(self.name, 1)

    def start(self) -> Self:
        """From now on; what is in the log already is known."""
        if self.is_on:
            self.begin()
        return super().start()

    def close(self) -> None:
        """Also a command that ends at once tells what it did."""
        super().close()
        if self._thread is not None:
            self.publish(seconds=LAST_SECONDS)

    async def send(self, messages: Sequence[Message], seconds: float) -> None:
        """Deliver them one by one. Raises ``UnavailableError`` for the first that fails."""
        deliver = self._deliver
        assert deliver is not None
        for message in messages:
            try:
                await asyncio.to_thread(deliver, message.value, seconds)
            except OSError as error:
                raise UnavailableError(
                    f"an alert could not be delivered ({type(error).__name__}): it is kept and "
                    "sent later; check NEONBLUE_ALERT_WEBHOOK or NEONBLUE_ALERT_FILE"
                ) from error


def is_news(entry: AuditEntry) -> bool:
    """Whether a person should hear of it: what the loop did, what waits for a person, and stops."""
    if entry.event == "done":
        return entry.actor.startswith("loop")
    return entry.event in ALWAYS


def alert(entry: AuditEntry) -> dict[str, Any]:
    """One alert; ``text`` alone is enough for a chat's webhook, ``undo`` says what reverses it."""
    details = entry.details
    act = str(details.get("act", {}).get("kind", ""))
    reason = _reason(details)
    what = f"{act} {entry.event}" if act else entry.event
    text = " ".join(part for part in (entry.experiment_id, what, f"by {entry.actor}") if part)
    found = {
        "text": f"{text}: {reason}" if reason else text,
        "entry_id": entry.entry_id,
        "event": entry.event,
        "act": act,
        "experiment_id": entry.experiment_id,
        "actor": entry.actor,
        "reason": reason,
        "approval_id": str(details.get("approval_id") or ""),
        "at": entry.logged_at.isoformat(),
    }
    return found | ({"undo": UNDO[act]} if entry.event == "done" and act in UNDO else {})


def _reason(details: dict[str, Any]) -> str:
    if (command := details.get("approval_id")) and details.get("answer") == "person":
        why = "; ".join(text for _, text in details["reasons"])
        return f"{why}; a person runs `neonblue approve {command}`"
    return str(details.get("reason") or details.get("details", {}).get("reason") or "")


def to_webhook(url: str) -> Deliver:
    """Posts JSON. Raises ``InvalidInputError`` for what is no http address."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise InvalidInputError("NEONBLUE_ALERT_WEBHOOK is no http or https address")

    def deliver(text: str, seconds: float) -> None:
        request = urllib.request.Request(
            url, data=text.encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=seconds):
            pass

    return deliver


def to_file(path: Path) -> Deliver:
    """Adds a line."""

    def deliver(text: str, _: float) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    return deliver
