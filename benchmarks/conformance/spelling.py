"""A case in one spelling: the same thing has many names, and several shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Raw = Mapping[str, Any]
DEFAULT_TOLERANCE = {"rel": 1e-6, "abs": 1e-12}
CONTROLS = ("control", "ctrl", "c", "a", "baseline", "group_a", "variant_a", "reference", "0")
TREATMENTS = (
    *("treatment", "trt", "treat", "t", "b", "variant", "variation", "test", "group_b"),
    *("variant_b", "exposed", "1"),
)
LISTS_OF_VARIANTS = ("variants", "groups", "arms", "samples", "data")
SPELLINGS = {
    "sum_squares": ("sumsq", "sum_sq", "sum_of_squares", "sum2", "sum_square", "ss"),
    "sd": ("std", "stddev", "stdev", "std_dev", "standard_deviation"),
    "var": ("variance", "s2"),
}
OF_A_VARIANT = {
    "n": (
        *("nobs", "users", "n_users", "visitors", "trials", "units", "size", "sample_size"),
        *("impressions", "observations", "exposures", "total", "count"),
    ),
    "success": (
        *("successes", "conversions", "converted", "clicks", "x", "events", "orders", "positives"),
        *("hits", "count"),
    ),
}
OF_A_CASE = {
    "n": (
        *("nobs", "users", "trials", "visitors", "size", "units", "observations"),
        *("sample_size", "count"),
    ),
    "counts": ("observed", "observed_counts", "n_by_variant", "units_by_variant"),
    "weights": ("expected", "ratio", "ratios", "shares", "probabilities", "proportions", "split"),
    "looks": ("information_rates", "information_fractions", "fractions", "timing"),
    "effects": ("yi", "estimates", "y"),
    "variances": ("vi", "sampling_variances", "v"),
    "margin": ("ni_margin", "non_inferiority_margin"),
    "method": ("correction", "ci_method", "interval", "adjustment", "adjust", "procedure"),
}


def canonical(raw: Raw) -> dict[str, Any]:
    """The case with the names and shapes that the solvers read; what is unknown stays."""
    inputs = _lowered(raw.get("inputs", {}))
    category = str(raw.get("category", "")).strip().lower().replace("_", "-").replace(" ", "-")
    if category not in ("meta", "multiplicity", "power", "group-sequential") and not _beliefs(
        inputs
    ):
        inputs = _paired(inputs)
    inputs = {key: _renamed(value) for key, value in inputs.items()}
    for name, others in OF_A_CASE.items():
        if not _usable(name, category):
            continue
        inputs = _first_named(inputs, name, others)
    return {
        **raw,
        "category": category,
        "inputs": _spelled(_in_step(inputs)),
        "expected": raw.get("expected", {}),
        "tolerance": raw.get("tolerance"),
    }


def tolerance_for(key: str, given: Any) -> Mapping[str, float]:
    """The tolerance of one expected value, from a number, a mapping, or one mapping a value."""
    if given is None:
        return DEFAULT_TOLERANCE
    if isinstance(given, int | float):
        return {"rel": float(given), "abs": DEFAULT_TOLERANCE["abs"]}
    own = given.get(key)
    if isinstance(own, Mapping) or (own is not None and key not in ("rel", "abs")):
        return tolerance_for(key, own)
    names = {str(name).lower(): value for name, value in given.items()}
    relative = _value(names, "rel", "rtol", "relative", "rel_tol", "reltol")
    absolute = _value(names, "abs", "atol", "absolute", "abs_tol", "abstol")
    if relative is None and absolute is None:
        return DEFAULT_TOLERANCE
    return {"rel": float(relative or 0.0), "abs": float(absolute or 0.0)}


def cases_in(text: str) -> list[Raw]:
    """The cases of a file: an object with ``cases``, a bare list, or one case a line."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(found, Mapping):
        found = found.get("cases", [found])
    return list(found)


def _lowered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key).strip().lower(): _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _beliefs(value: Any) -> bool:
    """Whether parameters of beta laws are given, variant by variant, rather than data."""
    if isinstance(value, Mapping):
        return {"alpha", "beta"} <= value.keys() or any(map(_beliefs, value.values()))
    return isinstance(value, list) and any(map(_beliefs, value))


def _paired(inputs: dict[str, Any]) -> dict[str, Any]:
    """``control`` and ``treatment`` from other names, a list, a mapping, or flat fields."""
    for name in LISTS_OF_VARIANTS:
        two = _two(inputs.get(name))
        if two is not None:
            rest = {key: value for key, value in inputs.items() if key != name}
            return {**rest, "control": two[0], "treatment": two[1]}
    named = _two({k: v for k, v in inputs.items() if isinstance(v, Mapping)})
    if named is not None:
        names = {_name_in(inputs, CONTROLS), _name_in(inputs, TREATMENTS)}
        rest = {key: value for key, value in inputs.items() if key not in names}
        # Solvers of clustered quantiles look for the letters.
        return {**rest, "control": named[0], "treatment": named[1], "c": named[0], "t": named[1]}
    return _unflattened(inputs)


def _two(found: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    if isinstance(found, Mapping):
        control, treatment = (_name_in(found, names) for names in (CONTROLS, TREATMENTS))
        if control is None or treatment is None:
            return None
        return dict(found[control]), dict(found[treatment])
    if isinstance(found, list) and len(found) == 2 and all(isinstance(f, Mapping) for f in found):
        labels = [str(_value(item, "name", "variant", "id", "group")).lower() for item in found]
        return _two(dict(zip(labels, found, strict=True))) or (dict(found[0]), dict(found[1]))
    return None


def _name_in(found: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if isinstance(found.get(name), Mapping)), None)


def _unflattened(inputs: dict[str, Any]) -> dict[str, Any]:
    """n_control, control_n and so on, gathered by variant, where both variants have them."""
    sides: dict[str, dict[str, Any]] = {"control": {}, "treatment": {}}
    rest = {}
    for key, value in inputs.items():
        side = next((s for s in sides if key.startswith(f"{s}_") or key.endswith(f"_{s}")), None)
        if side is None:
            rest[key] = value
        else:
            sides[side][key.removeprefix(f"{side}_").removesuffix(f"_{side}")] = value
    if not sides["control"] or sides["control"].keys() != sides["treatment"].keys():
        return inputs
    return {**rest, **sides}


def _renamed(value: Any) -> Any:
    """One variant's fields in their usual names."""
    if not isinstance(value, Mapping):
        return value
    found = _spelled({key: _renamed(item) for key, item in value.items()})
    found = _first_named(found, "sd", ("sigma",))
    if "mean" in found or "sum" in found or "quantile_hat" in found:
        return _first_named(found, "n", OF_A_VARIANT["n"])
    for name, others in OF_A_VARIANT.items():
        found = _first_named(found, name, others)
    return found


def _spelled(found: dict[str, Any]) -> dict[str, Any]:
    for name, others in SPELLINGS.items():
        found = _first_named(found, name, others)
    return found


def _first_named(found: dict[str, Any], name: str, others: Sequence[str]) -> dict[str, Any]:
    """The first of the other names becomes ``name`` where that is missing."""
    if found.get(name) is not None:
        return found
    other = next((o for o in others if found.get(o) is not None), None)
    if other is None or isinstance(found[other], bool):
        return found
    return {**{key: value for key, value in found.items() if key != other}, name: found[other]}


def _usable(name: str, category: str) -> bool:
    """Whether a name of the whole case means this in the category."""
    of_srm = name in ("counts", "weights")
    of_meta = name in ("effects", "variances")
    if of_srm or of_meta:
        return category.startswith("srm") if of_srm else category == "meta"
    return not (name == "n" and category.startswith("srm")) and (
        name != "looks" or category == "group-sequential"
    )


def _in_step(inputs: dict[str, Any]) -> dict[str, Any]:
    """Counts and weights by name as two lists in one order."""
    counts, weights = inputs.get("counts"), inputs.get("weights")
    if not isinstance(counts, Mapping):
        return inputs
    listed = {**inputs, "counts": list(counts.values())}
    if isinstance(weights, Mapping):
        listed["weights"] = [weights.get(name, 0.0) for name in counts]
    return listed


def _value(found: Mapping[str, Any], *names: str) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)
