"""The report of a simulation: one self-contained page, a pure function of study, rows and facts.

It is of end points that were drawn, never of patients, and says so on every page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.record.plan import assumptions
from equipoise.report.findings import shorter
from equipoise.report.report import by_reason, template
from equipoise.report.simulation_looks import looks_section
from equipoise.report.simulation_rows import REJECTION, Row, by_scenario, of_measures, said
from equipoise.report.simulation_scenarios import assay_section, difference, grid_section
from equipoise.report.simulation_tables import (
    estimate_table,
    power_figure,
    rejection_table,
    size_tables,
    trial_table,
)
from equipoise.report.wording import counted
from equipoise.study.definition import Study

BANNER = "Simulation of end points: no patient, not a trial"


@dataclass(frozen=True, slots=True)
class SimulationFacts:
    """What the page says of the simulation beside its rows.

    `skipped` are analyses that were not simulated, each with the reason; `assumed` the scenario's
    assumptions by place; `measured` how it was computed, as pairs of term and text; `unread` fields
    of the grid that change nothing; `field_names` what each field of it is called.
    """

    release: str
    scenario: str
    scenario_label: str
    seed: int
    trials: int
    skipped: Sequence[tuple[str, str]]
    assumed: Sequence[tuple[str, str]]
    measured: Sequence[tuple[str, str]]
    field_names: Mapping[str, str]
    unread: Sequence[str] = ()


def simulation_report(study: Study, rows: Sequence[Row], facts: SimulationFacts) -> str:
    """The text of report.html."""
    scenarios = list(by_scenario(rows).values())
    assays = [found for found in scenarios if found[0]["kind"] == "assay"]
    grid = [found for found in scenarios if found[0]["kind"] == "grid"]
    first = assays[0]
    code = leading_analysis(study, first)
    context: dict[str, Any] = {
        "study": study,
        "facts": facts,
        "banner": BANNER,
        "title": shorter(study),
        "leads": [*leading_sentences(study, assays)],
        "power": power_figure(study, first),
        "tests": rejection_table(study, first),
        "looks": looks_section(study, first),
        "estimates": estimate_table(study, first),
        "whole": trial_table(first),
        "sizes": size_tables(study, first),
        "assays": assay_section(study, assays, code),
        "grid": grid_section(grid, facts.field_names, code),
        "skipped": _skipped(study, facts.skipped),
        "assumptions": by_reason(assumptions(study), "the whole file"),
        "scenario": by_reason(facts.assumed, "the whole scenario"),
        "counted": counted,
    }
    return template("simulation.html.j2").render(context)


def _skipped(
    study: Study, skipped: Sequence[tuple[str, str]]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """For each reason the analyses, by label and code."""
    names = {each.id: each.label.en for each in study.analysis.analyses}
    found: dict[str, list[tuple[str, str]]] = {}
    for code, reason in skipped:
        found.setdefault(reason, []).append((names.get(code, code), code))
    return list(found.items())


def leading_analysis(study: Study, rows: Sequence[Row]) -> str | None:
    """The primary analysis among those that were simulated, else the first of them."""
    tested = [row["subject"] for row in of_measures(rows, REJECTION)]
    primary = [each.id for each in study.analysis.analyses if each.role == "primary"]
    return next((code for code in primary if code in tested), tested[0] if tested else None)


def leading_sentences(study: Study, assays: Sequence[Sequence[Row]]) -> Iterator[str]:
    """What the simulation says of the leading analysis, and of what assays cost it."""
    first = assays[0]
    code = leading_analysis(study, first)
    if code is None:
        yield "No analysis of the plan that tests a hypothesis could be simulated."
        return
    row = next(row for row in of_measures(first, REJECTION) if row["subject"] == code)
    numbers = said(row)
    yield (
        f"{row['label']}: {REJECTION[row['measure']].lower()} {numbers.value}, Monte-Carlo limits "
        f"{numbers.limits} (95%, {row['trials']} trials)."
    )
    better = [difference(rows, code) for rows in assays[1:]]
    perfect = better[-1] if better else None
    if perfect is None or row["measure"] != "power":
        return
    cost = said(perfect)
    yield (
        f"What the assay’s errors cost: with a perfect assay {cost.value} percentage points of "
        f"power, Monte-Carlo limits {cost.limits}, in the same trials."
    )
