"""How marker status came about: from the first assay to its fallback to a status."""

from __future__ import annotations

import polars as pl

from equipoise.biomarker.plan import StatusRule
from equipoise.record.rule import Tables
from equipoise.report.drawing import Box, Drawing
from equipoise.report.layout import Heading, Row, Table, status_codes, status_label
from equipoise.study.definition import Study

KEY = ("replicate", "subject")
WIDTH = 1000.0
DOWN = 34.0
LEFT = 420.0
RIGHT = 340.0


def assay_flow(tables: Tables, study: Study, version: str) -> str:
    """The steps of a version of the status rule as SVG, with the subjects that each decided.

    Counts are of subjects with a sample or a result, by the results that randomisation used.
    """
    rule = _rule(study, version)
    decided = tables["marker_status"].filter(rule=version, basis="randomisation")
    drawing = Drawing("assays", "From assay to marker status", WIDTH)
    box = drawing.box(Box(80, 0, LEFT, f"With a sample or a result (n = {len(decided)})"))
    pending = decided
    for step in rule.steps:
        box = _step(drawing, tables, study, step.assay, pending, box)
        settled = pending.filter((pl.col("assay") == step.assay) & pl.col("status").is_not_null())
        pending = pending.join(settled, on=KEY, how="anti")
    last = Box(80, box.bottom + DOWN, LEFT, f"No status (n = {len(pending)})")
    drawing.box(last)
    drawing.line((last.middle, box.bottom), (last.middle, last.y), arrow=True)
    return drawing.svg()


def _rule(study: Study, version: str) -> StatusRule:
    return next(each for each in study.biomarker.marker.rules if each.version == version)


def _step(
    drawing: Drawing, tables: Tables, study: Study, assay: str, pending: pl.DataFrame, above: Box
) -> Box:
    """One assay: who was measured, who could be interpreted, what it decided."""
    values = tables["assay_value"].filter(assay=assay, purpose="randomisation")
    values = values.join(pending.select(KEY), on=KEY, how="semi")
    measured = values.select(KEY).unique()
    interpretable = values.filter(pl.col("interpretable")).select(KEY).unique()
    label = next(each.label.en for each in study.biomarker.marker.assays if each.code == assay)
    lines = [
        f"Measured: {len(measured)} of {len(pending)}",
        f"Interpretable: {len(interpretable)}",
        f"Not interpretable: {len(measured) - len(interpretable)}",
    ]
    box = drawing.box(Box(80, above.bottom + DOWN, LEFT, label, lines))
    drawing.line((box.middle, above.bottom), (box.middle, box.y), arrow=True)
    found = pending.filter(assay=assay)
    statuses = [
        f"{status_label(study, status)}: {len(found.filter(status=status))}"
        for status in status_codes(study)
    ]
    total = found["status"].count()
    side = Box(WIDTH - RIGHT - 20, box.y, RIGHT, f"Status decided (n = {total})", statuses)
    side = drawing.box(Box(side.x, box.y + (box.height - side.height) / 2, *_rest(side)))
    drawing.line((box.x + box.width, side.y + side.height / 2),
                 (side.x, side.y + side.height / 2), arrow=True)  # fmt: skip
    return box


def _rest(box: Box) -> tuple[float, str, tuple[str, ...], str]:
    return box.width, box.heading, tuple(box.lines), "box outcome"


def redetermination_table(tables: Tables, study: Study, version: str) -> Table:
    """Randomised subjects by status as randomised (rows) and as re-determined (columns).

    A note says as of which position of the record the latter is frozen, or that it is not.
    """
    again = (
        tables["marker_status"]
        .filter(rule=version, basis="redetermination")
        .select(*KEY, pl.col("status").alias("again"))
    )
    subjects = tables["allocation"].select(*KEY, "marker_status").join(again, on=KEY, how="left")
    statuses = status_codes(study)
    rows = []
    for status in statuses:
        row = subjects.filter(marker_status=status)["again"]
        counts = [int((row == other).sum()) for other in statuses]
        cells = [str(count) for count in (*counts, row.null_count(), len(row))]
        rows.append(Row(status_label(study, status), cells))
    heads = [Heading(status_label(study, status)) for status in statuses]
    heads += [Heading("No status"), Heading("All")]
    return Table(
        f"Marker status as randomised and as re-determined, by rule {version}",
        "As randomised",
        [[Heading("As re-determined", len(heads))], heads],
        rows,
        notes=[frozen_note(tables)],
    )


def frozen_note(tables: Tables) -> str:
    """As of which position of the record what is determined again is frozen, or that it is not."""
    frozen = tables["redetermination_frozen"]["as_of"].to_list()
    return f"Frozen as of event {frozen[0]} of the record." if frozen else "Not yet frozen."
