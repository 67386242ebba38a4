"""Who is analysed, and with which status."""

from __future__ import annotations

import polars as pl
import pytest

from equipoise.analysis.populations import member, population_item, status
from equipoise.errors import BadInput
from equipoise.study.analysis_plan import Population
from tests.harness.hand_made import Subject, trial

TABLES = trial(
    Subject("a", status="LOW"),
    Subject("b", status="LOW", redetermined="HIGH", first_dose=None),
    Subject("c", arm=None, status=None, failure="declined", first_dose=None),
    Subject("d", arm=None, status="HIGH", failure="not_eligible", first_dose=None),
    Subject("e", status="HIGH", withdrawn=30),
)


def items(rule: str = "rule-2") -> pl.DataFrame:
    return population_item(TABLES, status_rule=rule)


def population(expression: str) -> Population:
    return Population.model_validate(
        {"code": "these", "label": {"en": "These"}, "expression": expression}
    )


def test_every_screened_subject_has_a_row() -> None:
    assert items()["subject"].to_list() == ["a", "b", "c", "d", "e"]
    assert items()["randomised"].to_list() == [True, True, False, False, True]
    assert items()["treated"].to_list() == [True, False, False, False, True]
    assert items()["consent_withdrawn"].to_list() == [False, False, False, False, True]
    assert items()["arm"].to_list() == ["A", "A", None, None, "A"]


def test_a_status_is_as_randomised_or_as_redetermined() -> None:
    assert items()["status_as_randomised"].to_list() == ["LOW", "LOW", None, "HIGH", "HIGH"]
    assert items()["status_as_redetermined"].to_list() == ["LOW", "HIGH", None, "HIGH", "HIGH"]
    assert items()["status_known_as_randomised"].to_list() == [True, True, False, True, True]


def test_the_status_as_randomised_survives_a_later_correction_of_the_assay() -> None:
    corrected = dict(TABLES)
    derived = TABLES["marker_status"]
    corrected["marker_status"] = derived.with_columns(
        pl.when(pl.col("basis") == "randomisation").then(pl.lit("HIGH")).otherwise("status")
        .alias("status")
    )  # fmt: skip
    found = status(corrected, "rule-2", "as_randomised").rows_by_key("subject", named=True)
    assert found["a"][0]["status"] == "LOW"
    assert found["d"][0]["status"] == "HIGH"


def test_another_version_of_the_rule_is_derived_not_taken_from_the_allocation() -> None:
    assert items("rule-1")["status_as_randomised"].to_list() == ["LOW", "LOW", None, "LOW", "LOW"]


def test_sources_are_the_events_that_decided() -> None:
    found = items().rows_by_key("subject", named=True)["a"][0]
    events = {
        name: TABLES[name].filter(subject="a")["seq"].to_list()
        for name in ("subject_screened", "assay_result_recorded", "randomised", "dose_given")
    }
    assert found["sources"] == sorted(seq for seqs in events.values() for seq in seqs)
    assert found["sources"] == sorted(set(found["sources"]))


@pytest.mark.parametrize("item", ["amount", "administrations"])
def test_a_dose_of_which_nothing_was_given_says_nothing_of_treatment(item: str) -> None:
    doses = TABLES["dose_given"]
    nothing = doses.filter(subject="a").with_columns(
        pl.lit(0, dtype=doses.schema[item]).alias(item), seq=pl.lit(9_999, dtype=pl.Int64)
    )
    both = {**TABLES, "dose_given": pl.concat([doses, nothing])}
    found = population_item(both, status_rule="rule-2")
    assert found["sources"].to_list() == items()["sources"].to_list()


def test_a_population_is_an_expression() -> None:
    treated = member(items(), population("treated AND NOT consent_withdrawn"))
    assert treated.to_list() == [True, False, False, False, False]
    assert member(items(), population("arm = 'A'")).to_list() == [True, True, False, False, True]


def test_an_expression_that_reads_something_else_is_refused() -> None:
    with pytest.raises(BadInput, match="weight"):
        member(items(), population("weight > 3"))
