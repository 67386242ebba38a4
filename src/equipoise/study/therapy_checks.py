"""What must agree between the lists of therapies, procedures and medicines and those who ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown
from equipoise.study.form_checks import items
from equipoise.study.source import FieldPath

LISTS = {
    "therapies": "a therapy",
    "procedures": "a procedure",
    "medication_classes": "a class",
    "conditions": "a condition",
}
"""The lists of codes, and what one of them is."""

GIVEN = ("therapies", "procedures", "medication_classes")
"""Those of what is given or done."""

ANSWERING = {
    "therapies": ("a prior therapy", "whatever its day"),
    "procedures": ("a procedure", "however long ago it was"),
    "medication_classes": ("a medicine", "in the days before entry that medication_days says"),
    "conditions": ("a condition", "however long ago it was"),
}
"""What of each list answers an item, and when."""


def therapy_disagreements(study: Study) -> Disagreements:
    """Codes listed twice, codes that the analysis asks for and nobody can record, and items that a
    prior therapy or a procedure cannot answer."""
    listed = {name: [each.code for each in getattr(study.visits, name)] for name in LISTS}
    for name, codes in listed.items():
        yield from repeated(("visits", name), codes, "code", name.replace("_", " "))
    yield from _answered_items(study, listed)
    yield from _prohibited(study, listed)
    for number, each in enumerate(study.analysis.intercurrent_codes):
        for name in ("therapies", "procedures"):
            for place, code in enumerate(getattr(each, name)):
                at: FieldPath = ("analysis", "intercurrent_codes", number, name, place)
                yield from unknown(at, code, listed[name], LISTS[name])


def _prohibited(study: Study, listed: Mapping[str, Sequence[str]]) -> Disagreements:
    """Prohibitions of what nobody can record, of nothing, for arms or regimens that there are not,
    and of days after what has none."""
    arms = [each.code for each in study.randomisation.arms]
    known = {
        **{name: (listed[name], LISTS[name]) for name in GIVEN},
        "arms": (arms, "an arm"),
        "regimens": ([each.code for each in study.treatment.regimens], "a regimen"),
    }
    codes = [each.code for each in study.visits.prohibited]
    yield from repeated(("visits", "prohibited"), codes, "code", "what is prohibited")
    for number, each in enumerate(study.visits.prohibited):
        path: FieldPath = ("visits", "prohibited", number)
        for name, (allowed, what) in known.items():
            named = getattr(each, name)
            for place, code in enumerate(named):
                yield from unknown((*path, name, place), code, allowed, what)
            yield from repeated((*path, name), named, None, name.replace("_", " "))
        if not any(getattr(each, name) for name in GIVEN):
            missing = "must name a class of medicines, a therapy or a procedure"
            yield Disagreement(path, missing, "nothing")
        if each.days_after and each.until != "end_of_treatment":
            missing = "must be left out, unless the period ends with treatment"
            yield Disagreement((*path, "days_after"), missing, each.days_after)


def _answered_items(study: Study, listed: Mapping[str, Sequence[str]]) -> Disagreements:
    """Items that ask for no yes or no, or that go out of date, answered by entries; codes that
    nobody can record, and codes named twice; days of medicines that answer nothing."""
    for path, item in items(study):
        naming = [name for name in LISTS if getattr(item, name)]
        if item.medication_days is not None and not item.medication_classes:
            allowed = "must be left out: no class of medicines answers the item"
            yield Disagreement((*path, "medication_days"), allowed, item.medication_days)
        if not naming:
            continue
        for name in naming:
            at, codes = (*path, name), getattr(item, name)
            for place, code in enumerate(codes):
                yield from unknown((*at, place), code, listed[name], LISTS[name])
            yield from repeated(at, codes, None, name.replace("_", " "))
        said, day = ANSWERING[naming[0]]
        if item.type != "boolean":
            allowed = f"must be boolean: {said} that is recorded answers yes"
            yield Disagreement((*path, "type"), allowed, item.type)
        if item.entry_window is not None:
            allowed = f"must be left out: {said} answers {day}"
            yield Disagreement((*path, "entry_window"), allowed, item.entry_window)
