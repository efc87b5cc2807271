"""How many lies about random evidence get through the checks of a narrative, and how many truths.

``python -m benchmarks.grounding``: sentences in 12 wordings over seeded rows, each true one turned
into lies of twelve kinds where it can be.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from neonblue.llm.claims import Cited, fault_of

ROUNDS = 400
NAMES = ("checkout-redesign", "pricing_page", "hero_banner_v2", "search-rank", "signup_short")
METRICS = ("purchase_rate", "revenue", "refund_rate", "session_starts", "retention_d7")
TRUE: tuple[Callable[[dict[str, Any]], str], ...] = (
    lambda r: f"{r['experiment_id']} {_verb(r)} {r['metric']} by {_size(r)}.",
    lambda r: f"In {r['experiment_id']}, {r['metric']} {_went(r)} by {_size(r)}.",
    lambda r: f"The lift of {r['experiment_id']} on {r['metric']} is {r['relative_lift']:+.1%}.",
    lambda r: (
        f"{r['metric']} {_went(r)} {_size(r)} in {r['experiment_id']} ({r['units']:,} units)."
    ),
    lambda r: f"{r['experiment_id']} ran over {r['units']:,} units and ended with {r['decision']}.",
    lambda r: f"The decision of {r['experiment_id']} was {r['decision']}.",
    lambda r: (
        f"{r['experiment_id']} has a relative lift of {r['relative_lift']:+.2%} "
        f"(interval {r['ci_lower']:+.1%} to {r['ci_upper']:+.1%})."
    ),
    lambda r: f"{r['experiment_id']} {_verb(r)} {r['metric']}.",
    lambda r: (
        f"With {r['units']:,} units, {r['experiment_id']} saw {r['metric']} "
        f"{'up' if r['relative_lift'] > 0 else 'down'} {_size(r)}."
    ),
    lambda r: (
        f"The result for {r['experiment_id']} is {r['decision']}: {r['metric']} {_went(r)} by "
        f"about {abs(r['relative_lift']):.0%}."
    ),
    lambda r: f"{r['experiment_id']} ended on {r['ended_at']}.",
    lambda r: (
        f"A {'gain' if r['relative_lift'] > 0 else 'drop'} of {_size(r)} in {r['metric']} was "
        f"observed in {r['experiment_id']}."
    ),
)
OPPOSITE = {
    "raised": "lowered", "lowered": "raised", "rose": "fell", "fell": "rose", "up": "down",
    "down": "up", "gain": "drop", "drop": "gain",
}  # fmt: skip


def _size(row: dict[str, Any]) -> str:
    return f"{abs(row['relative_lift']):.1%}"


def _verb(row: dict[str, Any]) -> str:
    return "raised" if row["relative_lift"] > 0 else "lowered"


def _went(row: dict[str, Any]) -> str:
    return "rose" if row["relative_lift"] > 0 else "fell"


def _rows(rng: random.Random) -> dict[str, dict[str, Any]]:
    names, metrics = rng.sample(NAMES, 4), rng.sample(METRICS, 4)
    rows = {}
    for number, (name, metric) in enumerate(zip(names, metrics, strict=True), 1):
        lift = rng.choice((-1, 1)) * rng.uniform(0.011, 0.4)
        rows[f"r{number}"] = {
            "experiment_id": name,
            "metric": metric,
            "relative_lift": lift,
            "ci_lower": lift - 0.013,
            "ci_upper": lift + 0.017,
            "units": rng.randrange(500, 90_000),
            "decision": rng.choice(("ship", "rollback", "inconclusive")),
            "ended_at": f"2026-{rng.randrange(1, 13):02d}-{rng.randrange(10, 29)}",
        }
    return rows


def _lies(true: str, row: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Kinds of lies with the sentence that they make of a true one."""
    number = re.search(r"\d[\d,.]*(?=%| units)", true)
    if number:
        raised = f"{float(number[0].replace(',', '')) * 1.7 + 3:,.1f}"
        yield "number", true.replace(number[0], raised, 1)
        yield "scale", true.replace(number[0], f"{number[0]} thousand ", 1)
        yield "words", re.sub(r"[+-]?\d[\d,.]*%?", "half", true, count=1)
    yield "another experiment", true.replace(row["experiment_id"], other["experiment_id"])
    yield "invented experiment", true.replace(row["experiment_id"], "winter_sale")
    if row["metric"] in true:
        yield "another metric", true.replace(row["metric"], other["metric"])
    for said, opposite in OPPOSITE.items():
        if re.search(rf"\b{said}\b", true, re.IGNORECASE):
            yield "direction", re.sub(rf"\b{said}\b", opposite, true, flags=re.IGNORECASE)
    if re.search(r"[+-]\d", true):
        yield "sign", re.sub(r"[+-](?=\d)", lambda m: "-" if m[0] == "+" else "+", true)
    if row["decision"] in true:
        yield "verdict", true.replace(row["decision"], "significant")
        yield "denial", true.replace(row["decision"], f"not {row['decision']}")
    yield "cause", true.rstrip(".") + " because visitors liked it."
    yield "advice", true.rstrip(".") + ", so launch it."


def main() -> None:
    """Print how many of each kind stayed."""
    rng = random.Random(15)
    stayed, made = Counter[str](), Counter[str]()
    for _ in range(ROUNDS):
        rows = _rows(rng)
        key, other = rng.sample(sorted(rows), 2)
        true = rng.choice(TRUE)(rows[key])
        cited = Cited(items={key: rows[key]}, everything=rows, known_names=NAMES + METRICS)
        for kind, sentence in (("true", true), *_lies(true, rows[key], rows[other])):
            made[kind] += 1
            if fault_of(sentence, cited) is None:
                stayed[kind] += 1
                if kind != "true":
                    print("through:", kind, "|", sentence, "|", rows[key])
            elif kind == "true":
                print("lost:", sentence, "|", fault_of(sentence, cited))
    for kind, count in made.items():
        print(f"{kind}: {stayed[kind]} of {count} stayed")
    lies = sum(made.values()) - made["true"]
    print(f"lies: {sum(stayed.values()) - stayed['true']} of {lies} stayed")


if __name__ == "__main__":
    main()
