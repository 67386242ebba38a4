"""What `equipoise stats` computes: the functions of `equipoise.statistics`, each under its name.

A name is listed under the module that holds it. Nothing is imported here, so that a list of names
costs nothing; `function` imports the one module that is asked for.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from equipoise.errors import BadInput

BY_MODULE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "proportion": ("fisher_exact_p", "chi_square"),
        "binomial_interval": (
            "clopper_pearson",
            "blaker",
            "mid_p",
            "wilson",
            "wilson_corrected",
            "jeffreys",
            "agresti_coull",
            "binomial_p",
        ),
        "risk_difference": (
            "risk_difference_wald",
            "risk_difference_wald_corrected",
            "risk_difference_newcombe",
            "risk_difference_newcombe_corrected",
            "risk_difference_agresti_caffo",
            "risk_difference_miettinen_nurminen",
            "risk_difference_mee",
        ),
        "risk_ratio": ("risk_ratio_katz", "risk_ratio_koopman", "risk_ratio_miettinen_nurminen"),
        "odds_ratio": (
            "odds_ratio_woolf",
            "odds_ratio_haldane_anscombe",
            "odds_ratio_miettinen_nurminen",
            "odds_ratio_conditional",
            "odds_ratio_mid_p",
            "odds_ratio_min_likelihood",
            "odds_ratio_blaker",
            "blaker_p",
        ),
        "effect_heterogeneity": ("homogeneity", "gail_simon", "risk_difference_interaction"),
        "stratified": (
            "mantel_haenszel",
            "mantel_haenszel_test",
            "exact_stratified_p",
            "odds_ratio_stratified",
            "conditional_logistic",
            "breslow_day",
        ),
        "stratified_risk": ("risk_difference_mantel_haenszel", "risk_ratio_mantel_haenszel"),
        "logistic": ("logistic_fit", "logistic_effect"),
        "cox": ("cox_fit", "cox_effect"),
        "firth_cox": ("firth_cox_effect",),
        "proportional_hazards": ("proportional_hazards", "schoenfeld_residuals"),
        "concordance": ("concordance",),
        "kaplan_meier": (
            "kaplan_meier",
            "survival_interval",
            "survival_at",
            "survival_quantile",
            "normal_quantile_of_survival",
        ),
        "restricted_mean": ("restricted_mean", "restricted_mean_contrast"),
        "log_rank": ("log_rank",),
        "weighted_log_rank": ("weighted_log_rank",),
        "cumulative_incidence": ("cumulative_incidence",),
        "gray_test": ("gray_test",),
        "fine_gray": ("fine_gray_fit", "fine_gray_effect"),
        "power": (
            "two_proportions_size",
            "two_proportions_power",
            "critical_difference",
            "exact_power",
            "exact_size",
            "exact_group_sizes",
        ),
        "rejection": ("rejection_region", "boschloo_p", "barnard_p"),
        "interaction": ("interaction_power", "interaction_size"),
        "interaction_exact": ("interaction_exact_power",),
        "survival_size": (
            "events_needed",
            "events_power",
            "survival_size",
            "survival_power",
            "event_probability",
            "expected_events",
            "time_of_events",
            "hazard_of_median",
            "hazard_of_share",
        ),
        "single_arm": ("single_stage_rule", "single_stage_designs"),
        "two_stage": ("simon_designs", "two_stage_characteristics"),
        "spending": ("error_spent",),
        "group_sequential": (
            "group_sequential_design",
            "critical_values",
            "stopping_probabilities",
        ),
        "adaptive_test": ("adaptive_test", "combined_p"),
        "interim": (
            "monitored_critical_values",
            "conditional_power",
            "predictive_power",
            "stopping_look",
        ),
        "sequential_inference": ("sequential_result",),
        "graphical_test": (
            "graphical_test",
            "holm_graph",
            "fixed_sequence_graph",
            "fallback_graph",
        ),
        "agreement": ("kappa", "specific_agreement"),
        "discrimination": ("roc_curve", "roc_area", "roc_area_difference", "optimal_cut_point"),
        "subpopulations": ("sliding_windows", "windowed_difference"),
    }
)
"""The names of each module of `equipoise.statistics`, in the order in which they are listed."""

NOT_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "check_table": "refuses a table that cannot be; computes nothing",
        "checked_level": "refuses a level that cannot be; computes nothing",
        "checked_information": "refuses looks that cannot be; computes nothing",
        "given_limits": "refuses limits that cannot be; computes nothing",
        "first_stop": "the core of stopping_look",
        "z_of_p": "the core of combined_p",
        "combined_z": "the core of combined_p",
        "intersection_p": "the core of adaptive_test",
        "closed_rejections": "the core of adaptive_test",
        "fall": "the core of graphical_test",
        "pass_on": "the core of graphical_test",
        "size_of_region": "the last step of exact_size: it takes a table of decisions",
        "log_rank_of": "the last step of log_rank",
        "check_rates": "refuses rates that cannot be; computes nothing",
        "normal_quantile": "a building block of intervals",
        "falling_root": "a building block of intervals: it takes a function",
        "check_count": "refuses a count that cannot be; computes nothing",
        "unbounded_root": "a building block of intervals: it takes a function",
        "score_limits": "a building block of intervals: it takes a function",
        "log_binomial": "a building block of exact intervals",
        "table_counts": "a building block of exact intervals",
        "fitted_count": "a building block of score intervals",
        "checked_strata": "refuses counts that cannot be; computes nothing",
        "tail": "a chi-square tail, the last step of the tests of cox_effect",
        "wald_p": "the last step of cox_effect and of the simulator",
    }
)
"""Public functions of the listed modules that have no name here, each with the reason."""

MODULE_OF: Mapping[str, str] = MappingProxyType(
    {name: module for module, names in BY_MODULE.items() for name in names}
)


def function(name: str) -> Callable[..., object]:
    """The function under a name of the list. BadInput tells the names that are near.

    >>> function("wilson")(3, 10).estimate
    0.3
    """
    if name not in MODULE_OF:
        near = difflib.get_close_matches(name, MODULE_OF, n=3)
        hint = f"perhaps {' or '.join(near)} is meant; " if near else ""
        raise BadInput(
            f"{hint}`equipoise stats` lists {len(MODULE_OF)} names", field="NAME", found=name
        )
    module = importlib.import_module(f"equipoise.statistics.{MODULE_OF[name]}")
    found: Callable[..., object] = getattr(module, name)
    return found
