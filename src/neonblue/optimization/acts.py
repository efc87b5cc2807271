"""What may be done to an experiment, as an exact value that can be digested and signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from neonblue.errors import InvalidInputError

ActKind = Literal[
    "start",
    "pause",
    "resume",
    "stop",
    "conclude",
    "roll_out",
    "roll_back",
    "archive",
    "set_weights",
]
ActorKind = Literal["agent", "loop", "healing", "person"]

EASING: frozenset[ActKind] = frozenset({"pause", "stop", "roll_back"})
"""Acts that only take treatments away from users: what a person in a hurry wants to happen."""
MAX_ARGUMENT_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks. The kind is what the code path is, never what a caller says of itself."""

    kind: ActorKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else self.kind


@dataclass(frozen=True, kw_only=True)
class Act:
    """One exact act on one experiment in one state, under one policy.

    ``arguments`` is JSON; what policies read of it: ``weights`` (variant → share),
    ``traffic_fraction`` (share of all units that take part), ``holdout_fraction``, and for
    roll_out ``fraction`` (share of units that get the winner). ``state_version`` counts the
    changes of the experiment; an act is void once that has moved on.
    """

    kind: ActKind
    experiment_id: str
    arguments: Mapping[str, Any]
    state_version: int
    policy_version: str

    def __post_init__(self) -> None:
        if self.kind not in get_args(ActKind):
            raise InvalidInputError(
                f"{self.kind!r} is not an act: use one of {', '.join(get_args(ActKind))}"
            )
        # A copy, so that what was digested cannot change any more.
        object.__setattr__(self, "arguments", json.loads(canonical(self.arguments)))

    @property
    def text(self) -> str:
        """The act as canonical JSON (RFC 8785)."""
        return canonical(
            {
                "kind": self.kind,
                "experiment_id": self.experiment_id,
                "arguments": self.arguments,
                "state_version": self.state_version,
                "policy_version": self.policy_version,
            }
        )

    def digest(self) -> str:
        """SHA-256 of ``text``: what an approval is bound to."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def read(cls, text: str) -> Act:
        """The act in a text that ``text`` wrote. Raises ``InvalidInputError`` for any other."""
        try:
            read = json.loads(text)
            act = cls(**read)
        except (ValueError, TypeError) as error:
            raise InvalidInputError(f"{text[:80]!r} is no act: ask for it again") from error
        if act.text != text:
            raise InvalidInputError(f"{text[:80]!r} is not as an act is kept: ask for it again")
        return act


def canonical(value: Any) -> str:
    """Canonical JSON, RFC 8785. Raises ``InvalidInputError`` for what JSON cannot hold."""
    import rfc8785

    try:
        text = rfc8785.dumps(_plain(value)).decode()
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise InvalidInputError(
            f"the arguments cannot be written as JSON ({error}): use texts, finite numbers, true, "
            "false, null, lists and objects"
        ) from error
    if len(text) > MAX_ARGUMENT_BYTES:
        raise InvalidInputError(
            f"the arguments are {len(text):,} bytes of JSON, over {MAX_ARGUMENT_BYTES:,}: say less"
        )
    return text


def _plain(value: Any) -> Any:
    """Mappings and sequences as the ones that JSON has."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
