"""Reading a case: whichever way its numbers and options were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.conformance.spelling import canonical
from neonblue.models import MetricSummary
from neonblue.stats.comparison import Alternative
from neonblue.stats.moments import proportion_summary, summary_from_sums, summary_from_values


class Unmapped(Exception):  # noqa: N818 - an outcome, not a fault
    """Nothing of ours answers these inputs."""


CONTROL = ("control", "c", "a", "baseline")
TREATMENT = ("treatment", "t", "b", "variation")
SUCCESSES = ("success", "successes", "conversions", "converted", "x", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case as given; ``text`` is everything it says in words, in lower case."""

    case_id: str
    category: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    source: str
    tolerance: Any
    text: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Case:
        raw = canonical(given)
        inputs = {str(key).lower(): value for key, value in raw["inputs"].items()}
        said = " ".join(_words(raw["inputs"]))
        return cls(
            case_id=str(raw.get("id", "?")),
            category=str(raw["category"]).lower().replace("_", "-"),
            inputs=inputs,
            expected=raw["expected"],
            source=str(raw.get("source", "")),
            tolerance=raw["tolerance"],
            text=f"{said} {raw.get('source', '')}".lower(),
        )

    def get(self, *names: str, default: Any = None) -> Any:
        """The first of these inputs that is there."""
        for name in names:
            if self.inputs.get(name) is not None:
                return self.inputs[name]
        return default

    def number(self, *names: str) -> float:
        """As ``get``, and it has to be there."""
        found = self.get(*names)
        if found is None:
            raise Unmapped(f"none of {names} is among the inputs {sorted(self.inputs)}")
        return float(found)

    def has(self, *names: str) -> bool:
        return all(self.inputs.get(name) is not None for name in names)

    def says(self, *words: str) -> bool:
        """Whether any of the words is in the case's text."""
        return any(word in self.text for word in words)

    def wants(self, *keys: str) -> bool:
        return any(key in {k.lower() for k in self.expected} for key in keys)

    @property
    def sides(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """(control, treatment) as given."""
        control, treatment = self.get(*CONTROL), self.get(*TREATMENT)
        if not isinstance(control, Mapping) or not isinstance(treatment, Mapping):
            raise Unmapped(f"no control and treatment among {sorted(self.inputs)}")
        return control, treatment

    @property
    def alpha(self) -> float:
        level = self.get("confidence", "confidence_level", "conf_level", "conf.level", "level")
        if level is not None:
            return 1.0 - float(level)
        return float(self.get("alpha", "sig_level", "sig.level", default=0.05))

    @property
    def alternative(self) -> Alternative:
        said = str(
            self.get("alternative", "tail", "direction", default=self.get("sides", default=""))
        )
        said = said.lower()
        if said in ("greater", "larger", "upper", "one-sided greater", "increase"):
            return "greater"
        if said in ("less", "smaller", "lower", "one-sided less", "decrease"):
            return "less"
        if said in ("two-sided", "two.sided", "2", "two_sided", "both"):
            return "two-sided"
        if self.says(
            "lesser", "alternative='less'", 'alternative="less"', "one-sided less", "smaller"
        ):
            return "less"
        if self.says(
            "treatmentgreater", "alternative='greater'", "one-sided", "one_sided", "onesided"
        ):
            return "greater"
        return "greater" if said == "1" else "two-sided"

    @property
    def scale(self) -> str:
        """``log-ratio``, ``absolute`` or ``relative``; '' where the case does not say."""
        named = str(self.get("scale", "difference_type", "diff_type", "type", default="")).lower()
        for said in (named, self.text):
            if any(word in said for word in ("log-ratio", "log scale", "log ratio")):
                return "log-ratio"
            if "absolute" in said:
                return "absolute"
            if "relative" in said:
                return "relative"
        return ""

    @property
    def is_relative(self) -> bool:
        """Whether effects are lifts by the plain delta method, as gbstats has them by default."""
        if self.says("tea-tasting"):
            return False
        return (self.scale or ("relative" if self.says("gbstats") else "")) == "relative"

    @property
    def is_one_sided(self) -> bool:
        return self.alternative != "two-sided"


def summary_of(one: Mapping[str, Any]) -> MetricSummary:
    """A variant's numbers in any of the usual forms."""
    data = {str(key).lower(): value for key, value in one.items()}
    for name in ("data", "values", "y"):
        if isinstance(data.get(name), list):
            return summary_from_values(data[name], covariate=data.get("x"))
    n = float(_first(data, "n", "n_users", "count", "nobs", "units"))
    if n_sum := _first(data, "sum_squares", "sum_y2", "sumsq", "sum_sq", "sum_of_squares"):
        total = float(_first(data, "sum", "sum_y", "total"))
        return summary_from_sums(n, total, float(n_sum), **_covariate(data))
    if "mean" in data and (spread := _variance(data)) is not None:
        return MetricSummary(n=n, mean=float(data["mean"]), variance=spread, **_moments(data))
    successes = _first(data, *SUCCESSES, "sum")
    if successes is None:
        successes = float(_first(data, "p", "rate", "mean", "proportion")) * n
    return proportion_summary(n, float(successes))


def is_proportion(one: Mapping[str, Any]) -> bool:
    """Whether a variant's numbers are a count of successes."""
    data = {str(key).lower() for key in one}
    has_spread = data & {"sum_squares", "sum_y2", "var", "variance", "sd", "std", "stddev"}
    return not has_spread and not data & {"data", "values"}


def _covariate(data: Mapping[str, Any]) -> dict[str, float]:
    if "sum_x" not in data:
        return {}
    return {
        "sum_x": float(data["sum_x"]),
        "sum_x2": float(_first(data, "sum_x2", "sum_xx")),
        "sum_yx": float(_first(data, "sum_xy", "sum_yx")),
    }


def _moments(data: Mapping[str, Any]) -> dict[str, float]:
    names = {
        "covariate_mean": ("mean_x", "x_mean", "covariate_mean", "pre_mean"),
        "covariate_variance": ("var_x", "x_var", "covariate_variance", "pre_var"),
        "covariance_y_x": ("cov", "cov_xy", "cov_yx", "covariance"),
    }
    found = {field: _first(data, *keys) for field, keys in names.items()}
    return {field: float(value) for field, value in found.items() if value is not None}


def _variance(data: Mapping[str, Any]) -> float | None:
    variance = _first(data, "var", "variance", "s2")
    if variance is not None:
        return float(variance)
    sd = _first(data, "sd", "std", "stddev", "s")
    return None if sd is None else float(sd) ** 2


def _first(data: Mapping[str, Any], *names: str) -> Any:
    return next((data[name] for name in names if data.get(name) is not None), None)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key) if item is True else ""
            yield from _words(item)
