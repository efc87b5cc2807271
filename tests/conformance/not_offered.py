"""What the cases have and nothing of ours computes, with the reason: never called conformant."""

WALD_WITH_COVARIATE = (
    "gbstats' error of a lift over the unadjusted control mean: our lift is over the adjusted one, "
    "with limits on the log scale"
)

CASES = {
    "evan_miller_sample_size": "his calculator takes the baseline's variance for the null's; ours "
    "pools both variants', which asks for 6 % more units here",
}
"""Reason by case id."""

NUMBERS = {
    "cuped_rel_gb": ({"se", "ci", "p"}, WALD_WITH_COVARIATE),
    "ratio_cuped_rel_gb": ({"se", "ci", "p"}, WALD_WITH_COVARIATE),
}
"""Of cases whose other numbers are checked: the names that are not, and the reason."""
