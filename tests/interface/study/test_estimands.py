"""Every analysis of MGMT-NET names its estimand, whole (ICH E9(R1))."""

from __future__ import annotations

import pytest

from equipoise.study.analysis_plan import BinaryEndPoint, Estimand
from equipoise.study.definition import Study
from equipoise.study.load import load_study

STUDY = load_study("mgmt-net")
ESTIMANDS = {estimand.code: estimand for estimand in STUDY.analysis.estimands}


@pytest.mark.requirement("ES1")
@pytest.mark.parametrize("estimand", ESTIMANDS.values(), ids=ESTIMANDS)
def test_an_estimand_says_what_happens_after_randomisation(estimand: Estimand) -> None:
    end_point = next(e for e in STUDY.analysis.end_points if e.code == estimand.end_point)
    needed = {"switch_of_therapy", "surgery_on_tumour", "prrt", "death"}
    if end_point.code != "os":
        needed.add("missing_scan")
    if isinstance(end_point, BinaryEndPoint) and end_point.read == "response_window":
        needed.add("early_progression")
    handled = {event.event: event for event in estimand.intercurrent_events}
    assert needed <= set(handled)
    assert all(event.handling for event in handled.values())
    assert estimand.summary_measure
    assert estimand.status_basis in estimand.population, "who has no status cannot be grouped"


@pytest.mark.requirement("ES1")
def test_every_estimand_is_estimated_and_every_analysis_has_one() -> None:
    used = [analysis.estimand for analysis in STUDY.analysis.analyses]
    assert set(used) == set(ESTIMANDS)


@pytest.mark.requirement("ES1")
def test_the_primary_comparison_is_repeated_with_the_status_as_redetermined() -> None:
    def compared(study: Study, basis: str) -> set[tuple[str, str | None]]:
        return {
            (analysis.estimate, analysis.denominator)
            for analysis in study.analysis.analyses
            if analysis.estimand.startswith("response_3_months")
            and ESTIMANDS[analysis.estimand].status_basis == basis
            and ESTIMANDS[analysis.estimand].status_rule == "jco-2024"
            and [group.label for group in analysis.groups]
            == ["DEFICIENT, ALKY", "PROFICIENT, ALKY"]
        }

    both = {(e, d) for e in ("odds_ratio", "risk_difference") for d in ("evaluable", "all")}
    assert compared(STUDY, "as_randomised") == compared(STUDY, "as_redetermined") == both


def test_the_primary_analysis_is_that_of_the_protocol() -> None:
    (primary,) = (each for each in STUDY.analysis.analyses if each.role == "primary")
    estimand = ESTIMANDS[primary.estimand]
    assert [(g.statuses, g.arms) for g in primary.groups] == [
        (("DEFICIENT",), ("ALKY",)),
        (("PROFICIENT",), ("ALKY",)),
    ]
    assert (primary.method, primary.side, primary.interval) == (
        "fisher",
        "two_sided",
        "conditional_exact",
    )
    assert (estimand.status_basis, estimand.status_rule) == ("as_randomised", "jco-2024")


def test_reconstructions_are_labelled_and_never_called_the_trials_method() -> None:
    one_sided = [each for each in STUDY.analysis.analyses if each.side in ("greater", "less")]
    assert len(one_sided) == 2
    for analysis in one_sided:
        assert analysis.role == "sensitivity"
        assert analysis.post_hoc and analysis.reconstruction
        assert analysis.assumption is not None and "Our reconstruction" in analysis.assumption
