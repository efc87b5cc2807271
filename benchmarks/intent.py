"""Purchase intent on online_shoppers, 5-fold: with and without PageValues.

    python -m benchmarks.intent [SEED]

PageValues is computed from the very sessions that bought, so it leaks the outcome: the honest
figure is the one without. Each fold's model, its calibration too, sees the other folds only.
"""

from __future__ import annotations

import csv
import gzip
import sys
import time

import numpy as np

from benchmarks.public_data import public_data
from neonblue.behavior.calibration import calibration_error
from neonblue.behavior.intent import score_intent, train_intent

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
    "OperatingSystems",
    "Browser",
    "Region",
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


def stratified_folds(bought: np.ndarray, seed: int) -> np.ndarray:
    """A fold a row, with the same share of buyers in each."""
    random, fold = np.random.default_rng(seed), np.zeros(len(bought), dtype=int)
    for outcome in (True, False):
        rows = random.permutation(np.flatnonzero(bought == outcome))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def main() -> None:
    """Print the table."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    columns, bought = read()
    fold = stratified_folds(bought, seed)
    print("                     ROC     PR      ECE by fold   ECE pooled")
    for page_values in (True, False):
        rows, started = features(columns, page_values=page_values), time.perf_counter()
        probability, scores = np.zeros(len(bought)), []
        for number in range(FOLDS):
            inside = fold == number
            model = train_intent(rows[~inside], bought[~inside])
            probability[inside] = model.probability(rows[inside])
            scores.append(score_intent(probability[inside], bought[inside]))
        print(
            f"{'with' if page_values else 'without'} PageValues".ljust(20),
            f"{np.mean([one.roc_auc for one in scores]):.4f}",
            f"{np.mean([one.pr_auc for one in scores]):.4f}",
            f"{np.mean([one.calibration_error for one in scores]):.4f}",
            f"       {calibration_error(probability, bought):.4f}",
            f"       {time.perf_counter() - started:.0f} s",
        )


if __name__ == "__main__":
    main()
