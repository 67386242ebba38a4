"""The flow of subjects through the trial, as CONSORT draws it."""

from __future__ import annotations

import polars as pl

from equipoise.analysis.populations import first_doses
from equipoise.record.rule import KEY, Tables
from equipoise.record.sources import group_sources
from equipoise.report.citations import Citations
from equipoise.report.drawing import Box, Drawing, same_height
from equipoise.report.layout import (
    Cell,
    arm_codes,
    arm_label,
    seqs_of,
    status_codes,
    status_label,
)
from equipoise.report.wording import plain
from equipoise.study.definition import Study

WIDTH = 1000.0
GAP = 14.0
DOWN = 30.0
MARGIN = 26.0
MOST_COLUMNS = 6
"""Columns that fit beside one another and can still be read on A4."""

_SHOWN_BY = {
    "screened": "subject_screened",
    "failed": "screening_failed",
    "randomised": "randomised",
    "stopped": "treatment_discontinued",
    "withdrawn": "consent_withdrawn",
    "lost": "lost_to_follow_up",
    "died": "death_recorded",
}
"""The events that say what happened to somebody."""

_FATES = {
    "failed": pl.col("screening_failed").is_not_null(),
    "stopped": pl.col("treatment_discontinued").is_not_null(),
    "withdrawn": pl.col("consent_withdrawn").is_not_null(),
    "lost": pl.col("lost").is_not_null(),
    "died": pl.col("death").is_not_null() | pl.col("death_text").is_not_null(),
}
"""Whether it happened, by the derived disposition."""


def consort(
    tables: Tables, study: Study, analysed: pl.DataFrame, citations: Citations | None = None
) -> str:
    """The flow diagram as SVG: screened, failures by cause, randomised, treated, analysed.

    `analysed` has a row per subject of the primary analysis's population: replicate, subject,
    evaluable, sources. One column per marker status as randomised and arm; strata stand side by
    side as far as they can be read, else below one another.
    """
    drawing = Drawing(
        "consort", "Flow of subjects through the trial", WIDTH, citations or Citations()
    )
    flow = _flow(tables, analysed)
    top = drawing.box(_centred(_sized("Screened", flow, "screened"), 0))
    out = Box(WIDTH - 330, top.bottom + DOWN * 0.7, 330, *_not_randomised(flow))
    drawing.box(out)
    randomised = _centred(
        _sized("Randomised", flow.filter(pl.col("arm").is_not_null()), "randomised"),
        max(out.bottom + DOWN * 0.7, top.bottom + DOWN),
    )
    drawing.box(randomised)
    side = out.y + out.height / 2
    drawing.line((top.middle, top.bottom), (top.middle, randomised.y), arrow=True)
    drawing.line((top.middle, side), (out.x, side), arrow=True)
    _strata(drawing, study, flow, randomised)
    return drawing.svg()


def _centred(heading: Cell, y: float) -> Box:
    return Box(WIDTH / 2 - 125, y, 250, heading)


def _sized(words: str, subjects: pl.DataFrame, *shown_by: str) -> Cell:
    """A heading with the number of subjects."""
    return Cell(f"{words} (n = {len(subjects)})", seqs_of(*(subjects[name] for name in shown_by)))


def _line(words: str, subjects: pl.DataFrame, *shown_by: str) -> Cell:
    """A line with the number of subjects."""
    return Cell(f"{words}: {len(subjects)}", seqs_of(*(subjects[name] for name in shown_by)))


def _flow(tables: Tables, analysed: pl.DataFrame) -> pl.DataFrame:
    """One row per screened subject; a column of events for each thing that happened, else null."""
    frame = tables["disposition"].select(
        *KEY,
        "failure_cause",
        "failed_criteria",
        "rescreening_of",
        "first_dose",
        *(fate.alias(f"has_{name}") for name, fate in _FATES.items()),
    )
    frame = frame.join(
        tables["allocation"].select(*KEY, "marker_status", "arm"), on=[*KEY], how="left"
    )
    for name, table in _SHOWN_BY.items():
        found = group_sources(tables[table], [*KEY]).rename({"sources": name})
        frame = frame.join(found, on=[*KEY], how="left")
    first = first_doses(tables).rename({"sources": "treated"})
    frame = frame.join(first, on=[*KEY], how="left")
    counted = analysed.select(*KEY, "evaluable", pl.col("sources").alias("analysed"))
    return frame.join(counted, on=[*KEY], how="left").sort(*KEY)


def _not_randomised(flow: pl.DataFrame) -> tuple[Cell, list[Cell]]:
    """Heading and lines of the box beside the trunk."""
    left = flow.filter(pl.col("arm").is_null())
    failed = left.filter("has_failed")
    counted = failed.group_by(pl.col("failure_cause").alias("cause")).len()
    lines = []
    for cause, _ in counted.sort("len", "cause", descending=[True, False]).iter_rows():
        by_cause = failed.filter(failure_cause=cause)
        lines.append(_line(plain(cause).capitalize(), by_cause, "failed"))
        lines += _criteria(by_cause)
    if len(failed) < len(left):
        waiting = left.filter(~pl.col("has_failed"))
        lines.append(_line("Still in screening", waiting, "screened"))
    again = flow.filter(pl.col("rescreening_of").is_not_null())
    if len(again):
        lines.append(_line("Screened again under a new number", again, "screened"))
    return _sized("Not randomised", left, "screened", "failed"), lines


def _criteria(failed: pl.DataFrame) -> list[Cell]:
    """How many failed each criterion; one subject may count on several lines."""
    named = failed.explode("failed_criteria").filter(pl.col("failed_criteria").is_not_null())
    counts = named.group_by("failed_criteria").len()
    counts = counts.sort("len", "failed_criteria", descending=[True, False])
    return [
        _line(f"– criterion {criterion}", named.filter(failed_criteria=criterion), "failed")
        for criterion in counts["failed_criteria"]
    ]


def _strata(drawing: Drawing, study: Study, flow: pl.DataFrame, trunk: Box) -> None:
    """A panel for every marker status: side by side, or one below the other along a trunk."""
    statuses = status_codes(study)
    abreast = len(statuses) * len(arm_codes(study)) <= MOST_COLUMNS
    left = 0.0 if abreast else MARGIN
    width = (WIDTH - 2 * GAP * (len(statuses) - 1)) / len(statuses) if abreast else WIDTH - left
    y = trunk.bottom + DOWN * 1.2
    for place, status in enumerate(statuses):
        x = place * (width + 2 * GAP) if abreast else left
        stratum = flow.filter(marker_status=status)
        heading = _sized(status_label(study, status), stratum, "randomised")
        head = Box(x, y, width, heading, (), "box stratum")
        drawing.box(head)
        _joined(drawing, trunk, head, abreast)
        _arms(drawing, study, stratum, head)
        if not abreast:
            y = drawing.height + DOWN


def _joined(drawing: Drawing, trunk: Box, head: Box, abreast: bool) -> None:
    """The line from the trunk to the head of a panel: from above, or along the left margin."""
    start, bend = (trunk.middle, trunk.bottom), trunk.bottom + DOWN * 0.6
    if abreast:
        down = [(head.middle, bend), (head.middle, head.y)]
    else:
        side = head.y + head.height / 2
        down = [(1.0, bend), (1.0, side), (head.x, side)]
    drawing.line(start, (start[0], bend), *down, arrow=True)


def _arms(drawing: Drawing, study: Study, stratum: pl.DataFrame, head: Box) -> None:
    """Allocation, follow-up and analysis of each arm of one stratum."""
    arms = arm_codes(study)
    width = (head.width - GAP * (len(arms) - 1)) / len(arms)
    columns = [_stages(study, stratum.filter(arm=arm), arm) for arm in arms]
    y, above = head.bottom, [head] * len(arms)
    for stage in range(len(columns[0])):
        boxes = [
            Box(head.x + place * (width + GAP), y + DOWN, width, *column[stage])
            for place, column in enumerate(columns)
        ]
        for upper, box in zip(above, boxes, strict=True):
            drawing.line((box.middle, upper.bottom), (box.middle, box.y), arrow=True)
        drawing.row(boxes)
        y, above = y + DOWN + same_height(boxes), boxes


def _stages(study: Study, arm: pl.DataFrame, code: str) -> list[tuple[Cell, list[Cell]]]:
    treated = arm.filter(pl.col("first_dose").is_not_null())
    untreated = arm.filter(pl.col("first_dose").is_null())
    analysed = arm.filter(pl.col("evaluable").is_not_null())
    lost = {
        "Stopped treatment": "stopped",
        "Withdrew consent": "withdrawn",
        "Lost to follow-up": "lost",
        "Died": "died",
    }
    return [
        (
            _sized(arm_label(study, code), arm, "randomised"),
            [
                _line("Treated", treated, "randomised", "treated"),
                _line("Not treated", untreated, "randomised"),
            ],
        ),
        (
            Cell("Follow-up"),
            [_line(words, arm.filter(f"has_{name}"), name) for words, name in lost.items()],
        ),
        (
            _sized("Analysed", analysed, "analysed"),
            [
                _line("Evaluable", analysed.filter("evaluable"), "analysed"),
                _line("Not evaluable", analysed.filter(~pl.col("evaluable")), "analysed"),
            ],
        ),
    ]
