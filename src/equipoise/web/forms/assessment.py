"""The form of one reading: the lesions that are followed, one entry each, and those that are added.

Every lesion that is followed has an entry, be it that it was not evaluated and why: a lesion that
was forgotten is not recorded as one that was not looked at. Lesions that are added are identified
first, each by an action of its own; then comes the assessment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from django import forms

from equipoise.record.declaration import columns
from equipoise.response.criteria import criteria
from equipoise.response.events import LesionKind, Method, TumourAssessed
from equipoise.study.actions import Action
from equipoise.web.asking import Asking
from equipoise.web.forms.action import new_key
from equipoise.web.forms.choices import Choices, Offer
from equipoise.web.forms.fields import ExactDecimalField, FullDateField, plain_text
from equipoise.web.forms.lesion_rows import (
    AddedRow,
    NewRow,
    NonTargetRow,
    TargetRow,
    choice,
)
from equipoise.web.lesion_table import LesionTable

MOST_ADDED = 20
AT_BASELINE = 5
"""Rows that wait for lesions at a baseline: as many as there may be targets."""


class AssessmentForm(forms.Form):
    """One reading of one imaging time point by one evaluator."""

    action = "TumourAssessed"
    key = forms.CharField(widget=forms.HiddenInput, max_length=48)
    assessment = forms.CharField(widget=forms.HiddenInput, max_length=64)
    baseline_sent = forms.CharField(widget=forms.HiddenInput, max_length=5)

    def __init__(
        self, table: LesionTable, offer: Offer, data: Mapping[str, Any] | None = None, *,
        visit: str | None = None, day: str = "",
    ) -> None:  # fmt: skip
        self.table, self.offer = table, offer
        self.baseline = (
            not table.has_baseline if data is None else data.get("baseline_sent") == "true"
        )
        last = table.readings[-1].body if table.readings else {}
        start = {
            "key": new_key(), "assessment": table.next_name(),
            "baseline_sent": str(self.baseline).lower(), "occurred": day,
            "visit": visit or self._visit(), "modality": last.get("modality") or "ct",
            "slice_thickness": last.get("slice_thickness"),
        }  # fmt: skip
        super().__init__(data, initial=start)
        self._head()
        self.added = self._added(data)
        given = {row.given_lesion for row in self.added}
        known = [each for each in table.lesions if each.lesion not in given]
        self.targets = [TargetRow(self, e, known) for e in known if e.role == "target"]
        self.non_targets = [NonTargetRow(self, e) for e in known if e.role == "non_target"]
        self.new_lesions = [NewRow(self, e) for e in known if e.role == "new"]

    def _visit(self) -> str | None:
        """The visit with imaging that a reading belongs to: the first is the baseline's."""
        visits = [each.code for each in self.offer.study.visits.visits if each.imaging]
        later = visits[1:2] or visits[:1]
        return next(iter(visits if self.baseline else later), None)

    def _head(self) -> None:
        words = self.offer.words
        visits = [each for each in self.offer.study.visits.visits if each.imaging]
        methods = [(each, words.of(f"code.{each}")) for each in get_args(Method)]
        self.fields["occurred"] = FullDateField(label=words["field.TumourAssessed.occurred"])
        self.fields["visit"] = choice(
            words["field.visit"], [(each.code, words.label(each.label)) for each in visits], True
        )
        self.fields["modality"] = choice(words["field.modality"], methods, True)
        self.fields["slice_thickness"] = ExactDecimalField(
            next(e.measure for e in columns(TumourAssessed) if e.name == "slice_thickness"),
            label=words["field.slice_thickness"], required=False,
        )  # fmt: skip
        found = criteria(self.offer.study.response)
        if found.conventions.markers_count_for_complete_response.value:
            pairs = [(each, words.of(f"code.{each}")) for each in ("normal", "raised")]
            self.fields["markers"] = choice(words["field.markers"], pairs, False)

    def _added(self, data: Mapping[str, Any] | None) -> list[AddedRow]:
        if data is None:
            number = AT_BASELINE if self.baseline and not self.table.lesions else 0
        else:
            told = str(data.get("added-rows", "0"))
            number = min(int(told) if told.isdigit() else 0, MOST_ADDED)
        rows: list[AddedRow] = []
        for place in range(number):
            rows.append(AddedRow(self, str(place), self._name(rows)))
        return rows

    def _name(self, rows: list[AddedRow]) -> str:
        prefix = "T" if self.baseline else "NEW"
        return self.table.next_lesion(prefix, [row.proposed for row in rows])

    @property
    def blank(self) -> AddedRow:
        """The row that a page copies when another is asked for."""
        form = AssessmentForm(self.table, self.offer)
        return AddedRow(form, "__place__", "")

    @property
    def kinds(self) -> Choices:
        """What a lesion may be."""
        return [(each, self.offer.words.of(f"code.{each}")) for each in get_args(LesionKind)]

    def head(self) -> Iterator[forms.BoundField]:
        """The fields of the whole assessment."""
        for name in ("occurred", "visit", "modality", "slice_thickness", "markers"):
            if name in self.fields:
                yield self[name]

    def clean(self) -> dict[str, Any]:
        """Every row read; what cannot be, and what lacks, is told beside it."""
        found = super().clean() or {}
        for row in (*self.targets, *self.non_targets, *self.new_lesions, *self.added):
            row.read()
        return found

    def actions(self, asking: Asking, subject: str, site: str | None) -> list[Action]:
        """The lesions that are added, each on its own, then the assessment: what was readable."""
        day = self.cleaned_data.get("occurred")
        key = self.cleaned_data.get("key", "-")
        asked = [
            ("LesionIdentified", row.identity(self.table.evaluator), f"{key}-{row.place}")
            for row in self.added
            if row.given
        ]
        asked.append(("TumourAssessed", self.body(), key))
        return [
            Action(
                name=name, body=body, actor=asking.person, role=asking.role,
                organisation=asking.organisation, key=each, subject=subject, site=site,
                occurred=day.isoformat() if day else None, recorded=asking.trial.recorded,
            )
            for name, body, each in asked
        ]  # fmt: skip

    def body(self) -> dict[str, Any]:
        """What was entered so far, as the body of TumourAssessed."""
        cleaned = self.cleaned_data
        head = {
            name: plain_text(cleaned.get(name))
            for name in ("visit", "modality", "slice_thickness", "markers")
        }
        rows: dict[str, list[dict[str, Any]]] = {
            "targets": [], "fragments": [], "non_targets": [], "new_lesions": [],
        }  # fmt: skip
        for row in (*self.targets, *self.non_targets, *self.new_lesions, *self.added):
            for name, items in row.found:
                rows[name].append(items)
        return {
            "assessment": cleaned.get("assessment") or "-", "evaluator": self.table.evaluator,
            "baseline": self.baseline,
            **{name: value for name, value in head.items() if value is not None}, **rows,
        }  # fmt: skip
