"""The tables of deviations: what the rules find of each kind, and what was recorded."""

from __future__ import annotations

import datetime
from typing import Any, get_args

import polars as pl
import pytest

from equipoise.oversight.events import DeviationCategory
from equipoise.record.rule import Tables
from equipoise.report.deviations import KINDS, deviation_tables, deviations
from equipoise.study.derivation import ORDER
from equipoise.study.load import load_study
from tests.harness.hand_made import Subject, day, trial
from tests.harness.hand_made_study import TWO_BY_TWO, study

LUNG = load_study("lung-tmb")
DAY = datetime.date(2024, 3, 4)


def with_rows(tables: Tables, name: str, *rows: dict[str, Any]) -> None:
    """Put rows of a table in place, the columns that are not named empty."""
    schema = tables[name].schema
    whole = [{key: {"replicate": 0, **row}.get(key) for key in schema} for row in rows]
    tables[name] = pl.DataFrame(whole, schema=schema)


@pytest.fixture
def tables() -> Tables:
    tables = trial(Subject("a"), Subject("b", arm="B"), Subject("c", arm=None, first_dose=None))
    signed = [("a", 50), ("b", 51)]
    with_rows(
        tables, "consent_signed",
        *({"subject": who, "consent": consent.code, "version": consent.version, "seq": seq,
           "occurred": day(0)}
          for who, seq in signed for consent in LUNG.visits.consents),
    )  # fmt: skip
    return tables


def derived(tables: Tables) -> Tables:
    """The tables, with deviations derived from what stands in the others."""
    done = dict(tables)
    for rule in ORDER:
        if rule.produces in ("treatment_departure", "consent_missing", "deviation"):
            done[rule.produces] = rule.rule(done, getattr(LUNG, rule.plan))
    return done


def said(tables: Tables) -> list[tuple[str, str, str, list[int]]]:
    found = deviations(derived(tables), LUNG)
    return [*found.select("subject", "category", "finding", "sources").iter_rows()]


def test_every_kind_has_a_name() -> None:
    assert set(KINDS) == set(get_args(DeviationCategory))


def test_nothing_is_found_where_all_is_by_the_protocol(tables: Tables) -> None:
    with_rows(tables, "stratum", {"subject": "a", "differs": False, "sources": [1]},
              {"subject": "b", "differs": None, "sources": [1]})  # fmt: skip
    with_rows(tables, "visit_timeline",
              {"subject": "a", "visit": "x", "state": "done", "sources": [2]},
              {"subject": "c", "visit": "x", "state": "late", "sources": [2]})  # fmt: skip
    dose = {"subject": "a", "cycle": 1, "drug": "drug_A", "sources": [3], "decision": "full"}
    with_rows(tables, "dose_decision", {**dose, "least": 10000, "most": 10000})
    assert said(tables) == []
    found = deviation_tables(derived(tables), study(TWO_BY_TWO))
    assert found.sites.rows == [] and found.listed.rows == [] and found.windows.rows == []
    assert {text for row in found.kinds.rows for text in row.texts[:4]} == {"0"}


def test_a_stratum_that_is_another_one_now(tables: Tables) -> None:
    with_rows(tables, "stratum",
              {"subject": "a", "stratum": "LOW", "stratum_corrected": "HIGH", "differs": True,
               "sources": [7, 5]})  # fmt: skip
    finding = "randomised as LOW, by what is known now HIGH"
    assert said(tables) == [("a", "wrong_stratum", finding, [5, 7])]


def test_a_randomised_subject_who_does_not_meet_a_criterion(tables: Tables) -> None:
    row = {"decided": DAY, "differs": True, "sources": [9], "unmet_now": ["I2"], "pending_now": []}
    with_rows(
        tables, "entry_eligibility",
        {**row, "subject": "a", "decision": "randomised", "eligible_now": False},
        {**row, "subject": "b", "decision": "randomised", "eligible_now": None,
         "unmet_now": [], "pending_now": ["I3", "E1"]},
        {**row, "subject": "c", "decision": "screening_failed", "eligible_now": True},
    )  # fmt: skip
    assert [(who, kind, finding) for who, kind, finding, _ in said(tables)] == [
        ("a", "not_eligible", "randomised, and by what is known now I2 is not met"),
        ("b", "not_eligible", "randomised, and it is no longer known whether I3, E1 is met"),
    ]


def test_visits_missed_or_outside_their_window_stand_apart(tables: Tables) -> None:
    visit = next(each for each in LUNG.visits.visits if each.anchor == "cycle")
    window = {"earliest": DAY, "latest": DAY + datetime.timedelta(3), "visit": visit.code}
    with_rows(
        tables, "visit_timeline",
        {**window, "subject": "a", "instance": 2, "state": "late", "sources": [4],
         "actual": DAY + datetime.timedelta(5)},
        {**window, "subject": "b", "instance": 1, "state": "missed", "sources": [6]},
    )  # fmt: skip
    due = "due from 2024-03-04 to 2024-03-07"
    assert [finding for _, _, finding, _ in said(tables)] == [
        f"{visit.label.en} (2) late, {due}", f"{visit.label.en} (1) missed, {due}",
    ]  # fmt: skip
    found = deviation_tables(derived(tables), LUNG)
    assert found.listed.rows == []
    assert [(row.heading, row.texts[0]) for row in found.windows.rows] == [
        ("a", "2024-03-09"), ("b", "2024-03-07"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("least", "most", "rules"),
    [(8000, 8000, "80 mg"), (0, 0, "none"), (10100, 12000, "from 101 to 120 mg")],
)
def test_a_dose_that_the_rules_do_not_give(
    tables: Tables, least: int, most: int, rules: str
) -> None:
    with_rows(tables, "dose_decision",
              {"subject": "a", "cycle": 1, "drug": "drug_A", "decision": "reduce", "least": least,
               "most": most, "sources": [2]})  # fmt: skip
    ((who, kind, finding, sources),) = said(tables)
    given = tables["dose_given"].filter(subject="a")["seq"].item()
    assert (who, kind) == ("a", "dose") and sources == sorted({2, given})
    assert finding == f"100 mg of drug_A in cycle 1, where the rules give {rules}"


def test_randomised_before_a_consent_was_signed_or_without_it(tables: Tables) -> None:
    """On the day itself is in time; a consent that randomisation does not require is not asked."""
    main, other = LUNG.visits.consents[0], LUNG.visits.consents[-1]
    assert main.required_for_randomisation
    row = {"subject": "a", "consent": main.code, "seq": 50, "occurred": day(1)}
    with_rows(tables, "consent_signed", row, {**row, "consent": other.code})
    allocated = dict(tables["randomised"].select("subject", "seq").rows())
    label = main.label.en
    assert [each for each in said(tables) if label in each[2]] == [
        ("a", "consent", f"randomised without the consent {label}, which was signed on {day(1)}",
         [allocated["a"], 50]),
        ("b", "consent", f"randomised without the consent {label}, which was not signed",
         [allocated["b"]]),
    ]  # fmt: skip


def test_a_cycle_that_the_rules_put_off(tables: Tables) -> None:
    row = {"subject": "b", "cycle": 3, "occurred": DAY, "sources": [8], "least": 0, "most": 0}
    with_rows(tables, "dose_decision", {**row, "drug": "exemplatin", "decision": "delay"},
              {**row, "drug": "fictabine", "decision": "full"})  # fmt: skip
    ((_, kind, finding, _),) = said(tables)
    assert kind == "dose"
    assert finding == "cycle 3 began although the rules put it off: Exemplatin (invented)"


def test_what_was_recorded_is_counted_apart_and_by_site(tables: Tables) -> None:
    with_rows(tables, "stratum",
              {"subject": "a", "stratum": "LOW", "differs": True, "sources": [7]})  # fmt: skip
    with_rows(tables, "deviation_recorded",
              {"subject": "b", "site": "S01", "occurred": DAY, "seq": 70, "category": "consent",
               "description": "signed a day late", "important": True})  # fmt: skip
    found = deviation_tables(derived(tables), study(TWO_BY_TWO))
    kinds = {row.heading: row for row in found.kinds.rows}
    assert kinds["Wrong stratum"].texts[:4] == ["1", "1", "0", "0"]
    assert kinds["Consent"].texts[:4] == ["0", "0", "1", "1"]
    assert kinds["Consent"].cells[2].sources == (70,)
    (site,) = found.sites.rows
    assert (site.heading, site.texts) == ("S01 Hospital", ["1", "1", "1"])
    assert [row.texts[-1] for row in found.listed.rows] == ["rules", "record"]
    assert found.listed.rows[1].texts[:2] == ["2024-03-04", "signed a day late"]
