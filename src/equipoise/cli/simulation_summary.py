"""Operating characteristics on the terminal: what a statistician reads first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.report.simulation import SimulationFacts
    from equipoise.report.simulation_rows import Row, Said
    from equipoise.study.definition import Study

WIDTH = 96
LABEL = 50
BANNER = "SIMULATION of end points: no patient, not a trial"


def simulation_summary(study: Study, rows: Sequence[Row], facts: SimulationFacts) -> str:
    """Power, error, what the assay costs, estimates, sizes, other scenarios, what was left out."""
    from equipoise.cli.look_summary import look_summary
    from equipoise.report.findings import shorter
    from equipoise.report.simulation import leading_analysis
    from equipoise.report.simulation_rows import by_scenario

    scenarios = list(by_scenario(rows).values())
    assays = [each for each in scenarios if each[0]["kind"] == "assay"]
    grid = [each for each in scenarios if each[0]["kind"] == "grid"]
    code = leading_analysis(study, assays[0])
    lines = [
        BANNER,
        "",
        f"{shorter(study)}, version {study.version}; scenario {facts.scenario}: "
        f"{facts.scenario_label}",
        f"{facts.trials} trials of each scenario, seed {facts.seed}",
        *_tests(study, assays[0]),
        *_estimates(study, assays[0]),
        *look_summary(study, assays[0]),
        *_assays(assays, code),
        *_sizes(study, assays[0]),
        *_grid(grid, code, facts),
    ]
    if facts.skipped:
        lines += ["", f"Not simulated ({len(facts.skipped)})"]
        lines += _reasons(facts.skipped)
    lines += ["", *(f"{term}: {text}" for term, text in facts.measured)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _tests(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    """The tests of the plan by the roles of their analyses, with bias and coverage."""
    from equipoise.report.simulation_rows import REJECTION, of_measures, said
    from equipoise.report.simulation_tables import by_role

    others = {
        (row["subject"], row["measure"]): said(row).value
        for row in of_measures(rows, ["bias", "coverage"])
    }
    heads = f"{'rejected':>8}  {'s.e.':>5}  {'95% limits':14}  {'bias':>7}  coverage"
    for title, tested in by_role(study, of_measures(rows, REJECTION)):
        yield ""
        yield f"{title:{LABEL}}  {heads}"
        for row in tested:
            mark = "" if row["measure"] == "power" else " (no effect: type I error)"
            numbers = said(row)
            columns = f"{numbers.value:>8}  {numbers.error:>5}  {numbers.limits:14}"
            bias = others.get((row["subject"], "bias"), "")
            coverage = others.get((row["subject"], "coverage"), "")
            yield from _line(row["label"] + mark, f"{columns}  {bias:>7}  {coverage}")


def _estimates(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    """Estimates that have an interval: what is true, bias, coverage and width."""
    from equipoise.report.simulation_rows import by_subject, of_measures, said, true_value
    from equipoise.report.simulation_tables import by_role

    measures = ("bias", "coverage", "mean_width")
    having = {row["subject"] for row in of_measures(rows, measures[1:])}
    kept = [
        row for row in of_measures(rows, ("mean_estimate", *measures)) if row["subject"] in having
    ]
    for title, found in by_role(study, kept):
        yield ""
        yield (
            f"{title + ': estimates with intervals':{LABEL}}  "
            f"{'true':>8}  {'bias':>8}  coverage  {'width':>8}"
        )
        for group in by_subject(found).values():
            by = {row["measure"]: row for row in group}
            told = [said(by[each]).value if each in by else "" for each in measures]
            columns = f"{true_value(group[0]):>8}  {told[0]:>8}  {told[1]:>8}  {told[2]:>8}"
            yield from _line(group[0]["label"], columns)


def _assays(assays: Sequence[Sequence[Row]], code: str | None) -> Iterator[str]:
    from equipoise.report.simulation_rows import DIFFERENCE, of_measures, said

    found = [
        (rows[0]["scenario_label"], row)
        for rows in assays[1:]
        for row in of_measures(rows, [DIFFERENCE])
        if row["subject"] == code
    ]
    if not found:
        return
    yield ""
    yield "What the assay's errors cost, and what a better one would buy, in the same trials"
    yield from textwrap.wrap(found[0][1]["label"], WIDTH - 2, initial_indent="  ")
    yield f"{'':{LABEL}}  {'points':>7}  {'s.e.':>5}  95% limits"
    for label, row in found:
        yield from _line(label, _columns(said(row)))


def _sizes(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    from equipoise.report.simulation_rows import measure_title, said
    from equipoise.report.simulation_tables import analysis_of

    kept = [row for row in rows if analysis_of(study, row) is None]
    kept = [row for row in kept if row["estimate"] or row["standard_error"]]
    if not kept:
        return
    yield ""
    yield f"{'The trial, mean over trials':{LABEL}}  {'mean':>8}  {'s.e.':>5}"
    for row in kept:
        numbers = said(row)
        label = row["label"] or measure_title(row["measure"])
        yield from _line(label, f"{numbers.value:>8}  {numbers.error:>5}")


def _grid(grid: Sequence[Sequence[Row]], code: str | None, facts: SimulationFacts) -> Iterator[str]:
    from equipoise.report.simulation_rows import (
        DIFFERENCE,
        REJECTION,
        deciding_subject,
        of_measures,
        said,
    )

    if not grid or code is None:
        return
    yield ""
    yield "Other scenarios: the same seed, the same trials (common random numbers)"
    yield f"{'':{LABEL}}  {'share':>7}  {'s.e.':>5}  v as stated (points, s.e.)"
    for rows in grid:
        own = deciding_subject(rows, code)
        row = next((r for r in of_measures(rows, REJECTION) if r["subject"] == own), None)
        if row is None:
            continue
        numbers = said(row)
        paired = [r for r in of_measures(rows, [DIFFERENCE]) if r["subject"] == own]
        against = f"{said(paired[0]).value} ({said(paired[0]).error})" if paired else ""
        text = f"{numbers.value:>7}  {numbers.error:>5}  {against}"
        yield from _line(row["scenario_label"], text)
    for path in facts.unread:
        yield f"  No number changes with {path}: the simulation of end points does not read it."


def _columns(numbers: Said) -> str:
    return f"{numbers.value:>7}  {numbers.error:>5}  {numbers.limits}"


def _reasons(skipped: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The analyses of each reason together."""
    by_reason: dict[str, list[str]] = {}
    for code, reason in skipped:
        by_reason.setdefault(reason, []).append(code)
    for reason, codes in by_reason.items():
        yield from textwrap.wrap(
            f"{reason}: {', '.join(codes)}", WIDTH, initial_indent="  ", subsequent_indent="    ",
            break_on_hyphens=False,
        )  # fmt: skip


def _line(label: str, numbers: str) -> Iterator[str]:
    """A label over as many lines as it takes, and numbers beside the last of them."""
    parts = textwrap.wrap(label, LABEL - 2) or [""]
    for part in parts[:-1]:
        yield f"  {part}"
    yield f"  {parts[-1]:{LABEL - 2}}  {numbers}"
