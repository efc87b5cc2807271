"""Purchase intent on online_shoppers, 5-fold: with and without PageValues.

    python -m benchmarks.intent [SHUFFLES]

PageValues is computed from the very sessions that bought, so it leaks the outcome: the honest
figure is the one without. Each fold's model, its calibration too, sees the other folds only. One
shuffle into folds can be lucky, so the figures are means over several (seeds 0, 1, …; 5 by
default). A calibration changes no order: it is fitted on the first shuffle alone.
"""

from __future__ import annotations

import csv
import gzip
import sys
import time
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedKFold

from benchmarks.public_data import public_data
from neonblue.behavior.calibration import calibration_error
from neonblue.behavior.intent import score_intent, train_intent

# Operating system, browser and region are numbered without a meaning and only add noise.
NUMBERS = [
    "Administrative",
    "Administrative_Duration",
    "Informational",
    "Informational_Duration",
    "ProductRelated",
    "ProductRelated_Duration",
    "BounceRates",
    "ExitRates",
    "PageValues",
    "SpecialDay",
    "TrafficType",
]
MONTHS = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "June",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]
VISITORS = ("New_Visitor", "Returning_Visitor", "Other")
FOLDS = 5


def read() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns by name, and who bought."""
    path = public_data("online_shoppers") / "online_shoppers_intention.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    columns = {name: np.array([float(row[name]) for row in rows]) for name in NUMBERS}
    columns["month"] = np.array([MONTHS.index(row["Month"]) for row in rows], dtype=float)
    columns["visitor"] = np.array([VISITORS.index(r["VisitorType"]) for r in rows], dtype=float)
    columns["weekend"] = np.array([row["Weekend"] == "TRUE" for row in rows], dtype=float)
    return columns, np.array([row["Revenue"] == "TRUE" for row in rows])


def features(columns: dict[str, np.ndarray], *, page_values: bool) -> np.ndarray:
    """The columns and what they say together: shares, paces, products of a few."""
    c = columns
    pages = c["Administrative"] + c["Informational"] + c["ProductRelated"]
    names = ("Administrative_Duration", "Informational_Duration", "ProductRelated_Duration")
    seconds = sum(c[name] for name in names)
    products, dwell = c["ProductRelated"], c["ProductRelated_Duration"]
    derived = [
        pages,
        seconds,
        seconds / np.maximum(pages, 1),
        c["Administrative_Duration"] / np.maximum(c["Administrative"], 1),
        dwell / np.maximum(products, 1),
        products / np.maximum(pages, 1),
        dwell / np.maximum(seconds, 1),
        c["ExitRates"] - c["BounceRates"],
        c["ExitRates"] * products,
        c["BounceRates"] * products,
        np.log1p(dwell) / np.maximum(np.log1p(products), 0.5),
        c["TrafficType"] * 12 + c["month"],
        c["visitor"] * 12 + c["month"],
    ]
    if page_values:
        value = c["PageValues"]
        derived += [value * c["ExitRates"], value / np.maximum(pages, 1)]
    plain = [value for name, value in c.items() if page_values or name != "PageValues"]
    return np.column_stack([*plain, *derived])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffle:
    """Means over the folds of one shuffle, and the calibration error of all rows pooled."""

    roc_auc: float
    pr_auc: float
    calibration_error: float


def score(rows: np.ndarray, bought: np.ndarray, *, seed: int, calibrate: bool) -> Shuffle:
    """Five stratified folds, each scored by a model of the others."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, bought)
    probability, scores = np.zeros(len(bought)), []
    for learnt, inside in folds:
        model = train_intent(rows[learnt], bought[learnt], calibrate=calibrate)
        probability[inside] = model.probability(rows[inside])
        scores.append(score_intent(probability[inside], bought[inside]))
    return Shuffle(
        roc_auc=float(np.mean([one.roc_auc for one in scores])),
        pr_auc=float(np.mean([one.pr_auc for one in scores])),
        calibration_error=calibration_error(probability, bought),
    )


def main() -> None:
    """Print the table."""
    shuffles = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    columns, bought = read()
    print("                     ROC (lowest-highest)     PR (lowest-highest)      ECE      seconds")
    for page_values in (True, False):
        rows, started = features(columns, page_values=page_values), time.perf_counter()
        done = [score(rows, bought, seed=n, calibrate=n == 0) for n in range(shuffles)]
        print(
            f"{'with' if page_values else 'without'} PageValues".ljust(20),
            spread([one.roc_auc for one in done]),
            spread([one.pr_auc for one in done]),
            f"{done[0].calibration_error:.4f}",
            f"  {time.perf_counter() - started:.0f}",
            flush=True,
        )


def spread(values: list[float]) -> str:
    """Mean, lowest and highest."""
    return f"{np.mean(values):.4f} ({min(values):.4f}-{max(values):.4f})  "


if __name__ == "__main__":
    main()
