"""Cases about power, sample size and least detectable effects."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scipy.special import ndtri

from benchmarks.conformance.reading import Case, Unmapped
from neonblue.stats.power import (
    first_reaching,
    guardrail_power,
    proportion_mde,
    proportion_power,
    proportion_sample_size,
    rule_of_thumb_sample_size,
    t_power,
)

Answers = dict[str, Any]


def solve(case: Case) -> Answers:
    if case.get("guardrails", "n_guardrails", "num_guardrails") is not None:
        power = guardrail_power(_power(case), int(case.number("guardrails", "n_guardrails",
                                                              "num_guardrails")))  # fmt: skip
        return {"power": power, "beta": 1.0 - power, "beta_adjusted": 1.0 - power}
    if case.says("16 "):
        return _rule_of_thumb(case)
    if case.get("h") is not None or case.says("pwr.2p"):
        return _arcsine(case)
    if case.get("p1", "baseline", "p_control", "p0", "p") is not None:
        return _proportions(case)
    return _means(case)


def _rule_of_thumb(case: Case) -> Answers:
    relative = case.get("rel_change", "rel_effect", "mde_rel")
    if (p := case.get("p", "p1", "baseline")) is not None:
        mean, variance = float(p), float(p) * (1.0 - float(p))
    else:
        mean, variance = float(case.get("mean", default=0.0)), _sd(case) ** 2
    delta = case.get("delta", "effect", "mde_abs")
    effect = float(delta) if delta is not None else mean * float(relative)
    n = rule_of_thumb_sample_size(variance, effect)
    return {"n_per_arm": n, "n_total": 2.0 * n}


def _arcsine(case: Case) -> Answers:
    """Cohen's h, as R's pwr.2p.test and pwr.2p2n.test."""
    h = case.get("h")
    if h is None:
        roots = [math.asin(math.sqrt(case.number(name))) for name in ("p1", "p2")]
        h = 2.0 * abs(roots[1] - roots[0])
    return _standardised(case, float(h), df=lambda n1, n2: math.inf)


def _proportions(case: Case) -> Answers:
    p1 = case.number("p1", "baseline", "p_control", "p0", "p")
    p2, margin = _other_proportion(case, p1), abs(float(case.get("margin", default=0.0)))
    if case.says("normalindpower", "zt_ind", "proportion_effectsize", "arcsine"):
        roots = [math.asin(math.sqrt(p)) for p in (p1, p2 if p2 is not None else p1)]
        return _standardised(case, 2.0 * abs(roots[1] - roots[0]), df=lambda n1, n2: math.inf)
    sides = 1 if margin else _sides(case)
    ratio, alpha = _ratio(case), case.alpha
    pooled = not case.says("unpooled", "no pooling")
    n1, n2 = _units(case)

    def size() -> float:
        if case.says("evan miller"):
            return _evan_miller(p1, _there(p2, "p2"), alpha, _power(case), sides)
        return proportion_sample_size(
            p1, _there(p2, "p2"), alpha=alpha, power=_power(case), sides=sides, ratio=ratio,
            pooled_null=pooled, margin=margin,
        )  # fmt: skip

    def power() -> float:
        return proportion_power(
            p1, _there(p2, "p2"), n_control=_there(n1, "n"), n_treatment=_there(n2, "n"),
            alpha=alpha, sides=sides, pooled_null=pooled, margin=margin,
            both_tails=case.says("strict"),
        )  # fmt: skip

    def mde() -> float:
        return proportion_mde(
            p1, n_control=_there(n1, "n"), n_treatment=_there(n2, "n"), alpha=alpha,
            power=_power(case), sides=sides, pooled_null=pooled,
        )  # fmt: skip

    return _sized(size, ratio) | {
        "power": power, "mde": mde, "mde_abs": mde, "mde_rel": lambda: mde() / p1,
        "p2": lambda: p1 + mde(),
    }  # fmt: skip


def _evan_miller(p1: float, p2: float, alpha: float, power: float, sides: int) -> float:
    """His calculator takes the baseline's variance for the null's."""
    reach = -float(ndtri(alpha / sides)) * math.sqrt(2.0 * p1 * (1.0 - p1))
    reach += float(ndtri(power)) * math.sqrt(p1 * (1.0 - p1) + p2 * (1.0 - p2))
    return (reach / (p2 - p1)) ** 2


def _other_proportion(case: Case, p1: float) -> float | None:
    if (p2 := case.get("p2", "p_treatment", "target")) is not None:
        return float(p2)
    if (step := case.get("mde_abs", "delta", "effect", "abs_effect")) is not None:
        return p1 + float(step)
    relative = case.get("mde_rel", "rel_effect", "rel_change", "mde", "lift")
    if relative is not None:
        return p1 * (1.0 + float(relative))
    return p1 if case.get("margin") is not None else None


def _means(case: Case) -> Answers:
    d = case.get("d", "effect_size", "cohens_d")
    standardised = case.get("sd", "std", "sigma", "var", "variance") is None
    sd = 1.0 if d is not None or standardised else _sd(case)
    effect = d if d is not None else case.get("delta", "effect", "mde_abs", "abs_effect", "diff")
    mean = case.get("mean", "mean_control", "baseline_mean")
    if effect is None and (relative := case.get("rel_effect", "mde_rel", "rel_change")) is not None:
        effect = float(relative) * float(mean)
    margin = abs(float(case.get("margin", default=0.0)))
    effect = 0.0 if effect is None and margin else effect
    shift = None if effect is None else (float(effect) + margin) / sd
    normal = case.says("normalindpower", "zt_ind", "z-test", "ztest", "pwr.norm")
    answers = _standardised(
        case, shift, df=lambda n1, n2: math.inf if normal else n1 + n2 - 2.0, sides_if=margin
    )
    step: Callable[[], float] = answers["d"]
    scaled = {
        "mde": lambda: step() * sd,
        "effect": lambda: step() * sd,
        "delta": lambda: step() * sd,
    }
    if mean is not None:
        scaled["mde_rel"] = scaled["rel_effect"] = lambda: step() * sd / float(mean)
    return answers | scaled


def _standardised(
    case: Case,
    shift: float | None,
    *,
    df: Callable[[float, float], float],
    sides_if: float = 0.0,
) -> Answers:
    """Answers about an effect of ``shift`` standard deviations, whichever of three is unknown."""
    sides = 1 if sides_if else _sides(case)
    ratio, alpha = _ratio(case), case.alpha
    both = not case.says("power.t.test", "power.prop.test")
    one = case.says("one.sample", "one-sample", "paired")
    n1, n2 = _units(case)

    def power_at(step: float, n_c: float, n_t: float) -> float:
        if one:
            return t_power(step * math.sqrt(n_c), n_c - 1.0, alpha=alpha, sides=sides,
                           both_tails=both)  # type: ignore[arg-type]  # fmt: skip
        scale = math.sqrt(1.0 / n_c + 1.0 / n_t)
        return t_power(abs(step) / scale, df(n_c, n_t), alpha=alpha, sides=sides, both_tails=both)  # type: ignore[arg-type]

    def size() -> float:
        step = _there(shift, "effect")
        least = max(2.0, 2.0 / ratio) * (1.0 + 1e-12)
        return first_reaching(lambda n: power_at(step, n, n * ratio), _power(case), least, "it")

    def mde() -> float:
        n_c, n_t = _there(n1, "n"), _there(n2, "n")
        return first_reaching(lambda step: power_at(step, n_c, n_t), _power(case), 1e-12, "it")

    return _sized(size, 0.0 if one else ratio) | {
        "power": lambda: power_at(_there(shift, "effect"), _there(n1, "n"), _there(n2, "n")),
        "d": mde, "h": mde, "mde": mde, "effect_size": mde,
    }  # fmt: skip


def _sized(size: Callable[[], float], ratio: float) -> Answers:
    return {
        "n_per_arm": size, "n1": size, "n_control": size, "n2": lambda: size() * ratio,
        "n_treatment": lambda: size() * ratio, "n_total": lambda: math.ceil(size() * (1.0 + ratio)),
    }  # fmt: skip


def _units(case: Case) -> tuple[float | None, float | None]:
    n1 = case.get("n1", "n_control", "n_per_arm", "n_per_group", "nobs1", "n")
    if n1 is None and (total := case.get("n_total", "n_obs", "total")) is not None:
        n1 = float(total) / (1.0 + _ratio(case))
    if n1 is None:
        return None, None
    n2 = case.get("n2", "n_treatment", default=float(n1) * _ratio(case))
    return float(n1), float(n2)


def _ratio(case: Case) -> float:
    ratio = case.get("ratio", "allocation_ratio", "k")
    if ratio is None and isinstance(shares := case.get("weights", "shares", "split"), list):
        return float(shares[1]) / float(shares[0])
    return float(ratio) if ratio is not None else 1.0


def _sides(case: Case) -> Any:
    sides = case.get("sides")
    if sides in (1, 2):
        return sides
    return 1 if case.is_one_sided or case.says("one.sided") else 2


def _power(case: Case) -> float:
    if (beta := case.get("beta")) is not None:
        return 1.0 - float(beta)
    return float(case.get("power", default=0.8))


def _sd(case: Case) -> float:
    variance = case.get("var", "variance")
    return math.sqrt(variance) if variance is not None else case.number("sd", "std", "sigma")


def _there(value: float | None, name: str) -> float:
    if value is None:
        raise Unmapped(f"no {name} among the inputs")
    return value
