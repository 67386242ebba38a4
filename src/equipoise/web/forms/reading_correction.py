"""The form that corrects a reading: its lesions as they stand, to be typed over, and a reason.

No row comes and none goes. What differs from what stands becomes one action that corrects every
item that differs, so that a state and a size change together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from django import forms

from equipoise.record.canonical import canonical
from equipoise.response.events import LesionKind
from equipoise.study.actions import Action
from equipoise.web.asking import Asking
from equipoise.web.forms.action import new_key
from equipoise.web.forms.choices import Choices, Offer
from equipoise.web.forms.lesion_rows import MERGED, NewRow, NonTargetRow, TargetRow
from equipoise.web.forms.sizes import LETTERS
from equipoise.web.lesion_table import Lesion, LesionTable, Reading

Row = Mapping[str, Any]
COMPARED: Mapping[str, tuple[str, ...]] = {
    "targets": ("state", "merged_into", "method", "diameter"),
    "fragments": ("state", "diameter"),
    "non_targets": ("state", "diameter"),
    "new_lesions": ("certainty",),
}
"""The nested rows of a reading, and the items of each that are typed over."""
NAME: Mapping[str, str] = {"fragments": "fragment"}


class ReadingCorrection(forms.Form):
    """The lesions of one reading with other sizes or states, and why."""

    action = "Correct"
    key = forms.CharField(widget=forms.HiddenInput, max_length=48)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(
        self, table: LesionTable, reading: Reading, offer: Offer,
        data: Mapping[str, Any] | None = None, *, seen: int = 0,
    ) -> None:  # fmt: skip
        self.table, self.reading, self.offer = table, reading, offer
        self.baseline = bool(reading.body["baseline"])
        super().__init__(data, initial={"key": new_key(), "seen": seen, **self._start()})
        lesions = {each.lesion: each for each in table.lesions}

        def among(rows: str) -> list[Lesion]:
            return [lesions[e["lesion"]] for e in reading.body[rows] if e["lesion"] in lesions]

        known = among("targets")
        self.targets = [TargetRow(self, each, known) for each in known]
        self.non_targets = [NonTargetRow(self, each) for each in among("non_targets")]
        self.new_lesions = [NewRow(self, each) for each in among("new_lesions")]
        self.fields["reason"] = forms.CharField(
            label=offer.words["field.reason"], max_length=2000,
            widget=forms.Textarea(attrs={"rows": 2}),
        )  # fmt: skip

    @property
    def kinds(self) -> Choices:
        """What a lesion may be."""
        return [(each, self.offer.words.of(f"code.{each}")) for each in get_args(LesionKind)]

    def _start(self) -> dict[str, Any]:
        """What stands, in the cells."""
        body = self.reading.body
        start: dict[str, Any] = {}
        for row in body["targets"]:
            name = row["lesion"]
            pieces = [each for each in body["fragments"] if each["lesion"] == name]
            typed = " + ".join(self._typed(each) for each in pieces) or self._size(row)
            chosen = row if not pieces else next((e for e in pieces if _reason(e)), {"state": ""})
            start |= {
                f"size-{name}": typed, f"state-{name}": _chosen(chosen),
                f"method-{name}": row["method"] or "",
            }  # fmt: skip
        for row in body["non_targets"]:
            name = row["lesion"]
            start |= {f"state-{name}": _chosen(row), f"short_axis-{name}": row["diameter"]}
        for row in body["new_lesions"]:
            start[f"certainty-{row['lesion']}"] = row["certainty"]
        return start

    def _size(self, row: Row) -> str:
        shown = str(row["diameter"] or "")
        return shown.replace(".", ",") if self.offer.words.language == "fr" else shown

    def _typed(self, piece: Row) -> str:
        letters = LETTERS[self.offer.words.language]
        known = {state: letter.upper() for letter, state in letters.items()}
        return self._size(piece) or known[piece["state"]]

    def rows(self) -> list[TargetRow | NonTargetRow | NewRow]:
        """The rows of the table, targets first."""
        return [*self.targets, *self.non_targets, *self.new_lesions]

    def clean(self) -> dict[str, Any]:
        """Every row read; a lesion or a piece that would come or go is told."""
        found = super().clean() or {}
        for row in self.rows():
            row.read()
        names = {
            rows: [str(each[NAME.get(rows, "lesion")]) for each in self.reading.body[rows]]
            for rows in COMPARED
        }
        now = self._found()
        if not self.errors and {k: sorted(v) for k, v in names.items()} != {
            k: sorted(v) for k, v in now.items()
        }:
            self.add_error(None, self.offer.words["reading.rows"])
        elif not self.errors and not self.changes():
            self.add_error(None, self.offer.words["reading.nothing"])
        return found

    def _found(self) -> dict[str, dict[str, Row]]:
        """What was typed, by kind of row and name."""
        found: dict[str, dict[str, Row]] = {rows: {} for rows in COMPARED}
        for row in self.rows():
            for rows, items in row.found:
                found[rows][str(items[NAME.get(rows, "lesion")])] = items
        return self._with_names_of_pieces(found)

    def _with_names_of_pieces(self, found: dict[str, dict[str, Row]]) -> dict[str, dict[str, Row]]:
        """Pieces under the names that they have in the record, in their order."""
        pieces: dict[str, Row] = {}
        for lesion in found["targets"]:
            typed = [e for e in found["fragments"].values() if e["lesion"] == lesion]
            known = [e for e in self.reading.body["fragments"] if e["lesion"] == lesion]
            names = [e["fragment"] for e in known] if len(known) == len(typed) else []
            for number, each in enumerate(typed):
                name = names[number] if names else each["fragment"]
                pieces[str(name)] = {**each, "fragment": name}
        return {**found, "fragments": pieces}

    def changes(self) -> list[dict[str, Any]]:
        """Every item that differs from what stands, as the action takes it."""
        now, changed = self._found(), []
        for rows, items in COMPARED.items():
            for row in self.reading.body[rows]:
                name = str(row[NAME.get(rows, "lesion")])
                typed = now[rows].get(name)
                if typed is None:
                    continue
                for item in items:
                    if change := _change(f"{rows}/{name}/{item}", item, row, typed):
                        changed.append(change)
        return changed

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The correction of the person who asks; something differs."""
        first, *others = self.changes()
        return Action(
            name="Correct", body={"target": self.reading.seq, **first, "also": others},
            actor=asking.person, role=asking.role, organisation=asking.organisation,
            key=self.cleaned_data.get("key", "-"), seen=self.cleaned_data.get("seen") or 0,
            subject=subject, site=site, reason=self.cleaned_data.get("reason"),
            recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: Any) -> None:
        """What `conduct` said, above the form."""
        for problem in error.problems:
            self.add_error(None, str(problem))


def _reason(row: Row) -> str | None:
    return row.get("diameter_missing") or None


def _chosen(row: Row) -> str:
    """What is chosen in the list of states for a row as it stands; "" for a size."""
    state = str(row["state"])
    if state == "merged":
        return f"{MERGED}{row['merged_into']}"
    if state == "not_evaluated":
        return f"not_evaluated:{_reason(row) or 'unknown'}"
    return "" if state in ("measured", "split") else state


def _change(path: str, item: str, stands: Row, typed: Row) -> dict[str, Any] | None:
    old, new = stands.get(item), typed.get(item)
    told = {"item": path, "new": None if new is None else canonical(new)}
    if item != "diameter":
        return None if old == new else told
    missing = typed.get("diameter_missing")
    if _number(old) == _number(new) and (new is not None or _reason(stands) == missing):
        return None
    return {**told, "new_missing": missing} if new is None and missing else told


def _number(text: object) -> Decimal | None:
    try:
        return None if text is None else Decimal(str(text))
    except InvalidOperation:
        return None


def of_scans(table: LesionTable, reading: Reading, most: int) -> Sequence[Reading]:
    """The scans before a reading that the table shows: the baseline, and the last ones."""
    before = [e for e in table.readings if (e.occurred, e.seq) < (reading.occurred, reading.seq)]
    first = [each for each in before if each.body["baseline"]][-1:]
    return [*first, *[each for each in before if not each.body["baseline"]][-most:]]
