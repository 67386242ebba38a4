"""Tables and figures of one scenario: tests, estimates, the trial and its sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from equipoise.report.layout import Heading, Table, words
from equipoise.report.layout import Row as TableRow
from equipoise.report.simulation_figures import Interval, interval_figure
from equipoise.report.simulation_rows import (
    DIFFERENCE,
    REJECTION,
    Row,
    by_subject,
    measure_title,
    of_measures,
    said,
    true_value,
    with_error,
)
from equipoise.report.wording import NOT_GIVEN
from equipoise.study.definition import Study

ROLES = {
    "primary": "Primary",
    "secondary": "Secondary",
    "sensitivity": "Sensitivity",
    "exploratory": "Exploratory",
}
DRAWN = ("primary", "secondary")
"""Roles of the analyses that the figure shows; tables have all."""


def analysis_of(study: Study, row: Row) -> str | None:
    """The analysis that a row is of, None for one of the trial or of a stratum."""
    code = str(row["subject"]).partition("/")[0]
    return code if any(each.id == code for each in study.analysis.analyses) else None


def by_role(study: Study, rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The rows of analyses by the role of these, in words."""
    roles = {each.id: each.role for each in study.analysis.analyses}
    for role, title in ROLES.items():
        found = [row for row in rows if roles.get(analysis_of(study, row) or "") == role]
        if found:
            yield title, found


def power_figure(study: Study, rows: Sequence[Row]) -> Markup:
    """How often primary and secondary analyses reject; hollow marks where there is no effect."""
    tested = dict(by_role(study, of_measures(rows, REJECTION)))
    lines = [
        Interval(
            row["label"], row["estimate"], row["lower"], row["upper"],
            f"{said(row).value} ({said(row).limits})", row["measure"] == "type_1_error",
        )
        for role in DRAWN
        for row in tested.get(ROLES[role], [])
        if row["estimate"] is not None
    ]  # fmt: skip
    if not lines:
        return Markup()
    return Markup(
        interval_figure(
            "power-figure", "How often the primary and secondary analyses reject", lines,
            across="Trials in which the null hypothesis is rejected",
            heading="Share and 95% limits", bounds=(0.0, 1.0),
        )
    )  # fmt: skip


def rejection_table(study: Study, rows: Sequence[Row]) -> Table:
    """Every test of the plan: power or type I error, and in how many trials there was no answer."""
    undefined = {row["subject"]: row for row in of_measures(rows, ["undefined"])}
    found = []
    for title, tested in by_role(study, of_measures(rows, REJECTION)):
        found.append(TableRow(title, kind="group"))
        for row in tested:
            numbers, missing = said(row), undefined.get(row["subject"])
            none = NOT_GIVEN if missing is None else said(missing).value
            cells = [REJECTION[row["measure"]], numbers.value, numbers.error, numbers.limits, none]
            found.append(TableRow(row["label"], words(*cells), kind="level"))
    heads = ["Kind", "Rejected", "s.e.", "95% limits", "No answer"]
    caption = "How often each analysis rejects its null hypothesis"
    return Table(caption, "Analysis", [[Heading(head) for head in heads]], found)


def estimate_table(study: Study, rows: Sequence[Row]) -> Table:
    """Estimates of the analyses: the truth, the mean over trials, bias, coverage, width."""
    wanted = ("mean_estimate", "bias", "coverage", "mean_width")
    there = {row["measure"] for row in rows}
    measures = [measure for measure in wanted if measure in there]
    found = []
    for title, kept in by_role(study, of_measures(rows, measures)):
        found.append(TableRow(title, kind="group"))
        for group in by_subject(kept).values():
            by = {row["measure"]: row for row in group}
            truth = true_value(next((row for row in group if row["measure"] == "bias"), group[0]))
            cells = [with_error(by[each]) if each in by else NOT_GIVEN for each in measures]
            found.append(TableRow(group[0]["label"], words(truth, *cells), kind="level"))
    heads = ["True value", *(measure_title(each) for each in measures)]
    caption = "Estimates over all trials, ± Monte-Carlo standard error"
    return Table(caption, "Analysis", [[Heading(head) for head in heads]], found)


def trial_table(rows: Sequence[Row]) -> Table:
    """What was measured of the trial as a whole."""
    found = [
        TableRow(
            row["label"] or measure_title(row["measure"]),
            words(said(row).value, said(row).error, said(row).limits),
        )
        for row in rows
        if row["subject"] == ""
    ]
    heads = ["Mean or share", "s.e.", "95% limits"]
    return Table("The trial", "Of each trial", [[Heading(head) for head in heads]], found)


def size_tables(study: Study, rows: Sequence[Row]) -> list[Table]:
    """What was measured of strata and arms, a table for each measure: strata down, arms across."""
    kept = [
        row for row in rows
        if row["subject"] and row["measure"] != DIFFERENCE and analysis_of(study, row) is None
        and (row["estimate"] or row["standard_error"])
    ]  # fmt: skip
    tables = []
    for measure in dict.fromkeys(row["measure"] for row in kept):
        cells: dict[str, dict[str, Row]] = {}
        for row in kept:
            if row["measure"] == measure:
                stratum, _, arm = row["subject"].partition("/")
                cells.setdefault(stratum, {})[arm] = row
        arms = list(dict.fromkeys(arm for by in cells.values() for arm in by))
        arms.sort(key=lambda arm: arm == "")
        found = [
            TableRow(stratum, words(*(with_error(by[a]) if a in by else NOT_GIVEN for a in arms)))
            for stratum, by in cells.items()
        ]
        caption = f"{measure_title(measure)} by status and arm, ± Monte-Carlo standard error"
        heads = [[Heading(arm or "All arms") for arm in arms]]
        tables.append(Table(caption, "Status", heads, found))
    return tables
