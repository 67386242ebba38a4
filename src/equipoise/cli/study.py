"""equipoise study: check, show, compare a study file, list what it assumes; to and from USDM."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.errors import BadInput

if TYPE_CHECKING:
    from equipoise.record.plan import Plan


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the options to `parser`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    path = "a bundled study, a study file, or its folder"
    check = verbs.add_parser("check", help="tell everything that is wrong with a study file")
    show = verbs.add_parser("show", help="print a synopsis")
    assumptions = verbs.add_parser("assumptions", help="list what was found in no source, and why")
    for verb in (check, show, assumptions):
        verb.add_argument("study", metavar="STUDY", help=path)
    assumptions.add_argument(
        "--scenario", metavar="NAME", help="list those of this scenario of the study as well"
    )
    difference = verbs.add_parser("diff", help="list what changed from one version to another")
    difference.add_argument("old", metavar="OLD", help=path)
    difference.add_argument("new", metavar="NEW", help=path)
    for verb in (check, show, assumptions, difference):
        verb.add_argument("--json", action="store_true", help="print JSON")
    verbs.add_parser("schema", help="print the JSON Schema of study.yaml for editors")
    usdm = verbs.add_parser("usdm", help="print arms, epochs, activities and criteria as USDM 4")
    usdm.add_argument("study", metavar="STUDY", help=path)
    read = verbs.add_parser("read-usdm", help="tell the structure of a study in USDM 4")
    read.add_argument("file", metavar="FILE", help="a document of USDM 4 in JSON")
    read.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; the exit code is 2 for a study file with faults."""
    verb = {
        "check": _check,
        "show": _show,
        "assumptions": _assumptions,
        "diff": _diff,
        "schema": _schema,
        "usdm": _usdm,
        "read-usdm": _read_usdm,
    }[arguments.verb]
    return verb(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from equipoise.record.plan import assumed_values
    from equipoise.study.load import load_study, study_sha256
    from equipoise.study.synopsis import unreleased_regimens

    try:
        study = load_study(arguments.study)
    except BadInput as error:
        if arguments.json:
            _print_json({"sound": False, "problems": [_problem(each) for each in error.problems]})
            return 2
        raise
    found: dict[str, Any] = {
        "sound": True,
        "study": study.id,
        "version": study.version,
        "sha256": study_sha256(study),
        "sites": len(study.sites),
        "criteria": len(study.eligibility.criteria),
        "items": sum(len(form.items) for form in study.visits.forms),
        "analyses": len(study.analysis.analyses),
        "assumptions": sum(1 for _ in assumed_values(study)),
        "rehearsal_only": unreleased_regimens(study),
    }
    if arguments.json:
        _print_json(found)
        return 0
    counted = ("sites", "criteria", "items", "analyses", "assumptions")
    counts = ", ".join(f"{name} {found[name]}" for name in counted)
    print(f"{study.id} {study.version}: sound ({counts})")
    print(f"sha256 {found['sha256']}")
    if unsigned := ", ".join(found["rehearsal_only"]):
        print(f"for rehearsal only, doses without signed source: {unsigned}")
    return 0


def _problem(error: BadInput) -> dict[str, Any]:
    found = error.found if error.found is None else str(error.found)
    return {"where": error.where, "field": error.field, "found": found, "allowed": error.allowed}


def _show(arguments: argparse.Namespace) -> int:
    from equipoise.study.load import load_study, study_text
    from equipoise.study.synopsis import synopsis

    study = load_study(arguments.study)
    if arguments.json:
        _print_json(json.loads(study_text(study)))
    else:
        print(synopsis(study))
    return 0


def _assumptions(arguments: argparse.Namespace) -> int:
    from equipoise.record.plan import assumed_values
    from equipoise.simulation.scenario import load_scenario
    from equipoise.study.difference import plain
    from equipoise.study.load import load_study, study_path

    plans: list[tuple[str, Plan]] = [("", load_study(arguments.study))]
    if arguments.scenario is not None:
        scenario = load_scenario(study_path(arguments.study).parent, arguments.scenario)
        plans.append((f"scenario {scenario.name}: ", scenario))
    found = [
        {"path": of + each.path, "value": plain(each.value), "reason": each.reason}
        for of, assuming in plans
        for each in assumed_values(assuming)
    ]
    if arguments.json:
        _print_json(found)
        return 0
    for each in found:
        print(f"{each['path']}\n  value:  {_short(each['value'])}\n  reason: {each['reason']}")
    print(f"{len(found)} assumptions")
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from equipoise.study.difference import differences
    from equipoise.study.load import load_study

    found = differences(load_study(arguments.old), load_study(arguments.new))
    if arguments.json:
        _print_json([asdict(change) for change in found])
        return 0
    for change in found:
        print(f"{change.kind:<10}{change.path}")
        if change.kind != "added":
            print(f"  old: {_short(change.old)}")
        if change.kind != "removed":
            print(f"  new: {_short(change.new)}")
    number = len(found)
    print(f"{number} differences" if number > 1 else "1 difference" if number else "no difference")
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    from equipoise.study.schema import study_schema

    _print_json(study_schema())
    return 0


def _usdm(arguments: argparse.Namespace) -> int:
    from equipoise.exchange.usdm import usdm_document
    from equipoise.study.load import load_study

    _print_json(usdm_document(load_study(arguments.study)))
    return 0


def _read_usdm(arguments: argparse.Namespace) -> int:
    from dataclasses import fields

    from equipoise.exchange.delimited import file_text
    from equipoise.exchange.usdm import read_usdm

    found = read_usdm(file_text(Path(arguments.file)), arguments.file)
    parts = {each.name: getattr(found, each.name) for each in fields(found)}
    if arguments.json:
        _print_json({name: [each._asdict() for each in part] for name, part in parts.items()})
        return 0
    for name, part in parts.items():
        print(f"{name}: {len(part)}")
        for each in part:
            print(f"  {each.name}: {_short(each[2] if name == 'criteria' else each.label)}")
    return 0


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


def _short(value: Any) -> str:
    """A value on one line, cut where it is long."""
    if isinstance(value, dict):
        value = {name: part for name, part in value.items() if name not in ("source", "assumption")}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."
