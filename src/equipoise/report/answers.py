"""What a form does not agree on with a laboratory report, or with entries that are recorded."""

from __future__ import annotations

from typing import Any

from equipoise.record.rule import Tables
from equipoise.report.layout import Cell, Heading, Row, Table, words
from equipoise.report.wording import NOT_GIVEN, plain
from equipoise.study.definition import Study
from equipoise.visits.plan import Item
from equipoise.visits.subject_item import items_of


def answers_table(tables: Tables, study: Study) -> Table:
    """A row for each item and day on which they differ, for each reported value that cannot be
    converted exactly and is therefore no answer, and for each form that says no to a prior therapy
    or procedure that is recorded, or yes to none."""
    items = {item.code: item for item in items_of(study.visits)}
    forms = {item.code: form for form in study.visits.forms for item in form.items}
    visits = study.visits
    entries = {each.code: each.label.en for each in (*visits.procedures, *visits.therapies)}

    def cells(item: Item, row: dict[str, Any]) -> list[str]:
        day = NOT_GIVEN if row["occurred"] is None else str(row["occurred"])
        if item.therapies or item.procedures:
            told = entries.get(row["reported"], row["reported"])
            asked = f"{forms[item.code].label.en}: {item.label.en}"
            return [asked, day, "yes" if row["on_form"] == "true" else "no", told]
        on_form = NOT_GIVEN if row["on_form"] is None else plain(row["on_form"])
        return [f"{item.label.en}, {item.unit}", day, on_form, plain(row["reported"])]

    rows = [
        Row(
            each["subject"],
            words(*cells(items[each["item"]], each)),
            whole=Cell(each["subject"], tuple(each["sources"])),
        )
        for each in tables["answer_discrepancy"].iter_rows(named=True)
    ]
    heads = [Heading("Item"), Heading("Day"), Heading("On the form"), Heading("Reported")]
    return Table(
        "Answers of forms that do not agree with laboratory reports, or with recorded prior "
        "therapies or procedures",
        "Subject",
        [heads],
        rows,
        (
            "Of a value what was recorded last counts for entry and doses. Of a prior therapy or "
            "procedure yes counts, wherever it stands. It is for the site to put right.",
        ),
        title="Answers that do not agree",
    )
