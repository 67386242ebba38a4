"""The report of a trial: one self-contained page, a pure function of study, tables and results.

Nothing here reads a clock, a file outside the package or a random number: the same record, cut
and release give the same bytes.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import polars as pl
from markupsafe import Markup

from equipoise.analysis.endpoints import conventions
from equipoise.analysis.result import Result
from equipoise.analysis.subjects import (
    DecidingEvents,
    EndPointTables,
    analysed_subjects,
    end_point_tables,
    estimand_of,
    variable_of,
)
from equipoise.record.plan import assumptions
from equipoise.record.rule import Tables
from equipoise.report.citations import Citations
from equipoise.report.conducted import conducted
from equipoise.report.curves import survival_figures
from equipoise.report.findings import (
    ResultView,
    estimand_views,
    primary_view,
    result_views,
    shorter,
)
from equipoise.report.forest import CAPTION, forest_figure, forests
from equipoise.report.prediction import INTRODUCTION, questions
from equipoise.report.provenance import RecordFacts, register, source_lists
from equipoise.report.sections import analysis_sections
from equipoise.report.wording import counted, moment
from equipoise.study.analysis_plan import Analysis, Group
from equipoise.study.definition import Study

BANNER = "Synthetic patients: rehearsal, not a trial"
KEY = ("replicate", "subject")
ENROLMENT = "enrolment"
"""Where a scenario says what it takes of those who were screened and of the cut-off."""


def report(
    study: Study,
    tables: Tables,
    results: list[Result],
    events_summary: pl.DataFrame,
    record_facts: RecordFacts,
    contradictions: Sequence[str] = (),
) -> str:
    """The text of report.html.

    `tables` are the event and derived tables of one trial (after its data cut), `results` what
    `equipoise.analysis.run` made of them and `contradictions` what its check found in them,
    `events_summary` the events without their bodies.
    """
    plan = study.analysis
    names, lists = source_lists(results)
    citations = Citations(lists)
    end_points = end_point_tables(tables, study, cut=record_facts.cut)
    subjects = analysed_subjects(tables, study, end_points)
    primary = next((each for each in plan.analyses if each.role == "primary"), None)
    leading = primary or plan.analyses[0]
    estimand = estimand_of(plan, leading)
    analysed = _analysed(tables, study, subjects, end_points, leading)
    views = result_views(study, results, names)
    estimands, handlings = estimand_views(study)
    context: dict[str, Any] = {
        "study": study,
        "facts": record_facts,
        "banner": BANNER if record_facts.mode == "rehearsal" else "",
        "title": shorter(study),
        "analysed": next(e for e in plan.populations if e.code == estimand.population).label.en,
        "primary": primary_view(study, primary, views) if primary else None,
        "contradictions": contradictions,
        "conventions": conventions(),
        "rule": estimand.status_rule,
        "estimands": estimands,
        "handlings": handlings,
        "assumptions": by_reason(assumptions(study), "the whole file"),
        "scenario": by_reason(record_facts.assumed, "the whole scenario"),
        "top": [why for path, why in record_facts.assumed if path == ENROLMENT],
        "counted": counted,
        "moment": moment,
    }  # fmt: skip
    context |= _effects(study, subjects, views)
    context |= conducted(
        tables, study, citations, end_points=end_points, analysed=analysed,
        rule=estimand.status_rule, on=_day(record_facts),
    )  # fmt: skip
    context |= {
        "source_lists": citations.printed(events_summary),
        "register": register(citations.seqs(), events_summary),
    }
    return template("report.html.j2").render(context)


def _effects(study: Study, subjects: pl.DataFrame, views: list[ResultView]) -> dict[str, Any]:
    """What the analyses found: prediction, forests, every analysis, and curves."""
    return {
        "introduction": INTRODUCTION,
        "questions": questions(study, views),
        "forests": [
            (Markup(forest_figure(f"forest-{each.scale}", each)), CAPTION)
            for each in forests(study, views)
        ],
        "sections": analysis_sections(study.analysis, views),
        "figures": [*survival_figures(study, subjects, views)],
    }


def _day(facts: RecordFacts) -> datetime.date:
    """The day of the data cut, else of the last event."""
    return facts.cut or datetime.date.fromisoformat(facts.recorded[:10])


def _analysed(
    tables: Tables,
    study: Study,
    subjects: pl.DataFrame,
    end_points: EndPointTables,
    analysis: Analysis,
) -> pl.DataFrame:
    """Subjects of the analysis's population, whether its end point can be evaluated, and the
    events that say so."""
    plan = study.analysis
    estimand = estimand_of(plan, analysis)
    inside = pl.col(f"population/{estimand.population}/{estimand.status_rule}")
    variable = variable_of(plan, estimand)
    values = [f"value/{variable}", f"event/{variable}"]
    known = pl.any_horizontal(pl.col(name).is_not_null() for name in values if name in subjects)
    deciding = DecidingEvents(tables, plan, subjects, end_points)
    found = deciding.by_subject(analysis, Group(label="analysed"))
    sources = pl.Series("sources", [sorted(each) for each in found], dtype=pl.List(pl.Int64))
    frame = subjects.with_columns(sources)
    return frame.filter(inside).select(*KEY, known.alias("evaluable"), "sources")


def by_reason(found: Iterable[tuple[str, str]], whole: str) -> list[tuple[str, list[str]]]:
    """Reasons with every place that they explain, in order."""
    places: dict[str, list[str]] = {}
    for path, reason in found:
        places.setdefault(reason, []).append(whole if path == "." else path)
    return list(places.items())


@cache
def template(name: str) -> jinja2.Template:
    """A template of this folder by the name of its file."""
    folder = files("equipoise.report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
