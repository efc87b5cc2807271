"""Number and text types of every answer: ten significant digits, and people's words fenced."""

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

from neonblue.models.written_text import fenced

SIGNIFICANT_DIGITS = 10


def _rounded(value: float | None) -> float | None:
    """Ten significant digits; what JSON cannot carry (inf, NaN) becomes null."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


Figure = Annotated[float, PlainSerializer(_rounded, return_type=float | None)]
Fenced = Annotated[str, PlainSerializer(fenced, return_type=str)]


class Answer(BaseModel):
    """The root of every answer of a tool."""

    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)
