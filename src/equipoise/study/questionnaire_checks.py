"""What must agree between a form that is a questionnaire and the instrument that it names."""

from __future__ import annotations

from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of
from equipoise.visits.questionnaire import instruments, item_code


def questionnaire_disagreements(study: Study) -> Disagreements:
    """Instruments that nobody knows, and items that are not those of the instrument."""
    for number, form in enumerate(study.visits.forms):
        if form.instrument is None:
            continue
        path = ("visits", "forms", number)
        known = instruments().get(form.instrument)
        if known is None:
            allowed = f"must be an instrument of questionnaires.yaml: {one_of(instruments())}"
            yield Disagreement((*path, "instrument"), allowed, form.instrument)
            continue
        wanted = {item_code(each): each for each in known.numbers}
        for place, item in enumerate(form.items):
            each = wanted.pop(item.code, None)
            if each is None:
                continue
            values = range(known.lowest, known.top(each) + 1)
            coded = [each.code for each in item.codes] == [str(value) for value in values]
            limited = item.minimum == values[0] and item.maximum == values[-1]
            if not (coded if item.type == "code" else item.type == "integer" and limited):
                yield Disagreement(
                    (*path, "items", place),
                    f"must be an integer from {values[0]} to {values[-1]}, or these as codes, as "
                    f"{known.title} has it",
                    item.code,
                )
        if wanted:
            allowed = f"must list every item of {known.title}: {', '.join(wanted)} lack"
            yield Disagreement((*path, "items"), allowed, form.code)
