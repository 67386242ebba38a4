"""How marker status came about, and what became of it: from the first assay to re-determination."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from equipoise.biomarker.plan import StatusRule
from equipoise.record.rule import KEY, Tables
from equipoise.report.citations import Citations
from equipoise.report.drawing import Box, Drawing, same_height
from equipoise.report.layout import (
    Cell,
    Heading,
    Row,
    Table,
    counted_in,
    seqs_of,
    status_codes,
    status_label,
)
from equipoise.study.definition import Study

WIDTH = 1000.0
DOWN = 34.0
LEFT = 500.0
MARGIN = 40.0
RIGHT = 370.0
GAP = 14.0


def assay_flow(
    tables: Tables, study: Study, version: str, citations: Citations | None = None
) -> str:
    """The way of a marker's status by a version of its rule, from above to below, as SVG.

    First the steps of the rule, with who was tested, in whom the assay could be interpreted and
    why not in the others, and the statuses that it decided, by the results that randomisation
    used. Then who was randomised, by status; and what each status became when it was determined
    again. Counts are of subjects.
    """
    rule = _rule(study, version)
    decided = tables["marker_status"].filter(rule=version, basis="randomisation")
    drawing = Drawing(
        "assays", "From assay to marker status and its re-determination", WIDTH,
        citations or Citations(),
    )  # fmt: skip
    box = drawing.box(Box(MARGIN, 0, LEFT, _sized("With a sample or a result", decided)))
    pending = decided
    for step in rule.steps:
        box = _step(drawing, tables, study, step.assay, pending, box)
        settled = pending.filter((pl.col("assay") == step.assay) & pl.col("status").is_not_null())
        pending = pending.join(settled, on=[*KEY], how="anti")
    randomised = _again(tables, version)
    side = Box(WIDTH - RIGHT - 20, box.bottom + DOWN, RIGHT, _sized("No status", pending))
    drawing.box(_styled(side, "box outcome"))
    lines = [
        _line(status_label(study, status), randomised.filter(marker_status=status))
        for status in status_codes(study)
    ]
    last = Box(MARGIN, box.bottom + DOWN, LEFT, _sized("Randomised", randomised), lines)
    drawing.box(last)
    drawing.line((last.middle, box.bottom), (last.middle, last.y), arrow=True)
    drawing.line((last.middle, side.y - DOWN / 2), (side.middle, side.y - DOWN / 2),
                 (side.middle, side.y), arrow=True)  # fmt: skip
    _redetermined(drawing, study, randomised, last)
    return drawing.svg()


def _rule(study: Study, version: str) -> StatusRule:
    return next(each for each in study.biomarker.marker.rules if each.version == version)


def _sized(words: str, subjects: pl.DataFrame, *names: str) -> Cell:
    counted = counted_in(subjects, *names)
    return Cell(f"{words} (n = {counted.text})", counted.sources)


def _line(words: str, subjects: pl.DataFrame, *names: str) -> Cell:
    counted = counted_in(subjects, *names)
    return Cell(f"{words}: {counted.text}", counted.sources)


def _styled(box: Box, style: str) -> Box:
    return Box(box.x, box.y, box.width, box.heading, box.lines, style)


def _step(
    drawing: Drawing, tables: Tables, study: Study, assay: str, pending: pl.DataFrame, above: Box
) -> Box:
    """One assay: who was tested, in whom it could be interpreted, what it decided."""
    tested = _tested(tables, assay, pending)
    without = tested.filter(~pl.col("interpretable"))
    label = next(each.label.en for each in study.biomarker.marker.assays if each.code == assay)
    count = Cell(f"Tested: {len(tested)} of {len(pending)}", seqs_of(tested["sources"]))
    lines = [
        count,
        _line("Interpretable", tested.filter("interpretable")),
        _line("Not interpretable", without),
    ]
    reasons = without.group_by("finding").len().sort("len", "finding", descending=[True, False])
    lines += [
        _line(f"– {reason}", without.filter(pl.col("finding").eq_missing(reason)))
        for reason in reasons["finding"]
        if reason is not None
    ]
    box = drawing.box(Box(MARGIN, above.bottom + DOWN, LEFT, Cell(label), lines))
    drawing.line((box.middle, above.bottom), (box.middle, box.y), arrow=True)
    found = pending.filter(pl.col("status").is_not_null(), assay=assay)
    statuses = [
        _line(status_label(study, status), found.filter(status=status))
        for status in status_codes(study)
    ]
    side = Box(WIDTH - RIGHT - 20, box.y, RIGHT, _sized("Status decided", found), statuses)
    side = Box(side.x, box.y + (box.height - side.height) / 2, RIGHT, side.heading, statuses)
    drawing.box(_styled(side, "box outcome"))
    drawing.line((box.x + box.width, side.y + side.height / 2),
                 (side.x, side.y + side.height / 2), arrow=True)  # fmt: skip
    return box


def _tested(tables: Tables, assay: str, pending: pl.DataFrame) -> pl.DataFrame:
    """A row per subject tested for randomisation: whether it could be interpreted in any
    determination, else why not in the last one; sources of all."""
    found = tables["assay_determination"].filter(assay=assay, basis="randomisation")
    found = found.join(pending.select(*KEY), on=[*KEY], how="semi").sort("occurred", "event")
    why = [
        text and sample and text.replace(f" {sample}", "")
        for text, sample in found.select("finding", "sample").iter_rows()
    ]
    found = found.with_columns(pl.Series("finding", why, dtype=pl.String))
    return found.group_by(*KEY, maintain_order=True).agg(
        pl.col("interpretable").any(),
        pl.col("finding").last(),
        pl.col("sources").list.explode(keep_nulls=False, empty_as_null=False),
    )


def _again(tables: Tables, version: str) -> pl.DataFrame:
    """Randomised subjects: marker_status as randomised, `again` as re-determined, `invalidated`
    (some run of theirs was), the events behind them (`sources`, `by`, `voided`)."""
    again = (
        tables["marker_status"]
        .filter(rule=version, basis="redetermination")
        .select(*KEY, pl.col("status").alias("again"), pl.col("sources").alias("by"))
    )
    void = tables["assay_value"].filter("invalidated")
    voided = void.group_by(*KEY).agg(pl.col("invalidation").drop_nulls().alias("voided"))
    subjects = tables["allocation"].select(*KEY, "marker_status", "sources")
    return subjects.join(again, on=[*KEY], how="left").join(voided, on=[*KEY], how="left")


def _redetermined(drawing: Drawing, study: Study, subjects: pl.DataFrame, above: Box) -> None:
    """What each status as randomised became, and below how many have each status then."""
    statuses = status_codes(study)
    became = [_became(study, subjects.filter(marker_status=status), status) for status in statuses]
    upper = _abreast(above.bottom + 1.4 * DOWN, became)
    bend = above.bottom + 0.5 * DOWN
    for box in upper:
        drawing.line((above.middle, above.bottom), (above.middle, bend), (box.middle, bend),
                     (box.middle, box.y), arrow=True)  # fmt: skip
    drawing.row(upper)
    now: list[tuple[Cell, list[Cell]]] = [
        (_sized(f"Re-determined: {status_label(study, status)}",
                subjects.filter(again=status), "sources", "by"), [])
        for status in statuses
    ]  # fmt: skip
    without = subjects.filter(pl.col("again").is_null())
    now.append((_sized("Re-determined: no status", without, "sources", "by", "voided"), []))
    low = upper[0].y + same_height(upper)
    lower = _abreast(low + 1.4 * DOWN, now)
    bend = low + 0.7 * DOWN
    drawing.line((upper[0].middle, bend), (upper[-1].middle, bend))
    for box in upper:
        drawing.line((box.middle, box.bottom), (box.middle, bend))
    for box in lower:
        drawing.line((upper[0].middle, bend), (box.middle, bend), (box.middle, box.y), arrow=True)
    drawing.row([_styled(box, "box outcome") for box in lower])


def _became(study: Study, subjects: pl.DataFrame, status: str) -> tuple[Cell, list[Cell]]:
    same = subjects.filter(again=status)
    lines = [_line("Unchanged", same, "sources", "by")]
    lines += [
        _line(f"Now {status_label(study, other)}", subjects.filter(again=other), "sources", "by")
        for other in status_codes(study)
        if other != status
    ]
    without = subjects.filter(pl.col("again").is_null())
    void = without.filter(pl.col("voided").is_not_null())
    lines.append(_line("Invalidated, no status now", void, "sources", "by", "voided"))
    other = without.filter(pl.col("voided").is_null())
    if len(other):
        lines.append(_line("No status now, nothing invalidated", other, "sources", "by"))
    return _sized(f"{status_label(study, status)} as randomised", subjects), lines


def _abreast(y: float, boxes: Sequence[tuple[Cell, list[Cell]]]) -> list[Box]:
    """Boxes of one row over the whole width."""
    width = (WIDTH - GAP * (len(boxes) - 1)) / len(boxes)
    return [Box(place * (width + GAP), y, width, *each) for place, each in enumerate(boxes)]


def redetermination_table(tables: Tables, study: Study, version: str) -> Table:
    """Randomised subjects by status as randomised (rows) and as re-determined (columns).

    A note says as of which position of the record the latter is frozen, or that it is not.
    """
    subjects = _again(tables, version)
    statuses = status_codes(study)
    rows = []
    for status in statuses:
        row = subjects.filter(marker_status=status)
        parts = [row.filter(again=other) for other in statuses]
        parts += [row.filter(pl.col("again").is_null()), row]
        cells = [counted_in(part, "sources", "by", "voided") for part in parts]
        rows.append(Row(status_label(study, status), cells))
    heads = [Heading(status_label(study, status)) for status in statuses]
    heads += [Heading("No status"), Heading("All")]
    return Table(
        f"Marker status as randomised and as re-determined, by rule {version}",
        "As randomised",
        [[Heading("As re-determined", len(heads))], heads],
        rows,
        notes=[frozen_note(tables)],
        title="Marker status, re-determined",
    )


def frozen_note(tables: Tables) -> str:
    """As of which position of the record what is determined again is frozen, or that it is not."""
    frozen = tables["redetermination_frozen"]["as_of"].to_list()
    return f"Frozen as of event {frozen[0]} of the record." if frozen else "Not yet frozen."
