"""Answers, verdicts and entry from the second programming, beside those of the product."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from tests.second_programming import entry_again as again
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

KEYS = {
    "item": ("replicate", "subject", "form", "item"),
    "subject_item": ("replicate", "subject"),
    "entry_item": ("replicate", "subject"),
    "criterion_verdict": ("replicate", "subject", "criterion"),
    "eligibility": ("replicate", "subject"),
    "entry_eligibility": ("replicate", "subject"),
    "answer_discrepancy": ("replicate", "subject", "item"),
}


def derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    """`tables` with those of the product that are compared."""
    found = dict(tables)
    for table in KEYS:
        found = derive(found, study, upto=table)
    return found


def programmed_again(
    tables: Mapping[str, pl.DataFrame], product: Mapping[str, pl.DataFrame], study: Study
) -> dict[str, list[Row]]:
    """Of `entry_item`, the rows of those subjects that the product says it makes a difference to,
    and of all others to whom it does by the second programming."""
    found: dict[str, list[Row]] = {name: [] for name in KEYS}
    told = set(product["entry_item"].select("replicate", "subject").iter_rows())
    read = study.entry
    for key, subject in rows_by_subject(tables, again.TABLES).items():
        who = dict(zip(("replicate", "subject"), key, strict=True))
        found["item"] += [{**who, **row} for row in again.answers(subject, study.visits)]
        found["answer_discrepancy"] += [
            {**who, **row} for row in again.contradicted(subject, study.visits)
        ]
        if not subject["subject_screened"]:
            continue
        known = again.known(subject, study.visits)
        found["subject_item"].append({**who, **_row(known)})
        then, now = again.known_of_entry(subject, read), again.known(subject, read)
        if key in told or then != now:
            found["entry_item"].append({**who, **_row(then)})
        said = again.verdicts(known, again.judged_on(subject), study.eligibility)
        for each in said:
            found["criterion_verdict"].append(
                {
                    **who, "criterion": each.criterion.id, "kind": each.criterion.kind,
                    "met": each.met, "missing_items": list(each.missing),
                    "out_of_window": list(each.out_of_window),
                }
            )  # fmt: skip
        verdict = again.overall(said)
        found["eligibility"].append(
            {
                **who, "eligible": verdict.eligible, "unmet": verdict.unmet,
                "pending": verdict.pending,
            }
        )  # fmt: skip
        entry = again.entry(subject, study.visits, study.eligibility)
        if entry is not None:
            found["entry_eligibility"].append({**who, **entry})
    return found


def _row(known: again.Known) -> Row:
    row: Row = dict(known.values)
    for name, day in known.measured.items():
        row[f"{name} measured"], row[f"{name} until"] = day, known.until[name]
    return row


def _windows(frame: pl.DataFrame) -> pl.DataFrame:
    """The windows of the answers that there are, each in a column of its own."""
    if "item_windows" not in frame.columns:
        return frame
    windows = frame["item_windows"].struct
    return frame.with_columns(
        pl.when(pl.col(name).is_not_null())
        .then(windows.field(name).struct.field(part))
        .alias(f"{name} {part}")
        for name in windows.fields
        for part in ("measured", "until")
    )


def differences(
    tables: Mapping[str, pl.DataFrame], product: Mapping[str, pl.DataFrame], study: Study
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every difference.

    Of `answer_discrepancy` the rows about prior therapies are compared. Of what is out of its
    window, the items are compared; the words are not.
    """
    said = []
    rows: Counter[str] = Counter()
    for table, expected in programmed_again(tables, product, study).items():
        rows[table] += len(expected)
        frame = _windows(product[table])
        if table == "answer_discrepancy":
            asked = [i.code for form in study.visits.forms for i in form.items if again.answered(i)]
            frame = frame.filter(pl.col("item").is_in(asked))
        if "out_of_window" in frame.columns:
            named = [[_item(text) for text in texts] for texts in frame["out_of_window"].to_list()]
            frame = frame.with_columns(pl.Series("out_of_window", named, dtype=pl.List(pl.String)))
        said += [f"{table} {each}" for each in told_apart(expected, frame, KEYS[table])]
    return rows, said


def _item(text: str) -> Any:
    match = re.match(r"\w+", text)
    return match and match.group()
