"""One named step of the schema."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """``statements`` run in order and must be safe to run again after a crash half-way.

    With ``only_on_servers`` they do not run on the engine in this process.
    """

    name: str
    statements: tuple[str, ...]
    only_on_servers: bool = False
