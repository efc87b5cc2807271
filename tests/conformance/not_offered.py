"""What the cases have and nothing of ours computes, with the reason: never called conformant."""

SMALL_COUNTS = (
    "below a hundred units in a variant nothing is read, above it the z-test keeps its error "
    "(ADR 0008)"
)
OTHER_SEQUENCES = "every tool reads the one sequence on the plan boundary (ADR 0004)"
RULE_OF_THUMB = "a rule of thumb: sizes here come from the power itself"
ONE_ADJUSTMENT = "the covariate is used in one way, CUPED with theta from all units"
LEARNT_PRIOR = (
    "beliefs are of the log of the ratio of means, under a prior learnt from past lifts "
    "(stats.lift_prior), which none of these tools has"
)
WALD_WITH_COVARIATE = (
    "gbstats' error of a lift over the unadjusted control mean: our lift is over the adjusted one, "
    "with limits on the log scale"
)

CASES = {
    "prop_yates": SMALL_COUNTS,
    "prop_ci_newcomb": SMALL_COUNTS,
    "prop_ci_score": SMALL_COUNTS,
    "prop_ci_agresti-caffo": SMALL_COUNTS,
    "prop_fisher_small": SMALL_COUNTS,
    "prop_barnard_small": SMALL_COUNTS,
    "ancova_lin": ONE_ADJUSTMENT,
    "ratio_cuped_rel_gb": f"{ONE_ADJUSTMENT}; {WALD_WITH_COVARIATE}",
    "bernoulli_cs_520_1000": OTHER_SEQUENCES,
    "lindon_av_t": OTHER_SEQUENCES,
    "evan_miller_sample_size": "his calculator takes the baseline's variance for the null's; ours "
    "pools both variants', which asks for 6 % more units here",
    "kohavi_16_conversion": RULE_OF_THUMB,
    "kohavi_16_revenue": RULE_OF_THUMB,
    "gb_bayes_flat_rel": LEARNT_PRIOR,
    "gb_bayes_prior_rel": LEARNT_PRIOR,
    "gb_bayes_shrunk_prop": LEARNT_PRIOR,
    "gb_risk_values": LEARNT_PRIOR,
    "beta_small": LEARNT_PRIOR,
    "normal_pbest_3": "no tool says which of several variants is likeliest to be best",
    "gb_quantile_clustered_var": "a quantile is over units, each with one value: nothing is "
    "clustered",
}
"""Reason by case id."""

NUMBERS = {
    "cuped_rel_gb": ({"se", "ci", "p"}, WALD_WITH_COVARIATE),
}
"""Of cases whose other numbers are checked: the names that are not, and the reason."""
