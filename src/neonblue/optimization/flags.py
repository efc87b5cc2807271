"""Experiments as feature flags, as OpenFeature's remote evaluation protocol (OFREP) has them.

A flag is an experiment, its value the variant's ``value`` or else its id. A unit that takes no part
gets an answer without a value, so that the client's own default holds. What HTTP carries is here;
how, is for the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from neonblue.errors import InvalidInputError, NeonBlueError, NotFoundError
from neonblue.optimization.assignment import AssignmentReason

if TYPE_CHECKING:
    from neonblue.models import Experiment
    from neonblue.optimization.assigner import Assignable, Assigner
    from neonblue.optimization.assignment import Assignment
    from neonblue.optimization.exposure_log import ExposureLog

ErrorCode = Literal[
    "PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND", "GENERAL"
]

TARGETING_KEY = "targetingKey"
RECORD_EXPOSURE = "recordExposure"
"""The context's own switch: this evaluation is shown to the unit, so record its exposure."""
MAX_UNIT_LENGTH = 256
OK, BAD_REQUEST, NOT_FOUND = 200, 400, 404
REASONS: Mapping[AssignmentReason, str] = {
    "split": "SPLIT",
    "exposed": "SPLIT",
    "rolled_out": "STATIC",
    "holdout": "DEFAULT",
    "layer": "DEFAULT",
    "targeting": "DEFAULT",
    "not_running": "DISABLED",
}
ENDED = frozenset({"draft", "stopped", "concluded", "archived"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagAnswer:
    """An HTTP status and the JSON object that goes with it."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagContext:
    """Who asks: the unit, its properties, and whether an exposure is to be recorded."""

    unit: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    record: bool = False


class FlagContextError(InvalidInputError):
    """A request whose context cannot be used, with the protocol's code for it."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_context(body: bytes) -> FlagContext:
    """The evaluation context of a request's body; ``FlagContextError`` when there is none."""
    import msgspec

    try:
        request = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FlagContextError("PARSE_ERROR", f"the body is no JSON: {error}") from error
    context = request.get("context") if isinstance(request, dict) else None
    if not isinstance(context, dict):
        if isinstance(request, dict) and context is None:
            raise FlagContextError("TARGETING_KEY_MISSING", _missing_key())
        raise FlagContextError(
            "INVALID_CONTEXT", 'the body is no request: send {"context": {"targetingKey": "…"}}'
        )
    return context_of(context)


def context_of(context: Mapping[str, Any]) -> FlagContext:
    """The unit and its properties in an evaluation context."""
    unit, record = context.get(TARGETING_KEY), context.get(RECORD_EXPOSURE, False)
    if unit is None or unit == "":
        raise FlagContextError("TARGETING_KEY_MISSING", _missing_key())
    if not isinstance(unit, str) or len(unit) > MAX_UNIT_LENGTH:
        raise FlagContextError(
            "INVALID_CONTEXT",
            f"targetingKey {str(unit)[:40]!r} is no unit's id: give a text of at most "
            f"{MAX_UNIT_LENGTH} characters",
        )
    if not isinstance(record, bool):
        raise FlagContextError(
            "INVALID_CONTEXT", f"{RECORD_EXPOSURE} is {record!r}: give true or false"
        )
    own = (TARGETING_KEY, RECORD_EXPOSURE)
    properties = {name: value for name, value in context.items() if name not in own}
    return FlagContext(unit=unit, properties=properties, record=record)


def evaluate_flag(
    assigner: Assigner, key: str, context: FlagContext, log: ExposureLog | None = None
) -> FlagAnswer:
    """One flag for one unit; its exposure goes to ``log`` when the context asks for that."""
    try:
        assignable = assigner.get(key)
    except NotFoundError as error:
        return failure(NOT_FOUND, "FLAG_NOT_FOUND", str(error), key)
    try:
        found = assigner.decide(assignable, context.unit, context.properties)
    except InvalidInputError as error:
        return failure(BAD_REQUEST, "INVALID_CONTEXT", str(error), key)
    return answered(assignable, context, found, log)


def evaluate_from_memory(
    assigner: Assigner, key: str, context: FlagContext
) -> tuple[Assignable, Assignment] | None:
    """The assignment, when nothing has to be asked of the store; raises ``InvalidInputError``."""
    known = assigner.fresh()
    assignable = known.get(key) if known is not None else None
    if assignable is None:
        return None
    found = assigner.decide_from_memory(assignable, context.unit, context.properties)
    return None if found is None else (assignable, found)


def answered(
    assignable: Assignable, context: FlagContext, found: Assignment, log: ExposureLog | None
) -> FlagAnswer:
    """The answer for an assignment, after its exposure was recorded where that was asked for."""
    experiment = assignable.experiment
    if context.record and log is not None and found.takes_part:
        log.record_assignment(experiment, context.unit, found, context.properties)
    return FlagAnswer(status=OK, body=_flag(experiment, found))


def evaluate_all(assigner: Assigner, context: FlagContext) -> FlagAnswer:
    """Every experiment that assigns units or is rolled out, for one unit, by key.

    A bulk evaluation fetches flags ahead: no exposure is recorded for it.
    """
    flags = []
    for key, assignable in sorted(assigner.experiments().items()):
        if assignable.experiment.status in ENDED:
            continue
        try:
            found = assigner.decide(assignable, context.unit, context.properties)
        except InvalidInputError as error:
            return failure(BAD_REQUEST, "INVALID_CONTEXT", str(error))
        flags.append(_flag(assignable.experiment, found, key))
    return FlagAnswer(status=OK, body={"flags": flags})


def failure(status: int, code: ErrorCode, details: str, key: str | None = None) -> FlagAnswer:
    """An error in the protocol's shape; with a key for a single flag."""
    named = {} if key is None else {"key": key}
    return FlagAnswer(status=status, body={**named, "errorCode": code, "errorDetails": details})


def unavailable(error: NeonBlueError) -> FlagAnswer:
    """The answer while the store cannot be read."""
    return FlagAnswer(status=503, body={"errorCode": "GENERAL", "errorDetails": str(error)})


def _flag(experiment: Experiment, found: Assignment, key: str | None = None) -> dict[str, Any]:
    variant = found.variant
    body: dict[str, Any] = {
        "key": key or experiment.experiment_id,
        "reason": REASONS[found.reason],
        "variant": "" if variant is None else variant.variant_id,
        "metadata": {
            "assignment": found.reason,
            "status": experiment.status,
            "version": experiment.version,
        },
    }
    if variant is not None:
        body["value"] = variant.variant_id if variant.value is None else variant.value
    return body


def _missing_key() -> str:
    return 'the context has no targetingKey: send {"context": {"targetingKey": "the unit\'s id"}}'
