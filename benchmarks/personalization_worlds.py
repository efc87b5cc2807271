"""What is said of personalising in worlds of known truth, and how often it is wrong.

``python -m benchmarks.personalization_worlds [--small]``. Each unit has four properties, of which
two are noise. An answer is wrong when it personalises where one variant is best for all, gives
everybody a treatment that is not the best, gives everybody the control or sees no difference
where a treatment or choosing gains what matters, or says that choosing does not pay where it does.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tables import markdown, share_text, write_section
from neonblue.behavior.encoding import fit_encoding
from neonblue.behavior.personalisation import MIN_THAT_MATTERS, Policy, Units, judge

DOCUMENT = Path(__file__).parents[1] / "docs" / "behavior.md"
DEVICES, COUNTRIES = ["ios", "android", "web"], ["us", "de", "in", "br"]
Effects = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Device (units,) and variant (units,) to the effect on each unit's rate (units,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``effect`` adds to ``base``; ``best`` is the variant that suits all, None where it differs.

    ``gain`` is what choosing for each unit adds to the best single variant, on the metric's scale.
    """

    name: str
    treatments: int
    effect: Effects
    best: int
    gain: float = 0.0
    base: float = 0.1
    units: int = 20_000
    weights: tuple[float, ...] = ()
    revenue: bool = False

    @property
    def differs(self) -> bool:
        """Whether a treatment is better for all than the control."""
        return self.best > 0


def none(device: np.ndarray, variant: np.ndarray) -> np.ndarray:
    """No effect of anything."""
    return np.zeros(len(device))


def alike(*effects: float) -> Effects:
    """The same effect for everybody, one a treatment."""
    return lambda device, variant: np.array([0.0, *effects])[variant]


def opposite(size: float) -> Effects:
    """The first treatment gains with one device and loses with the others."""
    return lambda device, variant: np.where(
        variant == 1, np.where(device == 0, 2 * size, -size), 0.0
    )


WORLDS = (
    World(name="null, one treatment", treatments=1, effect=none, best=0),
    World(name="null, five treatments", treatments=5, effect=none, best=0),
    World(name="null, 90/10", treatments=1, effect=none, best=0, weights=(0.9, 0.1)),
    World(name="null, 1 %, five treatments", treatments=5, effect=none, best=0, base=0.01),
    World(name="null, skewed revenue, five treatments", treatments=5, effect=none, best=0,
          revenue=True),
    World(name="one treatment, +.02 for all", treatments=1, effect=alike(0.02), best=1),
    World(name="five treatments, one +.02 for all", treatments=5,
          effect=alike(0.0, 0.02, 0.0, 0.0, 0.0), best=2),
    World(name="all five +.02 for all", treatments=5, effect=alike(*[0.02] * 5), best=1),
    World(name="choosing worth +.02, one treatment", treatments=1, effect=opposite(0.03), best=0,
          gain=0.02),
    World(name="choosing worth +.03, one treatment", treatments=1, effect=opposite(0.045), best=0,
          gain=0.03),
    World(name="choosing worth +.03, five treatments", treatments=5, effect=opposite(0.045),
          best=0, gain=0.03),
)  # fmt: skip


def judged(world: World, seed: int) -> Policy:
    """One world's units, judged as the tool does."""
    random = np.random.default_rng([seed, len(world.name), world.treatments])
    device = random.choice(3, world.units, p=[1 / 3, 1 / 3, 1 / 3])
    country = random.choice(4, world.units)
    variants = 1 + world.treatments
    weights = np.array(world.weights or [1.0] * variants)
    variant = random.choice(variants, world.units, p=weights / weights.sum())
    rate = np.clip(world.base + world.effect(device, variant), 0.0, 1.0)
    outcome = (random.random(world.units) < rate).astype(float)
    if world.revenue:
        outcome *= random.lognormal(3.0, 1.5, world.units)
    properties = [
        {"device": DEVICES[one], "country": COUNTRIES[two], "visits": str(three), "beta": str(four)}
        for one, two, three, four in zip(
            device,
            country,
            random.poisson(3, world.units),
            random.integers(0, 2, world.units),
            strict=True,
        )
    ]
    encoding = fit_encoding(properties)
    units = Units(rows=encoding.encode(properties), variant=variant, outcome=outcome)
    names = ["control", *(f"t{number}" for number in range(1, variants))]
    return judge(units, names, 0, "bought", weights=list(weights), encoding=encoding)


def wrong(world: World, policy: Policy) -> str:
    """What is wrong about an answer, '' when nothing is."""
    if policy.answer == "personalise" and not world.gain:
        return "personalise"
    if policy.choosing == "does_not_pay" and world.gain:
        return "does not pay"
    if policy.answer == "everybody" and policy.best_variant != "control":
        number = int(policy.best_variant[1:])
        right = world.differs and (number == world.best or world.name.startswith("all five"))
        return "" if right else "a treatment"
    settled = policy.answer in ("everybody", "no_difference")
    matters = MIN_THAT_MATTERS * world.base
    return "nothing gains" if settled and (world.differs or world.gain > matters) else ""


def row(world: World, worlds: int) -> list[object]:
    """One line of the table."""
    found = [judged(world, seed) for seed in range(worlds)]
    answers = Counter(policy.answer for policy in found)
    errors = Counter(filter(None, (wrong(world, policy) for policy in found)))
    said = ", ".join(f"{name} {count}" for name, count in errors.most_common())
    kinds = ("personalise", "everybody", "no_difference", "not_known", "insufficient_data")
    return [
        world.name,
        *(answers[kind] for kind in kinds),
        share_text(errors.total(), worlds) + (f" ({said})" if said else ""),
    ]


def main() -> None:
    """Print the table; without ``--small`` write it into docs/behavior.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    worlds = 8 if small else 100
    rows = []
    for world in WORLDS:
        rows.append(row(world, worlds))
        print(*rows[-1], sep=" | ", flush=True)
    header = ["world", "personalise", "everybody", "no difference", "not known", "too little"]
    table = markdown([*header, "wrong, % [95 %]"], rows)
    text = f"{worlds} worlds a row, 20,000 units (`python -m benchmarks.personalization_worlds`).\n"
    if not small:
        write_section("personalization-worlds", f"\n{text}\n{table}\n", DOCUMENT)


if __name__ == "__main__":
    main()
