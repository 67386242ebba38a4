"""The page of a design: one self-contained file, a pure function of study, reasoning and exhibits.

It is of a plan: everything follows from assumptions, which it lists with what was read of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.analysis.exhibit import Exhibit
from equipoise.analysis.sample_size import Reasoning, Step, compared_groups, sized
from equipoise.report.design_figures import (
    assay_figure,
    control_figure,
    designs_figure,
    number_figure,
    prevalence_figure,
)
from equipoise.report.design_tables import exhibit_table, pivoted
from equipoise.report.findings import shorter
from equipoise.report.report import template
from equipoise.study.definition import Study

BANNER = "Plan of a trial: computed from assumptions, no patient"


@dataclass(frozen=True, slots=True)
class DesignFacts:
    """What the page says of the design beside the study.

    `settings` are assumptions that were set in place of the study's and the scenario's; `patients`
    the steps of the expected patients; `exhibits` by code.
    """

    release: str
    sha256: str
    scenario: str
    scenario_label: str
    settings: Mapping[str, str]
    control: str
    findings: Sequence[str]
    reasoning: Reasoning
    patients: Sequence[Step]
    exhibits: Mapping[str, Exhibit]


def design_page(study: Study, facts: DesignFacts) -> str:
    """The text of design.html."""
    exhibits, wanted = facts.exhibits, float(sized(study).power)
    one, _ = compared_groups(study)
    table = {code: exhibit_table(each) for code, each in exhibits.items()}
    by_rates = exhibits["by_rates"]
    context: dict[str, Any] = {
        "study": study,
        "facts": facts,
        "banner": BANNER,
        "title": shorter(study),
        "wanted": f"{100 * wanted:g}%",
        "table": table,
        "rates": [
            pivoted(by_rates, "first_rate", "second_rate", "randomised", by_rates.title),
            pivoted(by_rates, "first_rate", "second_rate", "exact_power", "Its exact power"),
        ],
        "number_figure": number_figure(exhibits["power_by_number"], wanted),
        "prevalence_figure": prevalence_figure(exhibits["by_prevalence"], wanted, one.status),
        "control_figure": control_figure(exhibits["interaction_by_control"], facts.control),
        "designs_figure": designs_figure(exhibits["side_by_side"], wanted),
        "assay_figure": assay_figure(exhibits["assay_power"]),
    }
    return template("design.html.j2").render(context)
