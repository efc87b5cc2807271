"""Who should get which mail (Hillstrom), and what a small log cannot tell (Open Bandit).

python -m benchmarks.personalization
"""

from __future__ import annotations

import csv
import gzip

import numpy as np

from benchmarks.public_data import public_data
from neonblue.behavior.encoding import fit_encoding
from neonblue.behavior.personalisation import Units, judge
from neonblue.behavior.policy_evaluation import LoggedOutcomes, rank_policies

KNOWN = ["recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"]
NO_MAIL = "No E-Mail"
ITEMS_MEN = 34


def hillstrom() -> None:
    """Qini and the answer for each mail alone, and for the three variants together."""
    with gzip.open(public_data("hillstrom") / "hillstrom.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    properties = [{name: row[name] for name in KNOWN} for row in rows]
    encoded = fit_encoding(properties).encode(properties)
    visit = np.array([float(row["visit"]) for row in rows])
    segment = np.array([row["segment"] for row in rows])
    mails = ["Womens E-Mail", "Mens E-Mail"]
    for names in ([NO_MAIL, mails[0]], [NO_MAIL, mails[1]], [NO_MAIL, *mails]):
        chosen = np.isin(segment, names)
        units = Units(
            rows=encoded[chosen],
            variant=np.array([names.index(one) for one in segment[chosen]]),
            outcome=visit[chosen],
        )
        policy = judge(units, names, 0, "visit")
        print(" | ".join(names))
        print(f"  answer: {policy.answer}: {policy.reason}")
        print(
            f"  gain over the best variant {policy.gain:+.5f} "
            f"({policy.gain_ci_lower:+.5f}, {policy.gain_ci_upper:+.5f})"
        )
        if policy.sorting is not None:
            sorting = policy.sorting
            interval = f"({sorting.ci_lower:.3f}, {sorting.ci_upper:.3f})"
            print(f"  Qini {sorting.value:.4f} {interval}")


def open_bandit() -> None:
    """The uniform policy from the log of another: the men's, and one with the women's spread."""
    with gzip.open(public_data("open_bandit") / "men_bts.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    reward = np.array([float(row["click"]) for row in rows])
    propensity = np.array([float(row["propensity_score"]) for row in rows])
    uniform = np.full(len(rows), 1 / ITEMS_MEN)
    # The women's log has a few actions that were almost never taken: two such rows are enough.
    rare = propensity.copy()
    rare[np.argsort(propensity)[:2]] = 1e-7
    for name, probabilities in {"men's log": propensity, "women's-like log": rare}.items():
        logged = LoggedOutcomes(reward=reward, propensity=probabilities, target_probability=uniform)
        ranking = rank_policies({"uniform": logged})
        value = ranking.values["uniform"]
        print(f"{name}: SNIPS {value.value:.5f}, ESS {value.effective_sample_size:.0f}")
        print(f"  {value.warning}")
        print(f"  ranked {list(ranking.ranked)} {ranking.refusal}")


if __name__ == "__main__":
    hillstrom()
    open_bandit()
