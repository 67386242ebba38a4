"""A questionnaire as a form of a study; the texts of its items are made up."""

from __future__ import annotations

from equipoise.record.plan import Label
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from equipoise.visits.plan import Form, Item
from equipoise.visits.questionnaire import instruments, item_code
from tests.harness.trial import STUDY


def form_of(instrument: str) -> Form:
    """The questionnaire as a form of a study; the texts of its items are licensed."""
    known = instruments()[instrument]
    items = tuple(
        Item(
            code=item_code(each), label=Label(en=f"Item {each}", fr=f"Question {each}"),
            type="integer", minimum=known.lowest, maximum=known.top(each),
        )
        for each in known.numbers
    )  # fmt: skip
    title = Label(en=known.title, fr=known.title)
    return Form(code=f"form_{instrument}", label=title, repeating=True, instrument=instrument,
                items=items)  # fmt: skip


def study_with_a_questionnaire() -> Study:
    """The study with the QLQ-C30 as a form of its own."""
    study = load_study(STUDY)
    forms = (*study.visits.forms, form_of("qlq_c30"))
    return study.model_copy(update={"visits": study.visits.model_copy(update={"forms": forms})})
