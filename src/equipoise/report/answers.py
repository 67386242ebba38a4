"""What a form and a laboratory report of the same day do not agree on."""

from __future__ import annotations

from equipoise.record.rule import Tables
from equipoise.report.layout import Heading, Row, Table
from equipoise.report.wording import NOT_GIVEN, plain
from equipoise.study.definition import Study
from equipoise.visits.subject_item import items_of


def answers_table(tables: Tables, study: Study) -> Table:
    """A row for each item and day on which they differ, and for each reported value that cannot be
    converted exactly and is therefore no answer."""
    items = {item.code: item for item in items_of(study.visits)}
    rows = [
        Row(
            each["subject"],
            [
                f"{items[each['item']].label.en}, {items[each['item']].unit}",
                str(each["occurred"]),
                NOT_GIVEN if each["on_form"] is None else plain(each["on_form"]),
                plain(each["reported"]),
            ],
        )
        for each in tables["answer_discrepancy"].iter_rows(named=True)
    ]
    heads = [Heading("Item"), Heading("Day"), Heading("On the form"), Heading("Reported")]
    return Table(
        "Values on which a form and a laboratory report of the same day do not agree",
        "Subject",
        [heads],
        rows,
        ("What was recorded last counts for entry and doses; it is for the site to put right.",),
    )
