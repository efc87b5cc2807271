"""Cases about looks that are planned in advance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from benchmarks.conformance.reading import Case, Unmapped
from neonblue.stats.group_sequential import (
    crossing_probabilities,
    spending_boundaries,
    spent,
)


def solve(case: Case) -> dict[str, Any]:
    fractions = _looks(case)
    alpha, two_sided = _alpha(case)
    critical = _critical(case, fractions, alpha, two_sided)
    chances = crossing_probabilities(fractions, critical, two_sided=two_sided)
    tails = ndtr(-np.asarray(critical))
    answers: dict[str, Any] = {
        "z": critical, "alpha_spent": np.cumsum(chances), "spent": np.cumsum(chances),
        "cumulative_alpha": np.cumsum(chances), "increments": chances, "stage_levels": tails,
        "nominal_p": tails * (2.0 if two_sided else 1.0), "p": tails, "nominal_alpha": tails,
        "lower_bounds": -np.asarray(critical), "constant": critical[-1],
    }  # fmt: skip
    return answers | _power(case, fractions, critical, alpha, two_sided)


def _looks(case: Case) -> list[float]:
    looks = case.get("looks", "information_rates", "fractions", "timing", "t", "information")
    if isinstance(looks, list):
        top = max(looks)
        return [look / top for look in looks] if top > 1.0 else [float(look) for look in looks]
    k = int(looks) if looks is not None else int(case.number("k", "n_looks", "kmax"))
    return [(i + 1) / k for i in range(k)]


def _alpha(case: Case) -> tuple[float, bool]:
    """(alpha, whether it is two-sided): rpact's alpha is one-sided unless told."""
    if (one := case.get("alpha_one_sided", "alpha_1s")) is not None:
        return float(one), False
    if (two := case.get("alpha_two_sided", "alpha_2s")) is not None:
        return float(two), True
    alpha = float(case.get("alpha", default=0.025))
    return alpha, str(case.get("sides", "sided", default="")) == "2" or case.says("two-sided")


def _critical(
    case: Case, fractions: list[float], alpha: float, two_sided: bool
) -> tuple[float, ...]:
    parameter = case.get("gamma", "parameter", "phi", "rho", "power_parameter", "gammaa")
    name = _design(case)
    if name in ("obf", "pocock", "power", "hwang-shih-decani"):
        return spending_boundaries(
            fractions, alpha=alpha, spending=name, two_sided=two_sided,  # type: ignore[arg-type]
            parameter=float(parameter) if parameter is not None else 1.0,
        ).critical_values  # fmt: skip
    if name == "haybittle-peto":
        return _haybittle_peto(fractions, alpha, two_sided, float(case.get("constant", default=3)))
    exponent = {"classical obf": 0.5, "classical pocock": 0.0}.get(name)
    if exponent is None:
        exponent = 0.5 - float(case.get("delta", "deltawt", default=0.25))
    shape = [t**-exponent for t in fractions]
    return _scaled(shape, fractions, alpha, two_sided)


def _design(case: Case) -> str:
    spending = str(case.get("spending", "spending_function", "design", "type", default="")).lower()
    said = f"{spending} {case.text}"
    classical = not any(
        w in said
        for w in ("spending", "lan-demets", "lan demets", "landemets", "asof", "asp", "sfld")
    )
    if "spending" in case.inputs or "spending_function" in case.inputs:
        classical = "classical" in said
    if any(w in said for w in ("hwang", "hsd", "shih", "ashsd")):
        return "hwang-shih-decani"
    if any(w in said for w in ("kim", "askd", "power family", "power spending")):
        return "power"
    if "haybittle" in said or "peto" in said:
        return "haybittle-peto"
    if "wang" in said or "tsiatis" in said:
        return "wang-tsiatis"
    if any(w in said for w in ("brien", "obf", "obrien")):
        return "classical obf" if classical else "obf"
    if "pocock" in said:
        return "classical pocock" if classical else "pocock"
    raise Unmapped(f"no boundary is called {spending!r}")


def _scaled(
    shape: list[float], fractions: list[float], alpha: float, two_sided: bool
) -> tuple[float, ...]:
    """Boundary of a given shape whose total error is alpha."""

    def total(constant: float) -> float:
        critical = [constant * s for s in shape]
        return sum(crossing_probabilities(fractions, critical, two_sided=two_sided))

    constant = _falling(total, alpha, 0.1, 10.0)
    return tuple(constant * s for s in shape)


def _haybittle_peto(
    fractions: list[float], alpha: float, two_sided: bool, constant: float
) -> tuple[float, ...]:
    early = [constant] * (len(fractions) - 1)

    def total(last: float) -> float:
        return sum(crossing_probabilities(fractions, [*early, last], two_sided=two_sided))

    return (*early, _falling(total, alpha, 0.0, 10.0))


def _falling(total: Callable[[float], float], alpha: float, low: float, high: float) -> float:
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if total(middle) > alpha else (low, middle)
    return high


def _power(
    case: Case,
    fractions: list[float],
    critical: tuple[float, ...],
    alpha: float,
    two_sided: bool,
) -> dict[str, Any]:
    """What the design costs against one look, and its power at a given drift."""
    answers: dict[str, Any] = {}
    target = 1.0 - float(case.get("beta", default=1.0 - float(case.get("power", default=0.8))))
    fixed = float(ndtri(target) - ndtri(alpha / 2.0 if two_sided else alpha))

    def drift() -> float:
        def missed(value: float) -> float:
            chances = crossing_probabilities(fractions, critical, drift=value, two_sided=two_sided)
            return -sum(chances)

        return _falling(missed, -target, 0.0, 12.0)

    answers["inflation_factor"] = answers["inflation"] = lambda: (drift() / fixed) ** 2
    answers["shift"] = lambda: drift() ** 2
    answers["drift"] = drift
    if (given := case.get("drift", "theta")) is not None:
        answers["power"] = sum(
            crossing_probabilities(fractions, critical, drift=float(given), two_sided=two_sided)
        )
    if (times := case.get("at")) is not None:
        answers["spent_at"] = spent(times, alpha=alpha, spending=_design(case))  # type: ignore[arg-type]
    return answers
