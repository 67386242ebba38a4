"""The rows of a reading: a target, a non-target lesion, a new one seen before, one that is added.

Each adds its fields to the form, and reads them into rows of the assessment: `found`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, get_args

from django import forms

from equipoise.response.events import Method, NonTargetObserved
from equipoise.web.forms.choices import Choices, Offer
from equipoise.web.forms.fields import ExactDecimalField, literal_values, plain_text
from equipoise.web.forms.sizes import Size, sizes
from equipoise.web.lesion_table import Lesion

Found = list[tuple[str, dict[str, Any]]]
NOT_EVALUATED = ("not_done", "not_evaluable", "unknown")
"""Why a lesion was not evaluated: it was not imaged, the image cannot be read, nobody knows."""
MERGED = "merged:"
TREATED: Mapping[str, bool | None] = {"progressed": True, "not": False, "unknown": None}
"""Whether a lesion that was treated locally before has grown since."""


class Holder(Protocol):
    """The form that the rows belong to; at a baseline lesions get their role."""

    offer: Offer
    fields: dict[str, forms.Field]
    data: Mapping[str, Any]
    cleaned_data: dict[str, Any]
    baseline: bool

    @property
    def kinds(self) -> Choices:
        """What a lesion may be."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Say beside a field what is wrong with it."""

    def __getitem__(self, name: str) -> forms.BoundField: ...


def choice(label: str, pairs: Choices, required: bool, blank: str = "—") -> forms.ChoiceField:
    """A list to choose from, with an empty entry."""
    return forms.ChoiceField(choices=[("", blank), *pairs], required=required, label=label)


class _Row(ABC):
    """What rows have in common: the form, and the names of their fields."""

    def __init__(self, form: Holder, place: str) -> None:
        self.form, self.place = form, place
        self.words = form.offer.words
        self.found: Found = []

    @abstractmethod
    def read(self) -> None:
        """Read what was entered into `found`; what cannot be, and what lacks, is told."""

    def name(self, item: str) -> str:
        """The name of a field of the row."""
        return f"{item}-{self.place}"

    def add(self, item: str, field: forms.Field, **attrs: str) -> None:
        """Give the form a field of the row."""
        field.widget.attrs.update(attrs)
        self.form.fields[self.name(item)] = field

    def value(self, item: str) -> str:
        """What was entered in a field, "" for nothing."""
        return plain_text(self.form.cleaned_data.get(self.name(item))) or ""

    def wrong(self, item: str, key: str, **told: str) -> None:
        """Say beside a field what is wrong with it."""
        self.form.add_error(self.name(item), self.words[key].format(**told))

    def bound(self, item: str) -> forms.BoundField | None:
        """A field as the page shows it, None if the row does not have it."""
        return self.form[self.name(item)] if self.name(item) in self.form.fields else None

    @property
    def size(self) -> forms.BoundField | None:
        """The field of the size."""
        return self.bound("size")

    @property
    def state(self) -> forms.BoundField | None:
        """The field of the state."""
        return self.bound("state")

    def size_field(self, label: str) -> None:
        """The cell for a size, a letter or the sizes of pieces."""
        field = forms.CharField(required=False, max_length=80, label=label)
        self.add("size", field, autocomplete="off", **{"data-down": "", "class": "size"})

    def states(self, others: Sequence[str]) -> Choices:
        """What may be chosen of a target instead of a size."""
        words = self.words
        found = [("absent", words["code.absent"]), ("too_small", words["code.too_small"])]
        found += self.reasons()
        return found + [(MERGED + e, words["cell.merged"].format(lesion=e)) for e in others]

    def reasons(self) -> Choices:
        """Not evaluated, with each reason."""
        told = self.words["code.not_evaluated"]
        return [
            (f"not_evaluated:{e}", f"{told}: {self.words[f'missing.{e}']}") for e in NOT_EVALUATED
        ]

    def target(self, lesion: str) -> Found:
        """What was entered of a target lesion, as rows; errors told, nothing for what lacks."""
        state = self.value("state")
        try:
            given = sizes(self.value("size"), self.words.language)
        except ValueError as error:
            self.wrong("size", "assessment.no_size", found=str(error))
            return []
        if any(e.state == "not_evaluated" for e in given) and ":" not in state:
            self.wrong("state", "assessment.why")
            return []
        if len(given) > 1:
            return [
                ("targets", {"lesion": lesion, "state": "split"}),
                *(("fragments", {"fragment": f"{lesion}.{n}", "lesion": lesion, **piece.items()})
                  for n, piece in enumerate(given, 1)),
            ]  # fmt: skip
        return self._whole(lesion, given[0] if given else None, state)

    def _whole(self, lesion: str, given: Size | None, state: str) -> Found:
        row: dict[str, Any] = {"lesion": lesion}
        if method := self.value("method"):
            row["method"] = method
        if state.startswith(MERGED):
            row |= {"state": "merged", "merged_into": state.removeprefix(MERGED)}
        elif state.startswith("not_evaluated:"):
            row |= {"state": "not_evaluated", "diameter_missing": state.split(":")[1]}
        elif state and (given is None or given.diameter is None or state == "too_small"):
            row["state"] = state
        elif given is None:
            self.wrong("size", "assessment.lacks")
            return []
        else:
            return [("targets", {**row, **given.items()})]
        if given is not None and given.diameter is not None:
            if row["state"] != "too_small":
                self.wrong("size", "assessment.both")
                return []
            row["diameter"] = given.diameter
        return [("targets", row)]

    def non_target(self, lesion: str) -> Found:
        """What was entered of a non-target lesion."""
        state, size = self.value("state"), self.value("short_axis")
        if not state:
            self.wrong("state", "assessment.lacks")
            return []
        code, _, reason = state.partition(":")
        row: dict[str, Any] = {"lesion": lesion, "state": code}
        row |= {"diameter": size} if size else {}
        row |= {"diameter_missing": reason} if reason and not size else {}
        return [("non_targets", row)]

    def non_target_states(self) -> Choices:
        """What may be chosen of a non-target lesion."""
        codes = literal_values(NonTargetObserved.model_fields["state"].annotation)
        plain = [(e, self.words[f"code.{e}"]) for e in codes if e != "not_evaluated"]
        return plain + self.reasons()


class TargetRow(_Row):
    """A target lesion that is followed."""

    def __init__(self, form: Holder, lesion: Lesion, known: Sequence[Lesion]) -> None:
        super().__init__(form, lesion.lesion)
        self.lesion = lesion
        words = self.words
        axis = words["assessment.short_axis" if lesion.node else "assessment.longest"]
        self.size_field(f"{lesion.lesion}: {axis}")
        others = [e.lesion for e in known if e.role == "target" and e.lesion != lesion.lesion]
        self.add("state", choice(f"{lesion.lesion}: {words['field.state']}", self.states(others),
                                 False, words["code.measured"]))  # fmt: skip
        methods = [(each, words.of(f"code.{each}")) for each in get_args(Method)]
        self.add("method", choice(f"{lesion.lesion}: {words['field.method']}", methods, False,
                                  words["assessment.as_scan"]))  # fmt: skip

    @property
    def method(self) -> forms.BoundField | None:
        """The field of the method."""
        return self.bound("method")

    def read(self) -> None:
        """Read what was entered."""
        self.found = self.target(self.lesion.lesion)


class NonTargetRow(_Row):
    """A non-target lesion that is followed."""

    def __init__(self, form: Holder, lesion: Lesion) -> None:
        super().__init__(form, lesion.lesion)
        self.lesion = lesion
        label = f"{lesion.lesion}: {self.words['field.state']}"
        self.add("state", choice(label, self.non_target_states(), False), **{"data-down": ""})
        if lesion.node:
            label = f"{lesion.lesion}: {self.words['assessment.short_axis']}"
            self.add("short_axis", ExactDecimalField(required=False, label=label))

    @property
    def short_axis(self) -> forms.BoundField | None:
        """The field of a node's short axis."""
        return self.bound("short_axis")

    def read(self) -> None:
        """Read what was entered."""
        self.found = self.non_target(self.lesion.lesion)


class NewRow(_Row):
    """A new lesion that was seen at an earlier scan."""

    def __init__(self, form: Holder, lesion: Lesion) -> None:
        super().__init__(form, lesion.lesion)
        self.lesion = lesion
        self.add("certainty", certainty(self.words, f"{lesion.lesion}: "), **{"data-down": ""})

    @property
    def certainty(self) -> forms.BoundField | None:
        """The field of how sure it is."""
        return self.bound("certainty")

    def read(self) -> None:
        """Read what was entered; a lesion that is not seen has no row."""
        if sure := self.value("certainty"):
            row = {"lesion": self.lesion.lesion, "certainty": sure}
            self.found = [("new_lesions", row)]


def certainty(words: Any, before: str = "") -> forms.ChoiceField:
    """How sure it is that a lesion is new."""
    pairs = [(each, words[f"code.{each}"]) for each in ("unequivocal", "equivocal")]
    return choice(before + words["field.certainty"], pairs, False, words["assessment.not_seen"])


class AddedRow(_Row):
    """A lesion that is identified now: at a baseline a target or not, later a new one."""

    ITEMS = ("lesion", "role", "organ", "node", "size", "state", "certainty", "side", "kind",
             "treated")  # fmt: skip

    def __init__(self, form: Holder, place: str, proposed: str) -> None:
        super().__init__(form, f"added-{place}")
        self.number, self.proposed = place, proposed
        words, baseline = self.words, form.baseline
        name = forms.CharField(
            required=False, max_length=64, initial=proposed, label=words["field.lesion"]
        )
        self.add("lesion", name, autocomplete="off")
        if baseline:
            roles = [(each, words[f"code.{each}"]) for each in ("target", "non_target")]
            label = words["field.LesionIdentified.role"]
            role = forms.ChoiceField(choices=roles, required=False, initial="target", label=label)
            self.add("role", role)
        self.add("organ", forms.CharField(required=False, max_length=200,
                                          label=words["field.organ"]), list="organs",
                 autocomplete="off", **{"data-down": ""})  # fmt: skip
        self.add("node", forms.BooleanField(required=False, label=words["field.node"]))
        if baseline:
            self.size_field(words["assessment.size"])
            states = [*self.states(()), *self.non_target_states()]
            self.add("state", choice(words["field.state"], list(dict.fromkeys(states)), False,
                                     words["code.measured"]))  # fmt: skip
        else:
            self.add("certainty", certainty(words))
        sides = [(each, words[f"code.{each}"]) for each in ("left", "right")]
        self.add("side", choice(words["field.side"], sides, False))
        kind = forms.ChoiceField(choices=form.kinds, required=False, initial="soft_tissue",
                                 label=words["field.kind"])  # fmt: skip
        self.add("kind", kind)
        if baseline:
            since = [(e, words[f"assessment.treated.{e}"]) for e in TREATED]
            self.add("treated", choice(words["assessment.treated"], since, False, words["no"]))

    def fields(self) -> list[forms.BoundField]:
        """The fields in the order in which they are filled in."""
        names = [self.name(each) for each in self.ITEMS]
        return [self.form[name] for name in names if name in self.form.fields]

    @property
    def role(self) -> str:
        """The role of the lesion."""
        return (self.value("role") or "target") if self.form.baseline else "new"

    @property
    def given_lesion(self) -> str | None:
        """The identifier that was posted with an organ, before anything is read."""
        data = self.form.data
        organ = str(data.get(self.name("organ"), "")).strip()
        return str(data.get(self.name("lesion"), "")).strip() if organ else None

    @property
    def given(self) -> bool:
        """Whether a lesion was entered: a row without organ and without finding is none."""
        return bool(self.value("organ") and self.value("lesion"))

    def identity(self, evaluator: str) -> dict[str, Any]:
        """The lesion as an action identifies it."""
        found: dict[str, Any] = {
            "lesion": self.value("lesion"), "evaluator": evaluator, "role": self.role,
            "organ": self.value("organ"), "node": self.value("node") == "true",
            "kind": self.value("kind") or "soft_tissue",
        }  # fmt: skip
        if side := self.value("side"):
            found["side"] = side
        if since := self.value("treated"):
            found |= {"treated_before": True, "progressed_since": TREATED[since]}
        return found

    def read(self) -> None:
        """Read what was entered; the organ is what tells that there is a lesion."""
        entered = [e for e in ("size", "certainty") if self.value(e)]
        if not self.value("organ"):
            if entered:
                self.wrong("organ", "assessment.organ")
            return
        lesion = self.value("lesion")
        if not lesion:
            self.wrong("lesion", "assessment.name")
        elif self.role == "new":
            if sure := self.value("certainty"):
                self.found = [("new_lesions", {"lesion": lesion, "certainty": sure})]
            else:
                self.wrong("certainty", "assessment.lacks")
        elif self.role == "target":
            self.found = self.target(lesion)
        else:
            self.found = self._other(lesion)

    def _other(self, lesion: str) -> Found:
        """A non-target lesion at its baseline: present unless something else was chosen."""
        try:
            given = sizes(self.value("size"), self.words.language)
        except ValueError as error:
            self.wrong("size", "assessment.no_size", found=str(error))
            return []
        code, _, reason = (self.value("state") or "present").partition(":")
        row: dict[str, Any] = {"lesion": lesion, "state": code}
        if given and given[0].diameter is not None:
            row["diameter"] = given[0].diameter
        elif reason:
            row["diameter_missing"] = reason
        return [("non_targets", row)]
