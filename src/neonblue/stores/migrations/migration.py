"""One named step of the schema."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """``statements`` run in order and must be safe to run again after a crash half-way."""

    name: str
    statements: tuple[str, ...]
