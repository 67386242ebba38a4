"""Looks at simulated trials before their end: when they come, what they stop, what that changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.report.layout import Heading, Table, words
from equipoise.report.layout import Row as TableRow
from equipoise.report.simulation_rows import REJECTION, Row, of_measures, said, with_error
from equipoise.report.wording import NOT_GIVEN
from equipoise.study.analysis_plan import Analysis
from equipoise.study.definition import Study
from equipoise.study.interim_limits import interim_limits
from equipoise.study.synopsis import look_comes

_SHOWN = ("look_month", "look_randomised", "look_known", "stop_efficacy", "stop_futility")

_MOST_APART = 0.05
"""How far the information at the last look may be from the planned without a word about it."""


@dataclass(frozen=True, slots=True)
class LookLine:
    """A look: when it comes, its limits as printed, and what was simulated of it, each with its
    Monte-Carlo error (mean month, randomised, known; share of trials that stop)."""

    name: str
    comes: str
    information: str
    critical: str
    nominal: str
    futility: str
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One characteristic of the trial that stops by its looks, and of the one that goes on."""

    label: str
    with_looks: Row
    without: Row | None


def looked_at(study: Study, rows: Sequence[Row]) -> Analysis | None:
    """The analysis with looks, if these were simulated."""
    return next(
        (
            each
            for each in study.analysis.analyses
            if each.interims is not None
            and any(row["subject"] == f"{each.id}/interims" for row in rows)
        ),
        None,
    )


def look_lines(analysis: Analysis, rows: Sequence[Row]) -> list[LookLine]:
    """Every look of the analysis, the last included."""
    assert analysis.interims is not None
    limits, found = interim_limits(analysis.interims), []
    last = len(limits.critical) - 1
    for place, share in enumerate(limits.information):
        whose = f"{analysis.id}/look {place + 1}"
        by = {row["measure"]: row for row in rows if row["subject"] == whose}
        critical, lower = limits.critical[place], limits.futility
        stops = not math.isinf(critical)
        found.append(
            LookLine(
                f"Look {place + 1}",
                look_comes(analysis.interims, place),
                f"{share:.3g}",
                f"{critical:.3f}" if stops else NOT_GIVEN,
                f"{limits.nominal[place]:.4f}" if stops else NOT_GIVEN,
                NOT_GIVEN if lower is None or place == last else _signed(lower[place]),
                tuple(with_error(by[each]) if each in by else NOT_GIVEN for each in _SHOWN),
            )
        )
    return found


def look_changes(analysis: Analysis, rows: Sequence[Row]) -> list[Change]:
    """What the looks change: rejection, size, months, bias."""
    own, name = f"{analysis.id}/interims", analysis.id
    by = {(row["measure"], row["subject"]): row for row in rows}
    pairs = [("expected_size", "randomised", "Subjects randomised"),
             ("expected_months", "duration_months", "Months"),
             ("stopped_early", "", "Stopped before the end")]  # fmt: skip
    found = []
    for row in of_measures(rows, REJECTION):
        title = REJECTION[row["measure"]]
        if row["subject"] == own:
            found.append(Change(title, row, by.get((row["measure"], name))))
        if row["subject"] == f"{name}/futility ignored":
            found.append(Change(f"{title}, going on in spite of futility", row, None))
    found += [Change(title, by[each, own], by.get((other, ""))) for each, other, title in pairs]
    for measure, title in (("mean_estimate", "Mean estimate"), ("bias", "Bias of the estimate")):
        if (measure, own) in by:
            found.append(Change(title, by[measure, own], by.get((measure, name))))
    return found


def planned_otherwise(analysis: Analysis, rows: Sequence[Row]) -> str:
    """What to say where the last look has another information than the plan; mostly nothing."""
    interims = analysis.interims
    assert interims is not None
    whose = f"{analysis.id}/look {len(interims.shares)}"
    found = next(
        (row["estimate"] for row in of_measures(rows, ["look_known"]) if row["subject"] == whose),
        None,
    )
    if interims.counted not in ("evaluable", "events") or found is None or not interims.greatest:
        return ""
    if abs(found / interims.greatest - 1) <= _MOST_APART:
        return ""
    return (
        f"The last look has {found:.1f} {interims.counted} on average, and the limits are those of "
        f"{interims.greatest}: the error is not the planned one."
    )


def looks_section(study: Study, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The section of the report; None where nobody looks."""
    analysis = looked_at(study, rows)
    if analysis is None:
        return None
    known = "Events" if any("events known" in row["label"] for row in rows) else "Outcomes"
    heads = ["Comes at", "Information", "Critical Z", "Nominal P", "Futility Z", "Month",
             "Randomised", known, "Stops for efficacy", "for futility"]  # fmt: skip
    lines = [
        TableRow(
            each.name,
            words(
                each.comes, each.information, each.critical, each.nominal, each.futility,
                *each.found,
            ),
        )
        for each in look_lines(analysis, rows)
    ]  # fmt: skip
    changed = [
        TableRow(
            each.label,
            words(
                with_error(each.with_looks), said(each.with_looks).limits,
                NOT_GIVEN if each.without is None else with_error(each.without),
            ),
        )
        for each in look_changes(analysis, rows)
    ]  # fmt: skip
    return {
        "label": analysis.label.en,
        "caution": planned_otherwise(analysis, rows),
        "looks": Table(
            "Every look: its limits, when it comes and in how many trials it stops, ± Monte-Carlo "
            "standard error",
            "Look", [[Heading(head) for head in heads]], lines,
        ),
        "changes": Table(
            "What the looks change, ± Monte-Carlo standard error", "Of each trial",
            [[Heading(head) for head in ("With looks", "95% limits", "Going on to the end")]],
            changed,
        ),
    }  # fmt: skip


def _signed(z: float) -> str:
    return f"{z:.3f}".replace("-", "−")
