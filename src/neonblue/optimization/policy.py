"""What may be done without asking: a policy that a person writes in TOML."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import date, datetime, time
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from neonblue.errors import InvalidInputError
from neonblue.optimization.acts import EASING, ActKind, canonical

Autonomy = Literal["shadow", "propose", "guarded", "autonomous"]
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Need = Literal["nobody", "person", "never"] | Names
Share = Annotated[float, Field(ge=0, le=1)]
QUIET = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
MINUTES_A_DAY = 24 * 60


class Part(BaseModel):
    """A table of the file: a key that is not known is an error, not a wish."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Limits(Part):
    """Bounds. The first four are never crossed; the budgets only with a person's approval.

    Shares and risks are fractions. ``traffic_budget`` bounds the share of all units that see a
    treatment, over all experiments started here; ``risk_budget`` the fraction of the primary
    metric that could be lost if every interval's harmful end were true.
    """

    max_running: Annotated[int, Field(ge=0)] = 20
    min_variant_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    holdout_floor: Annotated[float, Field(ge=0, lt=1)] = 0.0
    incubation_days: Annotated[float, Field(ge=0)] = 1.0
    traffic_budget: Annotated[float, Field(ge=0)] | None = None
    risk_budget: Annotated[float, Field(ge=0)] | None = None


class ApprovalTerms(Part):
    """How long a request waits and an approval holds, and how many may wait at once."""

    valid_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 24.0
    max_pending: Annotated[int, Field(ge=1, le=1000)] = 50


class Preapproval(Part):
    """Acts that a signed policy allows beforehand, until a day; ``*`` stands for any letters."""

    kinds: Annotated[tuple[ActKind, ...], Field(min_length=1)]
    experiments: Annotated[tuple[str, ...], Field(min_length=1)]
    until: date

    def covers(self, kind: ActKind, experiment_id: str, day: date) -> bool:
        """Whether the act is one of these, on a day that is not too late."""
        named = any(fnmatchcase(experiment_id, pattern) for pattern in self.experiments)
        return kind in self.kinds and named and day <= self.until


class Policy(Part):
    """The whole file. Without one, whatever cannot be taken back needs a person."""

    autonomy: Autonomy = "propose"
    timezone: str = "UTC"
    quiet_hours: tuple[str, ...] = ()
    limits: Limits = Limits()
    never_fall: dict[str, Share] = Field(default_factory=dict)
    needs: dict[ActKind, Need] = Field(default_factory=dict)
    approval: ApprovalTerms = ApprovalTerms()
    preapproved: tuple[Preapproval, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no time zone, e.g. Europe/Berlin") from error
        return name

    @field_validator("quiet_hours")
    @classmethod
    def _readable_hours(cls, hours: tuple[str, ...]) -> tuple[str, ...]:
        for text in hours:
            _span(text)
        return hours

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        if faults := [*_contradictions(self)]:
            raise ValueError("; ".join(faults))
        return self

    @property
    def content_digest(self) -> str:
        """SHA-256 of what the policy says, however the file is laid out."""
        return hashlib.sha256(canonical(self.plain()).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """The policy as JSON values: what the audit log keeps."""
        return self.model_dump(mode="json")

    def is_quiet(self, moment: datetime) -> bool:
        """Whether nobody is there to mind what is begun now."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        return any(minute in _minutes(text) for text in self.quiet_hours)

    def day(self, moment: datetime) -> date:
        """The day it is where the policy holds."""
        return moment.astimezone(ZoneInfo(self.timezone)).date()


def read_policy(text: str, name: str = "the policy") -> Policy:
    """The policy in a TOML text.

    Raises ``InvalidInputError`` with every fault in one message: no TOML, unknown keys, values
    that cannot be, rules that contradict each other.
    """
    try:
        return Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(
            f"{name} is no TOML ({error}): mend it, see docs/approvals.md"
        ) from error
    except ValidationError as error:
        faults = "; ".join(_fault(detail) for detail in error.errors())
        raise InvalidInputError(
            f"{name} cannot be used: {faults}. Mend it and run `neonblue policy check`"
        ) from error


def _fault(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"] if not str(part).startswith("function"))
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _contradictions(policy: Policy) -> list[str]:
    limits = policy.limits
    faults = []
    if limits.min_variant_share > 0.5:
        faults.append(
            f"limits.min_variant_share {limits.min_variant_share} leaves no second variant: two "
            "variants of more than a half are more than there is"
        )
    if limits.traffic_budget is not None and limits.traffic_budget < limits.min_variant_share:
        faults.append(
            f"limits.traffic_budget {limits.traffic_budget} is less than min_variant_share "
            f"{limits.min_variant_share}, so nothing could ever start"
        )
    if limits.max_running == 0 and policy.autonomy in ("guarded", "autonomous"):
        faults.append(f"autonomy {policy.autonomy!r} with limits.max_running 0 may start nothing")
    faults += [
        f"needs.{kind} 'never' would leave nobody who can end harm"
        for kind in sorted(EASING)
        if policy.needs.get(kind) == "never"
    ]
    faults += [
        f"{kind!r} is preapproved and needs.{kind} is 'never'"
        for kind in sorted({kind for one in policy.preapproved for kind in one.kinds})
        if policy.needs.get(kind) == "never"
    ]
    if policy.autonomy == "shadow" and policy.preapproved:
        faults.append("autonomy 'shadow' does nothing, so nothing can be preapproved")
    if len({minute for text in policy.quiet_hours for minute in _minutes(text)}) == MINUTES_A_DAY:
        faults.append("quiet_hours cover the whole day")
    return faults


def _span(text: str) -> tuple[time, time]:
    found = QUIET.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        first, last = (time.fromisoformat(part) for part in found.groups())
    except ValueError:
        raise ValueError(f"{text!r} are no hours: write them like '22:00-07:00'") from None
    if first == last:
        raise ValueError(f"{text!r} is no time at all, or the whole day")
    return first, last


def _minutes(text: str) -> frozenset[int]:
    """The minutes of a day in a span, which may go over midnight."""
    first, last = (one.hour * 60 + one.minute for one in _span(text))
    if first < last:
        return frozenset(range(first, last))
    return frozenset([*range(first, MINUTES_A_DAY), *range(last)])
