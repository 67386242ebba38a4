"""What must agree between the lists of therapies, procedures and medicines and those who ask."""

from __future__ import annotations

from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreements, repeated, unknown
from equipoise.study.source import FieldPath

LISTS = {"therapies": "a therapy", "procedures": "a procedure", "medication_classes": "a class"}
"""The lists of codes, and what one of them is."""


def therapy_disagreements(study: Study) -> Disagreements:
    """Codes listed twice, and codes that the analysis asks for and nobody can record."""
    listed = {name: [each.code for each in getattr(study.visits, name)] for name in LISTS}
    for name, codes in listed.items():
        yield from repeated(("visits", name), codes, "code", name.replace("_", " "))
    for number, each in enumerate(study.analysis.intercurrent_codes):
        for name in ("therapies", "procedures"):
            for place, code in enumerate(getattr(each, name)):
                at: FieldPath = ("analysis", "intercurrent_codes", number, name, place)
                yield from unknown(at, code, listed[name], LISTS[name])
