"""What a load was asked to do: which columns mean what, and how the experiment is defined."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.columns.number_shape import Decimal
from neonblue.ingest.files.columns.rules import CellFormat
from neonblue.ingest.files.columns.time_decision import check_format
from neonblue.models import ExperimentStatus, MetricDefinition, MetricKind, MetricRole
from neonblue.models.experiment import Aggregation
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.stores.row_staging import Aggregate

Shape = Literal["rows", "events", "aggregated"]
KINDS = ("proportion", "mean", "ratio", "auto")
SPEC = re.compile(r"(?P<name>[^=:]+)(?::(?P<kind>\w+))?=(?P<columns>.+)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """``NAME[:kind]=COL``; a ratio is ``NUMERATOR/DENOMINATOR``. ``auto`` looks at the values.

    In event files the columns are event types; in aggregated files a proportion names its
    successes and a mean ``MEAN/VARIANCE``.
    """

    name: str
    kind: Literal["proportion", "mean", "ratio", "auto"]
    column: str
    denominator: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns (or event types) that are read."""
        return (self.column,) if self.denominator is None else (self.column, self.denominator)

    @property
    def said_kind(self) -> MetricKind | None:
        """The kind that was said, in a word or by two columns; None leaves it to the values."""
        if self.kind != "auto":
            return self.kind
        return None if self.denominator is None else "ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateSpec:
    """``NAME=COL``: a number that was known before the exposure."""

    name: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LongSpec:
    """``NAME_COLUMN=VALUE_COLUMN`` of a file with one row a unit and metric."""

    name_column: str
    value_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """Everything ``neonblue load`` was told. ``path`` and ``rejects`` are absolute.

    ``unit`` None makes each row its own unit; ``timestamp`` None puts every exposure at the
    file's own time. ``missing_as_zero`` takes a missing value for 0, ``keep_missing`` accepts that
    more than half are missing; ``aggregate`` says what becomes of several rows of a unit.
    ``finished`` declares that no more data come: the experiment has ended.
    """

    path: Path
    experiment_id: str = ""
    unit: str | None = None
    variant: str | None = None
    control: str | None = None
    metrics: tuple[MetricSpec, ...] = ()
    covariates: tuple[CovariateSpec, ...] = ()
    segments: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    null_words: tuple[str, ...] = ()
    decimal: Decimal | None = None
    time_format: str | None = None
    timestamp: str | None = None
    event_type: str | None = None
    value: str | None = None
    event_id: str | None = None
    n: str = "n"
    aggregated: bool = False
    guardrails: tuple[str, ...] = ()
    decreases: tuple[str, ...] = ()
    winsorize: tuple[tuple[str, float], ...] = ()
    attribution_windows: tuple[tuple[str, float], ...] = ()
    weights: tuple[tuple[str, float], ...] = ()
    missing_as_zero: bool = False
    keep_missing: bool = False
    aggregate: Aggregate | None = None
    long: LongSpec | None = None
    replace: bool = False
    status: ExperimentStatus = "running"
    finished: bool = False
    name: str = ""
    description: str = ""
    hypothesis: str = ""
    planned_sample_size: int | None = None
    alpha: float = 0.05
    rejects: Path | None = None
    allow_rejects: float | None = None

    @property
    def ended(self) -> bool:
        """Whether the load declares the end; saying so by the status is the same."""
        return self.finished or self.status in FINISHED_STATUSES

    @property
    def status_at_load(self) -> ExperimentStatus:
        """The status of an experiment that this load defines."""
        return "stopped" if self.finished else self.status

    @property
    def cells(self) -> CellFormat:
        """What was said of how cells are written."""
        return CellFormat(
            null_words=self.null_words, decimal=self.decimal, time_format=self.time_format
        )

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> LoadPlan:
        """A plan from a job's JSON arguments; raises ``InvalidInputError`` with what is wrong."""
        import msgspec

        parsed = {
            **arguments,
            "metrics": [_metric(text) for text in arguments.get("metrics", ())],
            "long": _long(arguments.get("long")),
            "covariates": [_covariate(text) for text in arguments.get("covariates", ())],
            "weights": _pairs("--weight", arguments.get("weights", ())),
            "winsorize": _pairs("--winsorize", arguments.get("winsorize", ())),
            "attribution_windows": _pairs(
                "--attribution-window", arguments.get("attribution_windows", ())
            ),
        }
        try:
            plan = msgspec.convert(parsed, cls, dec_hook=_path, from_attributes=True)
        except msgspec.ValidationError as error:
            raise InvalidInputError(
                f"the load cannot be understood ({error}): see `neonblue load --help`"
            ) from error
        plan.check()
        return plan

    def check(self) -> None:
        """Refuse what contradicts itself, before the file is opened."""
        names = [metric.name for metric in self.metrics]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidInputError(f"--metric {repeated[0]!r} is given twice: rename one of them")
        for metric in self.metrics:
            if (fault := self._fault(metric)) is not None:
                raise InvalidInputError(f"--metric {metric.name!r} {fault}")
        for option, chosen in (
            ("--guardrail", self.guardrails),
            ("--decrease", self.decreases),
            ("--winsorize", tuple(name for name, _ in self.winsorize)),
            ("--attribution-window", tuple(name for name, _ in self.attribution_windows)),
        ):
            if unknown := [name for name in chosen if name not in names]:
                raise InvalidInputError(
                    f"{option} {unknown[0]!r} is no metric: name one of {', '.join(names)}"
                )
        if self.status not in get_args(ExperimentStatus):
            raise InvalidInputError(
                f"--status {self.status!r} is not known: use running, or --finished when it ended"
            )
        self._check_cells()
        if self.allow_rejects is not None and not 0 <= self.allow_rejects < 1:
            raise InvalidInputError(
                f"--allow-rejects {self.allow_rejects!r} is no share: give 0 or more and less than "
                "1, like 0.05"
            )
        for name, level in self.winsorize:
            if not 0.5 < level < 1:
                raise InvalidInputError(
                    f"--winsorize {name}={level!r} is out of range: give a quantile above 0.5 "
                    "and below 1, like 0.99"
                )

    def _check_cells(self) -> None:
        if self.time_format is not None and (fault := check_format(self.time_format)) is not None:
            raise InvalidInputError(
                f"--time-format {self.time_format!r} {fault}: write it like %d/%m/%Y %H:%M, or say "
                "excel"
            )

    def _fault(self, metric: MetricSpec) -> str | None:
        """What is wrong with a metric of two columns; aggregated, they are MEAN/VARIANCE."""
        if self.aggregated and metric.kind == "ratio":
            return (
                "is a ratio, which totals cannot tell the precision of: load one row a unit, or "
                "give the mean and its variance as NAME:mean=MEAN/VARIANCE"
            )
        if not self.aggregated and metric.denominator is not None and metric.said_kind != "ratio":
            return (
                f"is a {metric.kind} of two columns: write {metric.name}:ratio="
                f"{metric.column}/{metric.denominator}, or name one column"
            )
        return None

    def definitions(self, kinds: Mapping[str, MetricKind]) -> tuple[MetricDefinition, ...]:
        """The metrics as they are computed from events, given the kind of each."""
        return tuple(
            self._definition(index, spec, kinds[spec.name])
            for index, spec in enumerate(self.metrics)
        )

    def _definition(self, index: int, spec: MetricSpec, kind: MetricKind) -> MetricDefinition:
        aggregation: Aggregation = "any" if kind == "proportion" else "sum"
        denominator = spec.denominator if kind == "ratio" else None
        return MetricDefinition(
            name=spec.name,
            kind=kind,
            event_type=event_type_of(spec.column),
            aggregation=aggregation,
            role=self._role(index, spec.name),
            direction="decrease" if spec.name in self.decreases else "increase",
            denominator_event_type=None if denominator is None else event_type_of(denominator),
            denominator_aggregation="sum",
            covariate=self._covariate(spec.name),
            winsorize_quantile=dict(self.winsorize).get(spec.name),
            attribution_window_days=dict(self.attribution_windows).get(spec.name),
        )

    def _role(self, index: int, name: str) -> MetricRole:
        if name in self.guardrails:
            return "guardrail"
        return "primary" if index == 0 else "secondary"

    def _covariate(self, metric: str) -> str | None:
        """A covariate of the metric's own name, else the first that is no metric's own."""
        names = [covariate.name for covariate in self.covariates]
        if metric in names:
            return metric
        metrics = {spec.name for spec in self.metrics}
        return next((name for name in names if name not in metrics), None)


def event_type_of(column: str) -> str:
    """The event type that a column's values become; ``exposure`` means something else."""
    return "exposure:value" if column == "exposure" else column


def _path(kind: type, value: Any) -> Any:
    """Paths come as text."""
    return kind(value)


def _metric(text: str) -> MetricSpec:
    match = SPEC.match(text.strip())
    if match is None or (match["kind"] or "auto") not in KINDS:
        raise InvalidInputError(
            f"--metric {text!r} cannot be read: write NAME=COLUMN, NAME:proportion=COLUMN, "
            "NAME:mean=COLUMN or NAME:ratio=NUMERATOR/DENOMINATOR"
        )
    name, kind, columns = match["name"].strip(), match["kind"] or "auto", match["columns"].strip()
    column, slash, denominator = columns.partition("/")
    if kind == "ratio" and not (column and denominator):
        raise InvalidInputError(
            f"--metric {text!r} is a ratio: write {name}:ratio=NUMERATOR/DENOMINATOR"
        )
    return MetricSpec(
        name=name,
        kind=kind,  # type: ignore[arg-type]  # one of KINDS
        column=column if slash else columns,
        denominator=denominator if slash else None,
    )


def _covariate(text: str) -> CovariateSpec:
    name, _, column = text.partition("=")
    if not name:
        raise InvalidInputError(f"--covariate {text!r} cannot be read: write NAME=COLUMN")
    return CovariateSpec(name=name.strip(), column=(column or name).strip())


def _long(text: str | None) -> LongSpec | None:
    if not text:
        return None
    name, _, value = (part.strip() for part in text.partition("="))
    if not name or not value:
        raise InvalidInputError(
            f"--long {text!r} cannot be read: write NAME_COLUMN=VALUE_COLUMN, as in metric=value"
        )
    return LongSpec(name_column=name, value_column=value)


def _pairs(option: str, texts: Sequence[str]) -> tuple[tuple[str, float], ...]:
    pairs = []
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            pairs.append((name.strip(), float(number)))
        except ValueError as error:
            raise InvalidInputError(
                f"{option} {text!r} cannot be read: write NAME=NUMBER"
            ) from error
    return tuple(pairs)
