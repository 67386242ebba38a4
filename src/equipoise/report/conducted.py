"""How the trial was conducted: the tables and flow diagrams, each number led to its events."""

from __future__ import annotations

import datetime

import polars as pl
from markupsafe import Markup

from equipoise.analysis.subjects import EndPointTables
from equipoise.record.rule import Tables
from equipoise.report.answers import answers_table
from equipoise.report.assays import assay_flow, redetermination_table
from equipoise.report.baseline import baseline_table
from equipoise.report.citations import Citations
from equipoise.report.consort import consort
from equipoise.report.deviations import deviation_tables
from equipoise.report.doses import cycles_table, intensity_table, reasons_table
from equipoise.report.entry import entry_table
from equipoise.report.laboratory import laboratory_shift_table
from equipoise.report.layout import Table
from equipoise.report.pathology import grade_table
from equipoise.report.populations import population_table
from equipoise.report.readers import reader_table
from equipoise.report.safety import adverse_event_table, serious_event_table
from equipoise.report.visits import visit_table
from equipoise.study.definition import Study


def conducted(
    tables: Tables,
    study: Study,
    citations: Citations,
    *,
    end_points: EndPointTables,
    analysed: pl.DataFrame,
    rule: str,
    on: datetime.date,
) -> dict[str, object]:
    """What the template shows of the conduct, by the name it has there.

    `end_points` are the tables of the plan's variables, `analysed` the subjects of the primary
    analysis (see `consort`), `rule` is the version of the marker's rule that it uses, `on` the day
    on which the report is made.
    """
    found: dict[str, Table | None] = {
        "entry": entry_table(tables, study),
        "visits": visit_table(tables, study),
        "populations": population_table(tables, study, end_points, rule),
        "baseline": baseline_table(tables, study),
        "answers": answers_table(tables, study),
        "cycles": cycles_table(tables, study),
        "intensity": intensity_table(tables, study),
        "reasons": reasons_table(tables, study),
        "readers": reader_table(tables, study),
        "events": adverse_event_table(tables, study),
        "serious": serious_event_table(tables, study, on),
        "laboratory": laboratory_shift_table(tables, study),
        "redetermined": redetermination_table(tables, study, rule),
        "grades": grade_table(tables, study),
    }
    found |= {
        f"deviations_{name}": table
        for name, table in deviation_tables(tables, study)._asdict().items()
    }
    flow = Markup(consort(tables, study, analysed, citations))
    cited = {name: table and citations.table(table) for name, table in found.items()}
    return {"flow": flow, **cited, "assays": Markup(assay_flow(tables, study, rule, citations))}
