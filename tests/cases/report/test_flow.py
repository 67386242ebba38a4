"""The flow of subjects and of assays: what the boxes say."""

from __future__ import annotations

import datetime
import re
from html import unescape
from typing import Any

import polars as pl
import pytest

from equipoise.eligibility.entry import ENTRY_ELIGIBILITY
from equipoise.report.assays import assay_flow, redetermination_table
from equipoise.report.citations import Citations
from equipoise.report.consort import consort
from equipoise.report.drawing import Box
from equipoise.report.entry import entry_table
from equipoise.report.layout import Cell
from equipoise.report.visits import visit_table
from equipoise.study.load import load_study
from equipoise.visits.timeline import VISIT_TIMELINE
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, study

PEOPLE = [
    Subject("a", response="PR"),
    Subject("b", response="NE", withdrawn=9, death=30),
    Subject("c", arm="B", first_dose=None),
    Subject("d", status="HIGH", assay="second_assay"),
    Subject("e", arm=None, failure="declined", first_dose=None, status=None),
    Subject("f", arm=None, failure="not_eligible", first_dose=None, status="HIGH"),
    Subject("g", arm=None, failure="not_eligible", first_dose=None, status="HIGH"),
    Subject("h", arm=None, first_dose=None, status=None),
]


def texts(svg: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def analysed(*names: str, missing: str = "") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "replicate": pl.Series([0] * len(names), dtype=pl.Int32),
            "subject": pl.Series(list(names), dtype=pl.String),
            "evaluable": [name not in missing for name in names],
            "sources": pl.Series([[] for _ in names], dtype=pl.List(pl.Int64)),
        },
        schema_overrides={"evaluable": pl.Boolean},
    )


def test_the_boxes_of_two_by_two() -> None:
    svg = consort(trial(*PEOPLE), study(TWO_BY_TWO), analysed("a", "b", "d", missing="b"))
    said = texts(svg)
    assert said[:6] == [
        "Screened (n = 8)", "Not randomised (n = 4)", "Not eligible: 2", "Declined: 1",
        "Still in screening: 1", "Randomised (n = 4)",
    ]  # fmt: skip
    assert "Low (n = 3)" in said and "High (n = 1)" in said
    low = said.index("Low (n = 3)")
    assert said[low + 1 : low + 7] == [
        "Arm A (n = 2)", "Treated: 2", "Not treated: 0",
        "Arm B (n = 1)", "Treated: 0", "Not treated: 1",
    ]  # fmt: skip
    assert said.count("Withdrew consent: 1") == 1 and said.count("Died: 1") == 1
    assert "Analysed (n = 2)" in said and "Not evaluable: 1" in said


def test_screening_failures_by_criterion_and_people_screened_again() -> None:
    people = [
        Subject("a", rescreening_of="f"),
        *(
            Subject(name, arm=None, failure="not_eligible", failed_criteria=failed, first_dose=None)
            for name, failed in {"f": ("I3",), "g": ("I3", "E4"), "h": ()}.items()
        ),
        Subject("i", arm=None, failure="declined", first_dose=None),
    ]
    said = texts(consort(trial(*people), study(TWO_BY_TWO), analysed("a")))
    assert said[:7] == [
        "Screened (n = 5)", "Not randomised (n = 4)", "Not eligible: 3", "– criterion I3: 2",
        "– criterion E4: 1", "Declined: 1", "Screened again under a new number: 1",
    ]  # fmt: skip


def test_whose_eligibility_is_another_one_now() -> None:
    rows = {
        "a": ("randomised", True, [], True, [], [], False),
        "b": ("randomised", True, [], False, ["IN1", "EX2"], ["IN4"], True),
        "c": ("screening_failed", False, ["IN1"], None, [], ["IN1"], True),
        "d": ("screening_failed", False, ["IN2"], True, [], ["IN4"], True),
    }
    made = [
        {**dict.fromkeys(ENTRY_ELIGIBILITY), "replicate": 0, "subject": name,
         "decision": decision, "decided": datetime.date(2024, 1, 9), "eligible_then": then,
         "study_version": "0.9" if name == "d" else "1.0",
         "unmet_then": unmet_then, "eligible_now": now, "unmet_now": unmet,
         "pending_now": pending, "differs": differs, "sources": [1]}
        for name, (decision, then, unmet_then, now, unmet, pending, differs) in rows.items()
    ]  # fmt: skip
    tables = trial(Subject("a"))
    tables["entry_eligibility"] = pl.DataFrame(made, schema=dict(ENTRY_ELIGIBILITY))
    recorded = tables["deviation_recorded"]
    deviation = {**dict.fromkeys(recorded.columns), "subject": "b", "category": "not_eligible"}
    tables["deviation_recorded"] = pl.DataFrame([deviation], schema=recorded.schema)
    table = entry_table(tables, load_study("lung-tmb"))
    assert [(row.heading, row.texts) for row in table.rows] == [
        ("b", ["Randomised 2024-01-09", "Eligible", "Not eligible: IN1, EX2", "Recorded"]),
        ("c", ["Screening failure 2024-01-09", "Not eligible: IN1", "Not known: IN1", "–"]),
        ("d", ["Screening failure 2024-01-09, version 0.9", "Not eligible: IN2", "Eligible", "–"]),
    ]
    assert [note.split(":")[0] for note in table.notes] == ["IN1", "IN2", "IN4", "EX2"]


def test_how_the_visits_were_kept() -> None:
    whole = load_study("lung-tmb")
    first = whole.visits.visits[0]
    tables = trial(Subject("a"), Subject("b", arm=None, first_dose=None))
    assert not visit_table(tables, whole).rows
    made = [
        {**dict.fromkeys(VISIT_TIMELINE), "replicate": 0, "subject": subject, "visit": first.code,
         "instance": number, "state": state}
        for number, (subject, state) in enumerate(
            [("a", "done"), ("a", "missed"), ("a", "missed"), ("b", "late")], start=1
        )
    ]  # fmt: skip
    tables["visit_timeline"] = pl.DataFrame(made, schema=dict(VISIT_TIMELINE))
    table = visit_table(tables, whole)
    assert [row.heading for row in table.rows] == [v.label.en for v in whole.visits.visits]
    assert list(table.rows[0].texts) == ["1", "0", "0", "2", "0", "0", "0", "0"]
    assert [head.text for head in table.heads[0]][:4] == ["In window", "Early", "Late", "Missed"]
    assert set(table.rows[1].texts) == {"0"}


def test_every_stratum_and_arm_of_three_by_three_has_its_boxes() -> None:
    said = texts(consort(trial(*PEOPLE), study(THREE_BY_THREE), analysed("a")))
    assert [text for text in said if text.startswith(("Low", "Middle", "High"))] == [
        "Low (n = 3)", "Middle (n = 0)", "High (n = 1)",
    ]  # fmt: skip
    assert sum(text.startswith("Arm C") for text in said) == 3
    assert sum(text.startswith("Analysed") for text in said) == 9


@pytest.mark.parametrize("design", [TWO_BY_TWO, THREE_BY_THREE])
def test_boxes_do_not_overlap_and_stay_within_the_figure(design: Any) -> None:
    svg = consort(trial(*PEOPLE), study(design), analysed("a"))
    width = float(re.findall(r'viewBox="[-\d]+ [-\d]+ ([\d.]+)', svg)[0])
    found = [
        tuple(float(value) for value in re.findall(r'(?:x|y|width|height)="([\d.]+)"', rect))
        for rect in re.findall(r"<rect[^>]*>", svg)
    ]
    boxes = [(x, y, x + w, y + h) for x, y, _, w, h in [(b[0], b[1], 0, *b[-2:]) for b in found]]
    assert all(0 <= left and right <= width for left, _, right, _ in boxes)
    for place, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart


def test_a_long_label_is_wrapped_within_its_box() -> None:
    box = Box(0, 0, 150, Cell("Oxaliplatin-based chemotherapy of one kind or another (n = 21)"))
    assert len(box.headings()) > 2 and all(len(line.text) < 20 for line in box.headings())
    assert box.height > Box(0, 0, 150, Cell("Short")).height


def test_the_assays_of_a_rule_stand_in_its_order() -> None:
    said = texts(assay_flow(trial(*PEOPLE), study(TWO_BY_TWO), "rule-2"))
    assert said[0] == "With a sample or a result (n = 6)"
    first = said.index("First assay")
    assert said[first + 1 : first + 7] == [
        "Tested: 5 of 6", "Interpretable: 5", "Not interpretable: 0", "Status decided (n = 5)",
        "Low: 3", "High: 2",
    ]  # fmt: skip
    second = said.index("Second assay")
    assert said[second + 1] == "Tested: 1 of 1"
    assert said[second + 4 : second + 7] == ["Status decided (n = 1)", "Low: 0", "High: 1"]
    assert said[second + 7] == "No status (n = 0)"


def test_what_became_of_a_status_stands_below_it() -> None:
    """Two of three low ones kept their status, and of those without one a run was invalidated."""
    people = [
        Subject("a"), Subject("b", redetermined="HIGH"), Subject("c"), Subject("d", status="HIGH"),
    ]  # fmt: skip
    tables = trial(*people)
    again = (pl.col("basis") == "redetermination") & (pl.col("subject") == "c")
    tables["marker_status"] = tables["marker_status"].with_columns(
        status=pl.when(~again).then("status")
    )
    void = pl.col("subject") == "c"
    tables["assay_value"] = tables["assay_value"].with_columns(
        invalidated=void, invalidation=pl.when(void).then(99)
    )
    lists = Citations()
    said = texts(assay_flow(tables, study(TWO_BY_TWO), "rule-2", lists))
    low = said.index("Low as randomised (n = 3)")
    assert said[low + 1 : low + 4] == [
        "Unchanged: 1",
        "Now High: 1",
        "Invalidated, no status now: 1",
    ]
    assert said[low + 4 : low + 8] == [
        "High as randomised (n = 1)", "Unchanged: 1", "Now Low: 0", "Invalidated, no status now: 0",
    ]  # fmt: skip
    assert said[-3:] == [
        "Re-determined: Low (n = 1)", "Re-determined: High (n = 2)",
        "Re-determined: no status (n = 1)",
    ]  # fmt: skip
    assert 99 in lists.seqs()


def test_why_an_assay_could_not_be_interpreted_is_told_without_names_of_samples() -> None:
    tables = trial(Subject("a"), Subject("b", assay="second_assay"), Subject("d", status=None))
    tried = pl.DataFrame(
        {"subject": ["b", "d"], "finding": ["the sample b is inadequate", "failed"]}
    ).with_columns(
        replicate=pl.lit(0, pl.Int32), basis=pl.lit("randomisation"), assay=pl.lit("first_assay"),
        sample=pl.col("subject"), interpretable=pl.lit(False), sources=pl.lit([7]),
    )  # fmt: skip
    tables["assay_determination"] = pl.concat(
        [tables["assay_determination"], tried], how="diagonal"
    )
    said = texts(assay_flow(tables, study(TWO_BY_TWO), "rule-2"))
    first = said.index("First assay")
    assert said[first + 1 : first + 5] == [
        "Tested: 2 of 2", "Interpretable: 1", "Not interpretable: 1",
        "– the sample is inadequate: 1",
    ]  # fmt: skip


def test_status_as_randomised_against_status_as_redetermined() -> None:
    people = [Subject("a"), Subject("b", redetermined="HIGH"), Subject("c", status="HIGH")]
    table = redetermination_table(trial(*people), study(TWO_BY_TWO), "rule-2")
    assert [(row.heading, row.texts) for row in table.rows] == [
        ("Low", ["1", "1", "0", "2"]),
        ("High", ["0", "1", "0", "1"]),
    ]
