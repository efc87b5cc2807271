"""Conversion probabilities of users who go away, in worlds whose truth is known.

    python -m benchmarks.intent_away [WORLDS] [USERS]

Each world lasts 127 days. Models learn from the events up to day 120; every user known by then is
asked about once, as of that day, and the last week says who converted. Bands of days away hold all
worlds together. Worlds:

  leaves     half of the users leave for good after three weeks or so; carts are followed by orders
  leaves-flat the same, but which session converts is chance: only the time away tells
  flat       nobody leaves, visits come by chance and one in twelve converts: nothing tells anything
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tables import markdown
from neonblue.behavior.calibration import calibration_error
from neonblue.behavior.conversion_events import BY_WORDS
from neonblue.behavior.event_kinds import CONVERT
from neonblue.behavior.intent_contest import log_losses
from neonblue.behavior.intent_moments import DAY_MS
from neonblue.behavior.intent_training import AWAY, HERE, rival_of, train_intent_on_users
from neonblue.behavior.model_files import ModelFiles
from neonblue.behavior.proportion import share
from neonblue.behavior.user_features import UserEvents, feature_row, joined
from neonblue.stores.sessions import GAP_SECONDS, Session

START_MS = 1_750_000_000_000
DAYS, WEEK = 120, 7
NAMES = ("leaves", "leaves-flat", "flat")
BANDS = ((0, 1), (1, 3), (3, 7), (7, 14), (14, 28), (28, 60), (60, 121))
EVENTS_EACH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Users' events before day 120, and whether each converted in the week after."""

    users: list[UserEvents]
    converted: np.ndarray


def make_world(name: str, users: int, seed: int) -> World:
    """A world of that name; users who did nothing before day 120 are not known and left out."""
    random = np.random.default_rng(seed)
    known, converted = [], []
    for number in range(users):
        times, types = _life(name, random)
        if not times or times[0] >= DAYS:
            continue
        before = sum(time < DAYS for time in times)
        known.append(_user(number, times[:before], types[:before]))
        kinds = [BY_WORDS.of(one) for one in types[before:]]
        converted.append(CONVERT in kinds)
    return World(users=known, converted=np.array(converted))


def _life(name: str, random: np.random.Generator) -> tuple[list[float], list[str]]:
    """Times in days, and types, of all a user does in 127 days."""
    end = DAYS + WEEK
    if name == "flat":
        count = random.poisson(end / 6)
        times = sorted((random.random(count) * end).tolist())
        return times, ["purchase" if random.random() < 1 / 12 else "page_view" for _ in times]
    start = random.uniform(0, DAYS)
    leaves = start + random.exponential(20) if random.random() < 0.5 else end
    keen = random.random() < 0.3
    pause = random.gamma(2, 4)
    times, types, now = [], [], start
    while now < min(leaves, end):
        session = _session(name, keen, random)
        times += [now + step / 1440 for step in range(len(session))]
        types += session
        now += 0.1 + random.exponential(pause)
    inside = [time < end for time in times]
    return times[: sum(inside)], types[: sum(inside)]


def _session(name: str, keen: bool, random: np.random.Generator) -> list[str]:
    views = ["page_view"] * int(random.integers(1, 5))
    if name == "leaves-flat":
        return [*views, "purchase"] if random.random() < 0.1 else views
    if random.random() > (0.5 if keen else 0.05):
        return views
    return [*views, "add_to_cart", *(["purchase"] if random.random() < 0.4 else [])]


def _user(number: int, times: list[float], types: list[str]) -> UserEvents:
    whole = Session(
        user_id=f"user{number}",
        times_ms=tuple(START_MS + int(time * DAY_MS) for time in times),
        types=tuple(types),
        values=(0.0,) * len(times),
        device_type="",
        traffic_source="",
        experiments=(),
    )
    return joined((whole,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was said of each user as of day 120, the days away, and what happened."""

    said: np.ndarray
    days_away: np.ndarray
    happened: np.ndarray
    base_rate: float
    answered_by: str


def ask(world: World, directory: Path) -> Answers:
    """Train on a world as ``neonblue behavior train`` does, and ask about everybody."""
    files = ModelFiles(directory)
    train_intent_on_users(world.users, BY_WORDS, files, {}, EVENTS_EACH)
    stored = files.current("intent")
    assert stored is not None
    now = START_MS + DAYS * DAY_MS
    away_ms = np.array([now - int(events.times_ms[-1]) for events in world.users])
    rows = np.array([feature_row(one, len(one.types), now) for one in world.users])
    away, here = rival_of(stored, AWAY), rival_of(stored, HERE)
    assert away is not None
    assert here is not None
    gone = away_ms > GAP_SECONDS * 1000
    return Answers(
        said=np.where(gone, away.probability(rows), here.probability(rows)),
        days_away=away_ms / DAY_MS,
        happened=world.converted,
        base_rate=float(stored.description["base_rate"]),
        answered_by=away.name,
    )


def main() -> None:
    """Print the tables."""
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    users = int(sys.argv[2]) if len(sys.argv) > 2 else 6000
    summary, bands = [], []
    for name in NAMES:
        found = [_answers(name, users, seed) for seed in range(worlds)]
        summary.append(_summary(name, found))
        bands += [[name, *row] for row in _bands(found)]
    head = [
        "world",
        "answered by",
        "said",
        "base rate",
        "happened",
        "ECE",
        "log loss − base rate's",
    ]
    print(markdown(head, summary))
    print()
    print(markdown(["world", "days away", "users", "said", "happened (95 %)", "inside"], bands))


def _answers(name: str, users: int, seed: int) -> Answers:
    with tempfile.TemporaryDirectory() as directory:
        return ask(make_world(name, users, seed), Path(directory))


def _summary(name: str, found: list[Answers]) -> list[str]:
    said = np.concatenate([one.said for one in found])
    happened = np.concatenate([one.happened for one in found])
    base = np.concatenate([np.full(len(one.said), one.base_rate) for one in found])
    gains = log_losses(said, happened) - log_losses(base, happened)
    who = Counter(one.answered_by for one in found)
    return [
        name,
        ", ".join(f"{who[one]} × {one}" for one in sorted(who)),
        f"{said.mean():.4f}",
        f"{base.mean():.4f}",
        f"{happened.mean():.4f}",
        f"{calibration_error(said, happened):.4f}",
        f"{gains.mean():+.4f}",
    ]


def _bands(found: list[Answers]) -> Iterator[list[str]]:
    said = np.concatenate([one.said for one in found])
    happened = np.concatenate([one.happened for one in found])
    away = np.concatenate([one.days_away for one in found])
    for low, high in BANDS:
        inside = (away >= low) & (away < high)
        if not inside.any():
            continue
        truth = share(int(happened[inside].sum()), int(inside.sum()))
        mean = float(said[inside].mean())
        yield [
            f"{low}-{high}",
            f"{inside.sum():,}",
            f"{mean:.4f}",
            f"{truth.value:.4f} ({truth.ci_lower:.4f}-{truth.ci_upper:.4f})",
            "yes" if truth.ci_lower <= mean <= truth.ci_upper else "no",
        ]


if __name__ == "__main__":
    main()
