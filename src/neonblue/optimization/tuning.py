"""Studies: parameters of a declared space, tuned by asking for a setting and telling its outcome.

Each evaluation is a batch of an experiment, told with its standard error. Everything is kept in
records that are only appended, so that a study goes on after any crash: a trial that was asked for
and not told yet is asked for again, and one that was told stays as it was told.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.stats.response_surface import (
    Snap,
    Surface,
    best_setting,
    fit_surface,
    next_setting,
)

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.tuning_records import RecordKind

Array = NDArray[np.float64]
Settings = dict[str, float]
Records = Mapping[tuple["RecordKind", int], str]

MAX_PARAMETERS = 12
MAX_TRIALS = 400
MAX_VALUE = 1e100
MUTATION_SD = 0.08
NEAR = 0.05
"""Distance, in sides of the space, below which a setting was tried already."""
MAX_CHILDREN = 10
BROOD = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number from ``low`` to ``high``; with ``step`` only low + whole steps."""

    name: str
    low: float
    high: float
    step: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One setting and how it did: mean and standard error of its batch."""

    trial: int
    settings: Settings
    mean: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The setting that is believed to be best, its mean and how sure that is (one sd)."""

    settings: Settings
    mean: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study as it stands; ``waiting`` is the trial that was asked for and not told."""

    study_id: str
    parameters: tuple[Parameter, ...]
    lower_is_better: bool
    evaluations: tuple[Evaluation, ...]
    waiting: tuple[int, Settings] | None
    best: Best | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A setting of the next generation: its parents' trials and the chance to beat the best."""

    settings: Settings
    parents: tuple[int, int]
    chance_to_win: float


def tune(
    store: Store,
    study_id: str,
    *,
    space: Mapping[str, Sequence[float]] | None = None,
    results: Mapping[str, Sequence[float]] | None = None,
    lower_is_better: bool = False,
) -> Study:
    """Declare a study, tell results (trial → mean and standard error), and ask for the next trial.

    Raises ``NotFoundError`` for a study that was never declared, ``ConflictError`` for another
    space or another result than recorded, ``InvalidInputError`` for what cannot be. Then nothing
    was recorded.
    """
    known = store.tuning.of(study_id)
    declared = _declared(study_id, known, space, lower_is_better)
    parameters = _parameters(declared["space"])
    told = _told(study_id, known, results or {})
    if ("declare", 0) not in known:
        store.tuning.append(study_id, "declare", 0, json.dumps(declared))
    for trial, content in told.items():
        store.tuning.append(study_id, "tell", trial, content)
    study = read_study(store, study_id)
    if study.waiting is not None or len(study.evaluations) >= MAX_TRIALS:
        return study
    trial = 1 + max(
        (number for kind, number in store.tuning.of(study_id) if kind == "ask"), default=0
    )
    settings = _named(parameters, _next(study, trial))
    store.tuning.append(study_id, "ask", trial, json.dumps(settings))
    return read_study(store, study_id)


def read_study(store: Store, study_id: str) -> Study:
    """A study as it stands. ``NotFoundError`` for one that was never declared."""
    known = store.tuning.of(study_id)
    if ("declare", 0) not in known:
        raise NotFoundError(
            f"there is no study {study_id!r}: declare it with space, e.g. "
            '{"price": [5, 20], "rows": [1, 9, 1]}'
        )
    declared = json.loads(known["declare", 0])
    asked = {trial: json.loads(text) for (kind, trial), text in known.items() if kind == "ask"}
    told = {trial: json.loads(text) for (kind, trial), text in known.items() if kind == "tell"}
    evaluations = tuple(
        Evaluation(trial=trial, settings=asked[trial], mean=mean, standard_error=error)
        for trial, (mean, error) in sorted(told.items())
    )
    open_ = sorted(set(asked) - set(told))
    parameters = _parameters(declared["space"])
    study = Study(
        study_id=study_id,
        parameters=parameters,
        lower_is_better=bool(declared["lower_is_better"]),
        evaluations=evaluations,
        waiting=(open_[0], asked[open_[0]]) if open_ else None,
        best=None,
    )
    return study if len(evaluations) < 2 else _with_best(study)


def evolve(store: Store, study_id: str, *, count: int = 4) -> tuple[Child, ...]:
    """Settings of the next generation: parts of good parents, mutated; the likeliest to win first.

    Screened by the study's own forecast, and left out where something as near was tried. Raises
    ``NotFoundError``, and ``ConflictError`` before there are two parents.
    """
    if not 1 <= count <= MAX_CHILDREN:
        raise InvalidInputError(f"count {count!r} cannot be: ask for 1 to {MAX_CHILDREN} variants")
    study = read_study(store, study_id)
    if len(study.evaluations) < 2 or study.best is None:
        raise ConflictError(
            f"study {study_id!r} has {len(study.evaluations)} results: two parents are needed; "
            "tell results with tune_parameters first"
        )
    rng = _rng(study_id, "evolve", len(study.evaluations))
    surface, _, points = _surface(study)
    order = np.argsort(-surface.predict(points)[0])[: max(2, len(points) // 3)]
    found: list[tuple[float, Array, tuple[int, int]]] = []
    best = float(surface.predict(_cube(study.parameters, [study.best.settings]))[0][0])
    for _ in range(BROOD):
        one, other = rng.choice(order, size=2, replace=False)
        mixed = np.where(rng.random(points.shape[1]) < 0.5, points[one], points[other])
        child = mixed + MUTATION_SD * rng.standard_normal(len(mixed))
        child = _snap(study.parameters)(np.clip(child, 0.0, 1.0)[None, :])[0]
        mean, sd = surface.predict(child[None, :])
        z = (float(mean[0]) - best) / max(float(sd[0]), 1e-12)
        chance = 0.5 * math.erfc(-z / math.sqrt(2.0))
        parents = (study.evaluations[one].trial, study.evaluations[other].trial)
        found.append((chance, child, parents))
    return tuple(_chosen(study, points, found, count))


def _chosen(
    study: Study, points: Array, found: list[tuple[float, Array, tuple[int, int]]], count: int
) -> list[Child]:
    """The best that are no near copies of what was tried, nor of each other."""
    taken: list[Array] = list(points)
    chosen: list[Child] = []
    for chance, child, parents in sorted(found, key=lambda one: -one[0]):
        if len(chosen) < count and min(np.abs(child - one).max() for one in taken) >= NEAR:
            taken.append(child)
            settings = _named(study.parameters, child)
            chosen.append(Child(settings=settings, parents=parents, chance_to_win=chance))
    return chosen


def _next(study: Study, trial: int) -> Array:
    """The middle first, then random ones, then what the surface says."""
    dimensions = len(study.parameters)
    rng, snap = _rng(study.study_id, "ask", trial), _snap(study.parameters)
    if trial == 1:
        return np.asarray(snap(np.full((1, dimensions), 0.5))[0])
    if len(study.evaluations) < 2 * dimensions + 2:
        return np.asarray(snap(rng.random((1, dimensions)))[0])
    surface, values, _ = _surface(study)
    return next_setting(surface, values, rng, snap)


def _with_best(study: Study) -> Study:
    surface, values, _ = _surface(study)
    rng = _rng(study.study_id, "best", len(study.evaluations))
    point, mean, sd = best_setting(surface, values, rng, _snap(study.parameters))
    sign = -1.0 if study.lower_is_better else 1.0
    settings = _named(study.parameters, point)
    return replace(study, best=Best(settings=settings, mean=sign * mean, standard_error=sd))


def _surface(study: Study) -> tuple[Surface, Array, Array]:
    """The surface with the good way up, its values and points."""
    sign = -1.0 if study.lower_is_better else 1.0
    points = _cube(study.parameters, [one.settings for one in study.evaluations])
    values = sign * np.array([one.mean for one in study.evaluations])
    errors = np.array([one.standard_error for one in study.evaluations])
    return fit_surface(points, values, errors), values, points


def _cube(parameters: Sequence[Parameter], settings: Sequence[Settings]) -> Array:
    rows = [[(one[p.name] - p.low) / (p.high - p.low) for p in parameters] for one in settings]
    return np.array(rows, dtype=float)


def _snap(parameters: Sequence[Parameter]) -> Snap:
    """Moves points of the cube to settings that can be."""

    def snap(points: Array) -> Array:
        moved = points.copy()
        for column, one in enumerate(parameters):
            if one.step is not None:
                width = one.step / (one.high - one.low)
                steps = np.floor(1.0 / width + 1e-9)
                moved[:, column] = np.clip(np.round(moved[:, column] / width), 0, steps) * width
        return moved

    return snap


def _named(parameters: Sequence[Parameter], point: Array) -> Settings:
    return {
        one.name: float(f"{one.low + share * (one.high - one.low):.10g}")
        for one, share in zip(parameters, map(float, point), strict=True)
    }


def _declared(
    study_id: str,
    known: Records,
    space: Mapping[str, Sequence[float]] | None,
    lower_is_better: bool,
) -> dict[str, object]:
    if not study_id or len(study_id) > 256:
        raise InvalidInputError(f"study_id {study_id!r} is no id: give 1 to 256 characters")
    if ("declare", 0) not in known:
        if space is None:
            raise NotFoundError(
                f"there is no study {study_id!r}: declare it with space, e.g. "
                '{"price": [5, 20], "rows": [1, 9, 1]}'
            )
        plain = {name: list(map(float, ends)) for name, ends in space.items()}
        _parameters(plain)
        return {"space": plain, "lower_is_better": lower_is_better}
    declared: dict[str, object] = json.loads(known["declare", 0])
    given = None if space is None else {name: list(map(float, e)) for name, e in space.items()}
    if given is not None and given != declared["space"]:
        raise ConflictError(
            f"study {study_id!r} was declared with another space, {declared['space']!r}: leave "
            "space out to go on, or begin a study of another name"
        )
    return declared


def _parameters(space: object) -> tuple[Parameter, ...]:
    assert isinstance(space, Mapping)
    if not 1 <= len(space) <= MAX_PARAMETERS:
        raise InvalidInputError(
            f"a space of {len(space)} parameters cannot be tuned: give 1 to {MAX_PARAMETERS}"
        )
    found = []
    for name, ends in space.items():
        sound = len(ends) in (2, 3) and all(abs(one) < MAX_VALUE for one in ends)
        if not sound or not ends[0] < ends[1]:
            raise InvalidInputError(
                f"parameter {name!r} goes from {list(ends)!r}: give [low, high] with low < high, "
                "and a step as third number where only some values can be"
            )
        step = ends[2] if len(ends) == 3 else None
        if step is not None and not 0 < step <= ends[1] - ends[0]:
            raise InvalidInputError(
                f"the step {step!r} of parameter {name!r} must be above 0 and fit in its range"
            )
        found.append(Parameter(name=name, low=ends[0], high=ends[1], step=step))
    return tuple(found)


def _told(
    study_id: str,
    known: Records,
    results: Mapping[str, Sequence[float]],
) -> dict[int, str]:
    """The results that are new, as they are recorded."""
    fresh = {}
    for name, given in results.items():
        if not name.isascii() or not name.isdigit() or ("ask", int(name)) not in known:
            raise InvalidInputError(
                f"study {study_id!r} has asked for no trial {name!r}: tell the trial that "
                "tune_parameters gave"
            )
        bad = len(given) != 2 or not all(abs(one) < MAX_VALUE for one in given)
        if bad or not given[1] > 0:
            raise InvalidInputError(
                f"the result {list(given)!r} of trial {name} cannot be: give its mean and its "
                "standard error, above 0"
            )
        content = json.dumps([float(one) for one in given])
        before = known.get(("tell", int(name)))
        if before is not None and before != content:
            raise ConflictError(
                f"trial {name} of study {study_id!r} was told as {before} and stays so"
            )
        if before is None:
            fresh[int(name)] = content
    return fresh


def _rng(*parts: object) -> np.random.Generator:
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
