"""Time as information: where a sequence stands when evidence grows without new units.

Under the null the estimate in standard errors is a Brownian motion in the information that has
come, not in the units. Where every unit's value is there at once the two are the same. Where
values come later (conversions of accounts that were all mailed on one day) information goes on
growing while units stand still, and a boundary in units is crossed by chance.

The information that a unit carries is i = m^2 / v, with m and v of both variants together: for a
proportion the odds p / (1 - p), for counts the rate. It is the time in which z is Brownian
whenever *when* a value comes has nothing to do with *how large* it is, because then
cov(y_j, y_k) = v_k m_j / m_k for an earlier look j and a later k, so that

    corr(z_j, z_k)^2 = (n_j m_j^2 / v_j) / (n_k m_k^2 / v_k)

(Scharfstein, Tsiatis and Robins 1997, "Semiparametric efficiency and its implication on the design
and analysis of group-sequential studies": increments are independent in information). Values of
both signs have no such mean to lean on, and i = v: sums with independent increments.

The plan says units, so information has to be put into units. It is read from both variants
together, which says nothing of their difference, and only ever twice: at the first look (for the
mixture, which is valid from anywhere on) and when half of the planned units have come and the
minimum duration is over (for the plan's end). From then on the plan's time is n times the growth
of i since, beyond what sampling and a quarter more explain. Where units had long stopped coming by
then, only information can still grow, and the plan's part has room for four times as much. Until
the minimum duration is over the plan's part lets nothing pass below ``LEAST_EARLY_CRITICAL``
standard errors, whatever n is: the chance that |z| ever passes 4 while information grows thirtyfold
is 0.2 %.
All of it is ours; error rates and power are by simulation (benchmarks.late_conversions).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.stats.effect import squared_variation
from neonblue.stats.sequential_boundary import critical_score, plan_ratio

SETTLED_FRACTION = 0.5
"""Share of the planned units at which a unit's information is taken for the plan's end."""
TOLERATED_GROWTH = 1.25
"""Growth of a unit's information that is not counted: units of steady traffic ripen too."""
SAMPLING_ERRORS = 2.0
"""And so many standard errors of its logarithm."""
LEAST_EARLY_CRITICAL = 4.0
RATIO_WITHOUT_UNITS = 4.0
"""Growth of information that the plan's part has room for where units had long stopped coming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitInformation:
    """What a unit carried (``information``, i) when ``n`` units had come, in both variants.

    ``units_ended`` says that by then no unit had come for half of the time.
    """

    n: float
    information: float
    units_ended: bool = False

    @property
    def log_error(self) -> float:
        """Standard error of log i: 1 / sqrt(effective units), Kish's as in ``effective_units``."""
        effective = self.n * self.information / (1.0 + self.information)
        return 1.0 / math.sqrt(effective) if effective > 0.0 else math.inf


def unit_information(
    *,
    n_control: float,
    mean_control: float,
    variance_control: float,
    n_treatment: float,
    mean_treatment: float,
    variance_treatment: float,
    nonnegative: bool,
) -> UnitInformation:
    """What a unit carries now: m^2 / v of both variants together, v where values may be negative.

    Scharfstein, Tsiatis, Robins (1997): information is 1 / the variance of the estimate; here of
    the mean relative to itself, i = m^2 / v a unit.
    """
    n = n_control + n_treatment
    mean = (n_control * mean_control + n_treatment * mean_treatment) / n
    variance = (n_control * variance_control + n_treatment * variance_treatment) / n
    if not nonnegative:
        return UnitInformation(n=n, information=max(variance, 0.0))
    if mean <= 0.0 or variance <= 0.0:
        return UnitInformation(n=n, information=0.0)
    return UnitInformation(n=n, information=1.0 / float(squared_variation(variance, mean)))


def growth(now: UnitInformation, then: UnitInformation | None) -> float:
    """How many times more a unit carries than ``then``, as far as it is sure; at least 1.

    Ours: max(1, i_now / i_then exp(-2 se) / 1.25), se of the logarithm of the ratio.
    """
    if then is None or then.information <= 0.0 or now.information <= 0.0:
        return 1.0
    error = math.hypot(now.log_error, then.log_error)
    sure = math.exp(-SAMPLING_ERRORS * min(error, 100.0))
    return max(1.0, now.information / then.information * sure / TOLERATED_GROWTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceTime:
    """Where a sequence stands, in units: ``plan_n`` on the plan's way, ``mixture_n`` on its own.

    ``maximum_n`` as ``sequential_boundary`` has it.
    """

    plan_n: float
    mixture_n: float
    maximum_n: float | None


def sequence_time(
    now: UnitInformation,
    *,
    first: UnitInformation | None,
    settled: UnitInformation | None,
    early: bool,
    planned_n: float,
    maximum_n: float | None,
    alpha: float,
    progress: float = 1.0,
) -> SequenceTime:
    """The time of this look; ``first`` and ``settled`` are what was read at those two looks.

    ``early`` says that the minimum duration is not over. ``progress`` is that of a part of the
    units over that of all: 1 for a segment whose share is what it was at the first look.

    Ours: plan_n = n growth(settled), mixture_n = n growth(first) by the module's rules; before the
    plan's end is settled plan_n <= N* (c / 4)^2 while early (Siegmund's c, ``critical_score``).
    """
    mixture_n = progress * now.n * growth(now, first)
    if maximum_n == math.inf:
        return SequenceTime(plan_n=mixture_n, mixture_n=mixture_n, maximum_n=maximum_n)
    if settled is not None and settled.units_ended:
        ratio = max(plan_ratio(planned_n, maximum_n), RATIO_WITHOUT_UNITS)
        maximum_n = ratio * planned_n
    plan_n = progress * now.n * growth(now, settled)
    if settled is None and early:
        score = critical_score(alpha=alpha * 0.9, maximum_ratio=plan_ratio(planned_n, maximum_n))
        plan_n = min(plan_n, planned_n * (score / LEAST_EARLY_CRITICAL) ** 2)
    return SequenceTime(plan_n=plan_n, mixture_n=mixture_n, maximum_n=maximum_n)
