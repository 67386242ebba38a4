"""What must agree between the part on safety and the other parts of a study file."""

from __future__ import annotations

from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, unknown


def safety_disagreements(study: Study) -> Disagreements:
    """Items that choose a reference range and are none, or not of a fitting type."""
    items = {item.code: item.type for form in study.visits.forms for item in form.items}
    plan = study.safety.laboratory
    for field, name, types in (
        ("sex_item", plan.sex_item, ("code",)),
        ("age_item", plan.age_item, ("integer", "decimal")),
    ):
        if name is None:
            continue
        path = ("safety", "laboratory", field)
        yield from unknown(path, name, items, "an item")
        if name in items and items[name] not in types:
            yield Disagreement(path, f"must be an item of type {' or '.join(types)}", name)
