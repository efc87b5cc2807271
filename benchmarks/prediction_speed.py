"""How long a prediction for one user takes among many events, warm.

    python -m benchmarks.prediction_speed [EVENTS] [FOLDER]

Loads made-up events (10 million by default) into a chDB in FOLDER, or uses those that are there,
trains on the users seen last, and asks for single users. Milliseconds, of one process that does
nothing else.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from neonblue.behavior import training_on_events
from neonblue.behavior.journey_index import keep_sessions
from neonblue.behavior.model_files import ModelFiles
from neonblue.behavior.outlook import predict
from neonblue.stores import Store, open_store
from neonblue.stores.events import event_schema

TYPES = ("page_view", "product_view", "search", "add_to_cart", "checkout", "purchase", "exposure")
SHARES = (0.45, 0.25, 0.12, 0.07, 0.03, 0.03, 0.05)
EXPERIMENTS = ("", "", *(f"experiment_{number}" for number in range(8)))
BATCH = 500_000
EVENTS_A_USER = 10
LEARNT_USERS = 5_000
ASKED = 200
START_MS, SPAN_MS = 1_760_000_000_000, 30 * 86_400_000


def batch(first: int, users: int, random: np.random.Generator) -> pa.Table:
    """Events of random users and types over a month."""
    rows, schema = BATCH, event_schema()
    user = random.integers(users, size=rows)
    kind = random.choice(len(TYPES), size=rows, p=SHARES)
    columns = {
        "event_id": [f"e{first + row}" for row in range(rows)],
        "user_id": [f"user{one}" for one in user],
        "experiment_id": np.array(EXPERIMENTS)[(user + random.integers(3, size=rows)) % 10],
        "variant_id": np.where(user % 2 == 0, "a", "b"),
        "event_type": np.array(TYPES)[kind],
        "timestamp": START_MS + random.integers(SPAN_MS, size=rows),
        "value": np.where(kind == 5, 20.0, 0.0),
        "session_id": [""] * rows,
        "properties": [[("device", "mobile")]] * rows,
        "source": ["benchmark"] * rows,
    }
    arrays = {name: pa.array(columns[name]) for name in columns if name != "properties"}
    cast = {name: one.cast(schema.field(name).type) for name, one in arrays.items()}
    cast["properties"] = pa.array(columns["properties"], schema.field("properties").type)
    return pa.table(cast)


def fill(store: Store, events: int) -> None:
    """Load what is missing."""
    random = np.random.default_rng(1)
    for first in range(store.events.count(), events, BATCH):
        store.events.insert(batch(first, events // EVENTS_A_USER, random))
    store.events.compact()


def main() -> None:
    """Print the quantiles."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    store, files = open_store(f"chdb://{folder / 'clickhouse'}"), ModelFiles(folder / "models")
    fill(store, events)
    training_on_events.MAX_USERS = LEARNT_USERS
    training_on_events.train_on_events(store.sessions, files, lambda *_: None)
    kept = keep_sessions(store.sessions, store.sessions.recent(users=4 * LEARNT_USERS))
    random, taken = np.random.default_rng(2), []
    for number in random.integers(events // EVENTS_A_USER, size=ASKED):
        started = time.perf_counter()
        predict(store.sessions, files, f"user{number}")
        taken.append(1000 * (time.perf_counter() - started))
    low, middle, high = np.quantile(taken[10:], [0.1, 0.5, 0.95])
    print(f"{events:,} events, {kept:,} kept sessions: p50 {middle:.1f} ms")
    print(f"p10 {low:.1f} ms, p95 {high:.1f} ms over {len(taken) - 10} users")
    store.close()


if __name__ == "__main__":
    main()
