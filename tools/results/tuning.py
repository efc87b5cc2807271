"""The answers of ``tune_parameters`` and ``evolve_variants``."""

from pydantic import Field

from neonblue.tools.results.figure import Answer, Figure


class BestSetting(Answer):
    """The setting that is believed to be best; not the luckiest trial."""

    settings: dict[str, Figure]
    mean: Figure
    standard_error: Figure


class Tuning(Answer):
    """The trial to run next."""

    study_id: str
    trial: int | None
    settings: dict[str, Figure]
    evaluations: int
    best: BestSetting | None
    next_step: str


class EvolvedSetting(Answer):
    """A variant to try."""

    settings: dict[str, Figure]
    parents: list[int] = Field(description="trials")
    chance_to_win: Figure = Field(description="against the best setting so far, by the study")


class Evolved(Answer):
    """The next generation, likeliest first."""

    study_id: str
    variants: list[EvolvedSetting]
