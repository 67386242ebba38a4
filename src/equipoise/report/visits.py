"""How the visits of the schedule were kept."""

from __future__ import annotations

from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import Heading, Row, Table, counted_in
from equipoise.study.definition import Study

_STATES = {
    "done": "In window",
    "early": "Early",
    "late": "Late",
    "missed": "Missed",
    "not_yet_due": "Not yet due",
    "not_applicable": "Not applicable",
    "unscheduled": "Unscheduled",
    "not_placed": "Not placed",
}


def visit_table(tables: Tables, study: Study) -> Table:
    """Visits of randomised subjects: a row per visit of the schedule, its counts by state.

    Without a row while nobody is randomised.
    """
    randomised = tables["allocation"].select(*KEY)
    seen = tables["visit_timeline"].join(randomised, on=[*KEY], how="semi")
    rows = [
        Row(
            visit.label.en,
            [counted_in(seen.filter(visit=visit.code, state=state)) for state in _STATES],
        )
        for visit in study.visits.visits
        if len(seen)
    ]
    return Table(
        "Visits of randomised subjects by the schedule",
        "Visit",
        [[Heading(each) for each in _STATES.values()]],
        rows,
        (
            "Missed: recorded as not done, or the whole window passed while the subject took part. "
            "Not applicable: the subject had left, died or progressed before its end. Not placed: "
            "took place, and what the visit is counted from is not known.",
        ),
        title="Visits",
    )
