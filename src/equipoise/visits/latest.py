"""The latest answer to each question of each form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.columns import among, firsts, named
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.scaled import ANSWER_PLACES, scaled_texts
from equipoise.record.short_column import beside
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    coded,
    days,
    gathered,
    pack,
    parent_rows,
)
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.recorded import answered_items, answering_entries

ITEM: Columns = {
    **KEY,
    "form": pl.String,
    "item": pl.String,
    "value": pl.String,
    "value_missing": pl.String,
    "occurred": pl.Date,
    **SOURCES,
}
MEASURED: Columns = {
    **KEY,
    "item": pl.String,
    "value": pl.Int64,
    "value_missing": pl.String,
    "occurred": pl.Date,
    "event": pl.Int64,
    **SOURCES,
}
"""What the rule reads of `laboratory_answer`."""


class _Latest(NamedTuple):
    """Answers that count: the row of the subject of each, its form and its item as a place among
    names, its row in `answers` and the seq that gave it."""

    subject: Numbers
    forms: pl.Series
    form: Numbers
    items: pl.Series
    item: Numbers
    answers: pl.DataFrame
    row: Numbers
    seqs: Numbers


def item(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """The latest answer to each item of each form, sorted by replicate, subject, form, item.

    Of a repeating form the instance that speaks about the latest day counts (on a tie, or without
    a complete day, the one saved last), whole: an item that it leaves open is open. The source is
    the event that gave the answer, or the later correction of the answer or of the form's day.

    Of an item with an `analyte` the latest answer of all forms and laboratory reports counts, by
    the same order; what a form leaves open says nothing of it.

    An item that entries answer (`answering_entries`) is true once one of its codes is recorded,
    whatever a form says. Its source is the entry recorded first, as it
    stands. Without such an entry the form alone answers: that nothing is recorded is no answer.
    """
    forms, answers = tables["form_saved"], tables["form_item"]
    measured, entries = tables["laboratory_answer"], answering_entries(tables, plan)
    subjects = SubjectRows(forms, measured, entries)
    of_form = {each.code: form.code for form in plan.forms for each in form.items if each.analyte}
    found = [
        *_on_forms(subjects, forms, answers, of_form),
        *_measured(subjects, measured, of_form),
        *_recorded(subjects, entries, plan),
    ]
    if not found:
        return no_rows(ITEM)
    order, form = _places(found, len(subjects))
    together = pl.concat([each.answers for each in found]) if len(found) > 1 else found[0].answers
    before = np.cumsum([0, *(len(each.answers) for each in found)])
    rows = np.concatenate([each.row + first for each, first in zip(found, before, strict=False)])
    seqs = np.concatenate([each.seqs for each in found])[order]
    columns = {
        **{name: gathered(together[name], rows[order]) for name in _ANSWER},
        "form": gathered(form, order),
        "sources": array_sources([seqs]),
    }
    return beside([columns[name] for name in ITEM])


_ANSWER = (*KEY, "item", "value", "value_missing", "occurred")


def _on_forms(
    subjects: SubjectRows, forms: pl.DataFrame, answers: pl.DataFrame, measured: Mapping[str, str]
) -> list[_Latest]:
    """The answers of the instances that count, but for those to items that are `measured`."""
    if forms.is_empty() or answers.is_empty():
        return []
    rows = subjects.rows(forms)
    names, codes = coded(forms["form"])
    counts = _latest_instances(forms, rows * len(names) + codes)
    parents = parent_rows(forms, answers)
    kept = counts[parents] & (parents >= 0)
    if measured:
        kept &= ~among(answers["item"], measured)
    places = np.flatnonzero(kept)
    if not len(places):
        return []
    parents, items = parents[places], coded(gathered(answers["item"], places))
    seqs = np.maximum(answers["seq"].to_numpy()[places], forms["seq"].to_numpy()[parents])
    found = beside([answers[name] for name in _ANSWER])
    return [_Latest(rows[parents], names, codes[parents], *items, found, places, seqs)]


def _measured(
    subjects: SubjectRows, answers: pl.DataFrame, of_form: Mapping[str, str]
) -> list[_Latest]:
    """The latest answer to each item that is measured."""
    if answers.is_empty():
        return []
    items, codes = coded(answers["item"])
    forms = pl.Series([of_form.get(name, "") for name in items], dtype=pl.String)
    rows, day = subjects.rows(answers), days(answers["occurred"])
    groups = rows * len(items) + codes
    packed = pack(np.where(day == NONE, -(2**20), day), answers["event"].to_numpy())
    latest = np.full(len(subjects) * len(items), np.iinfo(np.int64).min)
    np.maximum.at(latest, groups, packed)
    asked = np.array([bool(of_form.get(name)) for name in items], dtype=np.bool_)[codes]
    places = np.flatnonzero((packed == latest[groups]) & asked)
    if not len(places):
        return []
    columns = {name: gathered(answers[name], places) for name in _ANSWER}
    columns["value"] = scaled_texts(columns["value"], ANSWER_PLACES).alias("value")
    found = beside([*columns.values()])
    seqs, code = firsts(answers["sources"])[places], codes[places]
    return [_Latest(rows[places], forms, code, items, code, found, np.arange(len(code)), seqs)]


def _recorded(subjects: SubjectRows, entries: pl.DataFrame, plan: VisitsPlan) -> list[_Latest]:
    """Yes to each item that a recorded entry answers."""
    if entries.is_empty():
        return []
    asked = answered_items(plan)
    order = np.argsort(entries["event"].to_numpy(), kind="stable")
    names, codes = coded(entries["item"])
    numbers = {each.code: number for number, (_, each) in enumerate(asked)}
    which = np.array([numbers[name] for name in names], dtype=np.int64)[codes]
    group = which * len(subjects) + subjects.rows(entries)
    place = order[np.unique(group[order], return_index=True)[1]]
    item_of = which[place]
    given = {name: gathered(entries[name], place) for name in (*KEY, "occurred")}
    given["item"] = named("item", [each.code for _, each in asked], item_of)
    given["value"] = pl.Series("value", ["true"]).new_from_index(0, len(place))
    given["value_missing"] = pl.Series("value_missing", [None], pl.String).new_from_index(
        0, len(place)
    )
    forms = pl.Series([form for form, _ in asked], dtype=pl.String)
    items = pl.Series([each.code for _, each in asked], dtype=pl.String)
    found = beside([given[name] for name in _ANSWER])
    seqs = entries["seq"].to_numpy()[place]
    subject = subjects.rows(entries)[place]
    return [_Latest(subject, forms, item_of, items, item_of, found, np.arange(len(place)), seqs)]


def _places(found: Sequence[_Latest], number: int) -> tuple[Numbers, pl.Series]:
    """Where the answers of `found`, one part after the other, stand by subject, form and item; and
    the form of each as it stands. Of two answers to one question that of the later part counts."""
    forms = sorted({name for each in found for name in each.forms})
    items = sorted({name for each in found for name in each.items})
    form = np.concatenate([_among(forms, each.forms)[each.form] for each in found])
    pair = np.concatenate([_among(items, each.items)[each.item] for each in found])
    pair += form * len(items)
    used = np.zeros(len(forms) * len(items), dtype=np.int64)
    used[pair] = 1
    rows = np.concatenate([each.subject for each in found])
    place = rows * int(used.sum()) + (np.cumsum(used) - 1)[pair]
    order = np.full(number * int(used.sum()), -1, dtype=np.int64)
    order[place] = np.arange(len(place))
    return order[order >= 0], named("form", forms, form)


def _among(names: Sequence[str], some: pl.Series) -> Numbers:
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[name] for name in some], dtype=np.int64)


def _latest_instances(forms: pl.DataFrame, groups: Numbers) -> Flags:
    """Whether each form saved is the instance of its group that counts."""
    day = days(forms["occurred"])
    packed = pack(np.where(day == NONE, -(2**20), day), forms["event"].to_numpy())
    latest = np.full(int(groups.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(latest, groups, packed)
    counts: Flags = packed == latest[groups]
    return counts
