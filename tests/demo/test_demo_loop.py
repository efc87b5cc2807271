"""``neonblue demo --loop``: the shop obeys changes; and the whole road, with real processes."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from neonblue.demo.shop import BROKEN_CHANGE, Shop

NEONBLUE = Path(sys.executable).with_name("neonblue")
SECONDS = 420
"""A machine that tests share is slow: alone it takes a third of that."""


def change(version: int, status: str, name: str = BROKEN_CHANGE) -> dict[str, Any]:
    return {
        "experiment_id": "e",
        "state_version": version,
        "status": status,
        "experiment": {"name": name, "roll_out_fraction": 0.0},
    }


def exposed(shop: Shop, units: int = 400) -> int:
    """How many of the treated visitors were exposed."""
    flags = {"e": {"variant": "treatment", "reason": "SPLIT"}}
    events = [event for unit in range(units) for event in shop.visit(f"u{unit}", flags)]
    return sum(event["event_type"] == "exposure" for event in events)


def test_the_shop_shows_what_runs_and_mends_what_was_halted() -> None:
    shop = Shop(rng=random.Random(1))
    shop.hear(change(1, "draft"))
    assert (shop.asks(), exposed(shop)) == (False, 0)
    shop.hear(change(2, "running"))
    assert shop.asks()
    assert exposed(shop) < 200
    shop.hear(change(3, "stopped"))
    assert (shop.asks(), exposed(shop)) == (False, 0)
    shop.hear(change(2, "running"))  # once more, late
    assert not shop.asks()
    shop.hear(change(4, "running"))
    assert exposed(shop) == 400


@pytest.mark.timeout(SECONDS + 120)
def test_the_whole_road_is_walked(tmp_path: Path) -> None:
    words = ["demo", "--loop", "--data-dir", str(tmp_path / "world"), "--seconds", str(SECONDS)]
    done = subprocess.run(
        [str(NEONBLUE), *words], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    shown = done.stdout
    assert done.returncode == 0, shown + done.stderr
    for number, act in ((1, "start"), (2, "start"), (3, "start"), (4, "start"), (3, "roll_out")):
        approved = shown.index(f"ana       #{number}  {act}: approved with the key")
        assert approved < shown.index(f"loop      #{number}  {act}: ")
    assert "#2  stop: its assignment is broken: sample_ratio" in shown
    assert "anew: its assignment was broken" in shown
    assert re.findall(r"#3  rolled_out, (\d+)%", shown) == ["25", "50", "100"]
    became = re.findall(r"│ #(\d) │ .* │ (\w+) +│\n", shown)
    assert became[:4] == [
        ("1", "rolled_back"),
        ("2", "rolled_back"),
        ("3", "rolled_out"),
        ("4", "rolled_back"),
    ]
    assert "A month of this traffic: +" in shown
    assert "Lesson: this copy change improved purchase here." in shown
    assert re.search(r"the audit log verifies: \d+ entries", shown)
    picture = ElementTree.fromstring((tmp_path / "world" / "loop.svg").read_text())
    assert "#3 promise the delivery date" in "".join(picture.itertext())
    (key_folder,) = re.findall(r"is made in (\S+),", shown)
    assert not Path(key_folder).exists()
