"""The flow of subjects through the trial, as CONSORT draws it."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import Tables
from equipoise.report.drawing import Box, Drawing, same_height
from equipoise.report.layout import arm_codes, arm_label, status_codes, status_label
from equipoise.report.wording import plain
from equipoise.study.definition import Study

KEY = ("replicate", "subject")
WIDTH = 1000.0
GAP = 14.0
DOWN = 30.0
MARGIN = 26.0
MOST_COLUMNS = 6
"""Columns that fit beside one another and can still be read on A4."""


def consort(tables: Tables, study: Study, analysed: pl.DataFrame) -> str:
    """The flow diagram as SVG: screened, failures by cause, randomised, treated, analysed.

    `analysed` has a row per subject of the primary analysis's population: replicate, subject,
    evaluable. One column per marker status as randomised and arm; strata stand side by side as
    far as they can be read, else below one another.
    """
    drawing = Drawing("consort", "Flow of subjects through the trial", WIDTH)
    flow = _flow(tables, analysed)
    top = drawing.box(_centred(f"Screened (n = {len(flow)})", 0))
    out = Box(WIDTH - 330, top.bottom + DOWN * 0.7, 330, *_not_randomised(tables, flow))
    drawing.box(out)
    randomised = _centred(
        f"Randomised (n = {flow['arm'].count()})", max(out.bottom + DOWN * 0.7, top.bottom + DOWN)
    )
    drawing.box(randomised)
    side = out.y + out.height / 2
    drawing.line((top.middle, top.bottom), (top.middle, randomised.y), arrow=True)
    drawing.line((top.middle, side), (out.x, side), arrow=True)
    _strata(drawing, study, flow, randomised)
    return drawing.svg()


def _centred(heading: str, y: float) -> Box:
    return Box(WIDTH / 2 - 125, y, 250, heading)


def _flow(tables: Tables, analysed: pl.DataFrame) -> pl.DataFrame:
    """One row per screened subject with what happened to them."""
    fates = tables["disposition"].select(
        *KEY,
        pl.col("screening_failed").is_not_null(),
        pl.col("rescreening_of").is_not_null().alias("again"),
        pl.col("first_dose").is_not_null().alias("treated"),
        pl.col("treatment_discontinued").is_not_null(),
        pl.col("consent_withdrawn").is_not_null(),
        pl.col("lost").is_not_null(),
        (pl.col("death").is_not_null() | pl.col("death_text").is_not_null()).alias("died"),
    )
    allocated = tables["allocation"].select(*KEY, "marker_status", "arm")
    frame = fates.join(allocated, on=KEY, how="left")
    return frame.join(analysed.select(*KEY, "evaluable"), on=KEY, how="left").sort(KEY)


def _not_randomised(tables: Tables, flow: pl.DataFrame) -> tuple[str, list[str]]:
    """Heading and lines of the box beside the trunk."""
    left = flow.filter(pl.col("arm").is_null())
    failed = left.filter(pl.col("screening_failed"))
    causes = tables["disposition"].join(failed.select(KEY), on=KEY, how="semi")
    counted = causes.group_by(pl.col("failure_cause").alias("cause")).len()
    lines = []
    for cause, count in counted.sort("len", "cause", descending=[True, False]).iter_rows():
        lines.append(f"{plain(cause).capitalize()}: {count}")
        lines += _criteria(causes.filter(failure_cause=cause))
    if len(failed) < len(left):
        lines.append(f"Still in screening: {len(left) - len(failed)}")
    again = flow["again"].sum()
    if again:
        lines.append(f"Screened again under a new number: {again}")
    return f"Not randomised (n = {len(left)})", lines


def _criteria(failed: pl.DataFrame) -> list[str]:
    """How many failed each criterion; one subject may count on several lines."""
    named = failed.select(pl.col("failed_criteria").explode()).drop_nulls().to_series()
    counts = named.value_counts(sort=False).sort("count", named.name, descending=[True, False])
    return [f"– criterion {criterion}: {count}" for criterion, count in counts.iter_rows()]


def _strata(drawing: Drawing, study: Study, flow: pl.DataFrame, trunk: Box) -> None:
    """A panel for every marker status: side by side, or one below the other along a trunk."""
    statuses = status_codes(study)
    abreast = len(statuses) * len(arm_codes(study)) <= MOST_COLUMNS
    left = 0.0 if abreast else MARGIN
    width = (WIDTH - 2 * GAP * (len(statuses) - 1)) / len(statuses) if abreast else WIDTH - left
    y = trunk.bottom + DOWN * 1.2
    for place, status in enumerate(statuses):
        x = place * (width + 2 * GAP) if abreast else left
        head = Box(x, y, width, _stratum(study, flow, status), (), "box stratum")
        drawing.box(head)
        _joined(drawing, trunk, head, abreast)
        _arms(drawing, study, flow.filter(marker_status=status), head)
        if not abreast:
            y = drawing.height + DOWN


def _stratum(study: Study, flow: pl.DataFrame, status: str) -> str:
    return f"{status_label(study, status)} (n = {len(flow.filter(marker_status=status))})"


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


def _stages(study: Study, arm: pl.DataFrame, code: str) -> list[tuple[str, list[str]]]:
    treated, analysed = int(arm["treated"].sum()), arm["evaluable"].count()
    evaluable = int(arm["evaluable"].sum())
    lost = [
        ("Stopped treatment", "treatment_discontinued"),
        ("Withdrew consent", "consent_withdrawn"),
        ("Lost to follow-up", "lost"),
        ("Died", "died"),
    ]
    return [
        (
            f"{arm_label(study, code)} (n = {len(arm)})",
            [f"Treated: {treated}", f"Not treated: {len(arm) - treated}"],
        ),
        ("Follow-up", [f"{words}: {int(arm[name].sum())}" for words, name in lost]),
        (
            f"Analysed (n = {analysed})",
            [f"Evaluable: {evaluable}", f"Not evaluable: {analysed - evaluable}"],
        ),
    ]
