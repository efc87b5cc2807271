"""A day or a moment as an argument: ``2026-10-01``, or with a time; UTC where no zone is given."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Day = Annotated[
    datetime, AfterValidator(_in_utc), WithJsonSchema({"type": "string", "format": "date"})
]
