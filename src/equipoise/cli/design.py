"""Sample size, power and other designs of a trial, from its study file and a scenario.

Prints the reasoning behind the planned number, each step with its source or as an assumption; what
the number would be otherwise; exact powers; the interaction of treatment and marker; and the same
question under other designs; what the assay's errors cost. --set changes one assumption: a field
of the sample size (alpha, power, method, loss, planned, rates.STATUS), of the patients
(prevalence.STATUS, response.STATUS.ARM, per_month) or of the assay (sensitivity.STATUS,
no_status). --out writes the same as a page, design.html, and as design.json. Exit code 0; 2: what
was asked cannot be.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.errors import BadInput

if TYPE_CHECKING:
    from equipoise.analysis.exhibit import Exhibit, Value
    from equipoise.analysis.sample_size import Step
    from equipoise.simulation.design import DesignAnswer
    from equipoise.simulation.scenario import Scenario
    from equipoise.study.definition import Study


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise design`."""
    parser.add_argument(
        "study", metavar="STUDY", help="a bundled study, a study file, or its folder"
    )
    parser.add_argument(
        "--scenario", metavar="NAME", default="planning", help="the expected patients (planning)"
    )
    parser.add_argument("--control", metavar="ARM", help="the arm that the compared one is against")
    parser.add_argument(
        "--set", metavar="FIELD=VALUE", action="append", default=[], help="another assumption"
    )
    parser.add_argument(
        "--observed",
        metavar="STATUS=X/N",
        action="append",
        default=[],
        help="responses of the evaluable in a compared group: the power at these sizes and rates",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", metavar="DIR", help="folder for design.html and design.json")


def run(arguments: argparse.Namespace) -> int:
    """0 when the design was computed."""
    from equipoise.simulation.design import design
    from equipoise.simulation.scenario import load_scenario
    from equipoise.study.load import load_study, study_path
    from equipoise.workflow.finished_chunks import check_writable

    if arguments.out is not None:
        check_writable(Path(arguments.out))
    study = load_study(arguments.study)
    scenario = load_scenario(study_path(arguments.study).parent, arguments.scenario)
    settings = dict(_pair(each, "set", "FIELD=VALUE") for each in arguments.set)
    observed = dict(_counted(each) for each in arguments.observed)
    answer = design(
        study, scenario, control=arguments.control, settings=settings, observed=observed or None
    )
    whole = json.dumps(
        _as_json(study, scenario.name, settings, answer), indent=2, ensure_ascii=False
    )
    if arguments.out is not None:
        _write(Path(arguments.out), study, scenario, settings, answer, whole)
    if arguments.json:
        print(whole)
    else:
        print("\n".join(_in_words(study, scenario.name, settings, answer)))
    return 0


def _write(
    folder: Path,
    study: Study,
    scenario: Scenario,
    settings: dict[str, str],
    answer: DesignAnswer,
    whole: str,
) -> None:
    """The page and the JSON, in a folder that is made where it is not there."""
    from equipoise import __version__
    from equipoise.report.design import DesignFacts, design_page
    from equipoise.study.load import study_sha256
    from equipoise.workflow.finished_chunks import written_whole

    facts = DesignFacts(
        release=__version__,
        sha256=study_sha256(study),
        scenario=scenario.name,
        scenario_label=scenario.label.en,
        settings=settings,
        control=answer.control,
        findings=answer.findings,
        reasoning=answer.reasoning,
        patients=answer.patients.steps,
        exhibits={each.code: each for each in answer.exhibits},
    )
    page = design_page(study, facts)
    folder.mkdir(parents=True, exist_ok=True)
    written_whole(folder / "design.html", page.encode())
    written_whole(folder / "design.json", f"{whole}\n".encode())


def _pair(text: str, field: str, form: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise BadInput(f"must be {form}", field=field, found=text)
    return name, value


def _counted(text: str) -> tuple[str, tuple[int, int]]:
    name, value = _pair(text, "observed", "STATUS=X/N")
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", value, re.ASCII)
    if found is None:
        raise BadInput("must be STATUS=X/N, responses of evaluable", field="observed", found=text)
    return name, (int(found[1]), int(found[2]))


def _as_json(
    study: Study, scenario: str, settings: dict[str, str], answer: DesignAnswer
) -> dict[str, Any]:
    from dataclasses import asdict

    from equipoise.study.load import study_sha256

    found = answer.reasoning
    return {
        "study": study.id,
        "version": study.version,
        "sha256": study_sha256(study),
        "scenario": scenario,
        "settings": settings,
        "control": answer.control,
        "findings": list(answer.findings),
        "reasoning": {
            "steps": [asdict(step) for step in found.steps],
            "group_size": found.group_size,
            "in_group": found.in_group,
            "randomised": {status: float(number) for status, number in found.randomised.items()},
            "compared": float(found.compared),
            "total": float(found.total),
            "with_loss": float(found.with_loss),
            "subjects": found.subjects,
            "planned": found.planned,
            "reproduces": found.reproduces,
        },
        "patients": [asdict(step) for step in answer.patients.steps],
        "exhibits": {
            each.code: {
                "title": each.title,
                "notes": list(each.notes),
                "rows": [dict(row) for row in each.rows],
            }
            for each in answer.exhibits
        },
    }


def _in_words(
    study: Study, scenario: str, settings: dict[str, str], answer: DesignAnswer
) -> list[str]:
    changed = "".join(f", {name} = {value}" for name, value in settings.items())
    lines = [f"{study.id} {study.version}, scenario {scenario}{changed}", ""]
    for finding in answer.findings:
        lines += [*_wrapped(f"- {finding}", ""), ""]
    lines += ["The reasoning, step by step", *_steps(answer.reasoning.steps), ""]
    lines += ["The patients that are expected", *_steps(answer.patients.steps), ""]
    for exhibit in answer.exhibits:
        lines += [*_table(exhibit), ""]
    return lines[:-1]


def _steps(steps: Sequence[Step]) -> list[str]:
    lines: list[str] = []
    for step in steps:
        lines += _wrapped(f"{step.what}: {step.value}", "  ")
        if step.calculation:
            lines += _wrapped(step.calculation, "    ")
        if step.source:
            lines += _wrapped(f"source: {step.source}", "    ")
        if step.assumption:
            lines += _wrapped(f"assumption: {step.assumption}", "    ")
    return lines


def _table(exhibit: Exhibit) -> list[str]:
    columns = exhibit.columns
    cells = [[_cell(name, row[name]) for name in columns] for row in exhibit.rows]
    heads = [name.replace("_", " ") for name in columns]
    words = [any(isinstance(row[name], str) for row in exhibit.rows) for name in columns]
    widths = [max(len(head), *(len(row[i]) for row in cells)) for i, head in enumerate(heads)]
    lines = [exhibit.title]
    for row in [heads, *cells]:
        parts = [
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(row, widths, words, strict=True)
        ]
        lines.append(f"  {'  '.join(parts)}".rstrip())
    for note in exhibit.notes:
        lines += _wrapped(f"note: {note}", "    ")
    return lines


def _cell(name: str, value: Value) -> str:
    if value is None:
        return "none"
    if not isinstance(value, float):
        return str(value)
    if name in ("first", "second", "months", "needed_months", "cost"):
        return f"{value:.1f}"
    return f"{value:.3f}"


def _wrapped(text: str, indent: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 98, initial_indent=indent, subsequent_indent=f"{indent}  ")
