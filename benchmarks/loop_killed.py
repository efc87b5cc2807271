"""``neonblue loop`` killed at random moments: the same programme as one that nobody disturbed.

    python -m benchmarks.loop_killed --kills 20

The loop's process holds the engine, so SIGKILL falls into its writes. Between two lives the
platform's events are written for what has started. Then two loops work at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from neonblue.optimization.approvers import Approver, read_approvers, write_approvers
from neonblue.optimization.authority_files import AuthorityFiles
from neonblue.optimization.policy_in_force import sign_policy
from neonblue.optimization.signatures import SigningKey
from neonblue.settings import StoreSettings
from neonblue.workspace import authority_files

KEY = SigningKey.of_seed(bytes(range(32)))
EFFECTS = {1: 0.6, 2: -0.7}
"""True lifts of the two ideas, in the order in which they are tried."""
BASELINE, UNITS = 0.2, 3000
MOMENT = 1e-5
"""Days of the goal's terms: about a second."""
GOAL = f"""
goal = "more visitors buy"
success_event = "purchase"
baseline_mean = {BASELINE}
mde = 0.3
ideas = ["promise the delivery date", "demand a phone number"]
incubation_days = {MOMENT}
minimum_duration_days = {MOMENT}
days_a_step = {MOMENT}
"""
POLICY = f'autonomy = "autonomous"\n[limits]\nincubation_days = {MOMENT}\n'
LIFE_SECONDS = (1.0, 12.0)
SETTLE_SECONDS = 3.0
MAX_LOOKS = 200


class Programme:
    """A data directory, its policy, and commands on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "NEONBLUE_DATA_DIR": str(folder / "data")}
        self._fed: set[str] = set()
        files = authority_files(StoreSettings(data_dir=folder / "data"))
        _sign(files)
        self._goal = folder / "goal.toml"
        self._goal.write_text(GOAL)
        self._said = folder / "stderr"

    def loop(self, *words: str) -> subprocess.Popen[bytes]:
        """A process of ``neonblue loop``."""
        command = [sys.executable, "-m", "neonblue", "loop", "--goal-file", str(self._goal)]
        with self._said.open("a") as said:
            return subprocess.Popen(
                [*command, *words], env=self._environment, stdout=subprocess.DEVNULL, stderr=said
            )

    def complaints(self) -> list[str]:
        """What loops wrote to stderr, each line once."""
        return sorted(set(self._said.read_text().splitlines()))

    def feed(self, changes: Sequence[dict[str, Any]]) -> None:
        """Events of each experiment that has started, once."""
        for change in changes:
            name = change["experiment_id"]
            if change["action"] == "start" and name not in self._fed:
                self._fed.add(name)
                lines = "".join(json.dumps(event) + "\n" for event in _events(name))
                self._run("ingest", "-", "--events-only", stdin=lines)

    def changes(self) -> list[dict[str, Any]]:
        """Steps of the two ideas' experiments, in order."""
        found = map(json.loads, self._run("changes").splitlines())
        return [one for one in found if _number(one["experiment_id"]) in EFFECTS]

    def outcome(self) -> tuple[list[str], list[str], bool]:
        """The history, the acts that the audit log says were done, and whether it verifies."""
        history = [
            f"{one['experiment_id']} {one['action']} {one['status']} "
            f"{one['experiment']['winner']} {one['experiment']['roll_out_fraction']}"
            for one in self.changes()
        ]
        entries = map(
            json.loads,
            self._run("audit", "list", "--json", "--event", "done", "--limit", "1000").splitlines(),
        )
        logged = [*entries]
        acts = [
            f"{one['experiment_id']} {act['kind']} upon {act['state_version']}"
            for one in reversed(logged)
            for act in [one["content"]["act"]]
            if _number(one["experiment_id"]) in EFFECTS
        ]
        return history, acts, "verifies" in self._run("audit", "verify")

    def _run(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "neonblue", *words],
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"neonblue {words}: {done.stderr}")
        return done.stdout


def ended(changes: Sequence[dict[str, Any]]) -> bool:
    """Whether both ideas came to their end."""
    last = {_number(one["experiment_id"]): one for one in changes}
    everybody = 1 in last and last[1]["experiment"]["roll_out_fraction"] == 1.0
    return everybody and 2 in last and last[2]["status"] == "rolled_back"


def undisturbed(programme: Programme, loops: int = 1) -> None:
    """Loops that work on until both ideas have ended, while events come."""
    running = [programme.loop("--interval", "1") for _ in range(loops)]
    for _ in range(MAX_LOOKS):
        time.sleep(SETTLE_SECONDS)
        changes = programme.changes()
        programme.feed(changes)
        if ended(changes):
            break
    else:
        raise SystemExit("the programme did not end in time")
    time.sleep(SETTLE_SECONDS)
    for loop in running:
        loop.terminate()
        loop.wait()


def killed(programme: Programme, rng: random.Random, kills: int) -> int:
    """Lives that end by SIGKILL, at most so many, until both ideas have ended; how many."""
    count = 0
    while count < kills:
        count += 1
        loop = programme.loop("--interval", "1")
        time.sleep(rng.uniform(*LIFE_SECONDS))
        loop.send_signal(signal.SIGKILL)
        loop.wait()
        changes = programme.changes()
        programme.feed(changes)
        if ended(changes):
            break
    undisturbed(programme)
    return count


def main() -> None:
    """Print what each way came to, and whether it is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, kills, programmes, same = random.Random(arguments.seed), 0, 0, 0
    with _Folder() as programme:
        undisturbed(programme)
        expected = programme.outcome()
    _tell("undisturbed", expected)
    while kills < arguments.kills:
        with _Folder() as programme:
            kills += killed(programme, rng, arguments.kills - kills)
            found = programme.outcome()
            print(*programme.complaints(), sep="\n")
        programmes, same = programmes + 1, same + (found == expected)
        _tell(f"after {kills} kills", found)
    with _Folder() as programme:
        undisturbed(programme, loops=2)
        found = programme.outcome()
    _tell("two at once", found)
    print(f"{same} of {programmes} programmes, {kills} kills: the same history and acts")
    print(f"two loops at once: {'the same' if found == expected else 'DIFFERENT'}")


class _Folder(TemporaryDirectory[str]):
    def __enter__(self) -> Programme:  # type: ignore[override]
        return Programme(Path(super().__enter__()))


def _tell(name: str, outcome: tuple[list[str], list[str], bool]) -> None:
    history, acts, verifies = outcome
    digest = hashlib.sha256("\n".join([*history, *acts]).encode()).hexdigest()[:12]
    log = "verifies" if verifies else "DOES NOT VERIFY"
    print(f"{name}: {len(history)} steps, {len(acts)} acts, {digest}, the log {log}", flush=True)


def _sign(files: AuthorityFiles) -> None:
    files.policy.parent.mkdir(parents=True)
    known = read_approvers(files.approvers)
    person = Approver(name="ana", method="key", public_key=KEY.public_key, added_at="")
    write_approvers(files.approvers, [*known.entries, known.with_entry("add", person, KEY)])
    files.policy.write_text(POLICY)
    sign_policy(files, POLICY, KEY, serial=1)


def _number(experiment_id: str) -> int:
    return int(experiment_id.rpartition("_")[2])


def _events(experiment_id: str) -> Iterator[dict[str, Any]]:
    """Units of an experiment, the same each time but for the moment."""
    rng, now = random.Random(experiment_id), datetime.now(UTC)
    lift = EFFECTS[_number(experiment_id)]
    for number in range(UNITS):
        treated = rng.random() < 0.5
        unit = f"{experiment_id}-{number}"
        event = {"user_id": unit, "experiment_id": experiment_id, "timestamp": now.isoformat()}
        variant = "treatment" if treated else "control"
        yield {**event, "event_id": f"{unit}-e", "event_type": "exposure", "variant_id": variant}
        if rng.random() < BASELINE * (1 + lift * treated):
            later = (now + timedelta(milliseconds=1)).isoformat()
            bought = {"event_id": f"{unit}-p", "event_type": "purchase", "timestamp": later}
            yield {**event, **bought}


if __name__ == "__main__":
    main()
