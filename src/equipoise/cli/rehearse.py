"""Rehearse a trial: nature is drawn, the trial's own rules decide, conduct writes a record.

One trial goes action by action through conduct into a record and is analysed and reported; with
--trials R, R trials stay in tables and their operating characteristics are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.cli.progress import Progress
    from equipoise.simulation.run import Rehearsal, Version
    from equipoise.simulation.scenario import Scenario


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise rehearse`."""
    parser.add_argument("study", metavar="STUDY", help="a bundled study, a study file, its folder")
    parser.add_argument("--scenario", default="planning", help="name or file of a scenario")
    parser.add_argument("--seed", type=int, default=1, help="whole number that decides every draw")
    parser.add_argument("--trials", type=int, help="so many trials in tables instead of a record")
    parser.add_argument("--processes", type=int, help="for --trials; without it, one a core")
    parser.add_argument("--out", help="folder for record.sqlite3, results.json and report.html")
    parser.add_argument("--json", action="store_true", help="print results as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Rehearse; 0 when done."""
    from equipoise.errors import BadInput
    from equipoise.simulation.run import Version
    from equipoise.simulation.scenario import load_scenario
    from equipoise.study.load import load_study, study_path

    study = load_study(arguments.study)
    scenario = load_scenario(study_path(arguments.study).parent, arguments.scenario)
    if not 0 <= arguments.seed < 2**63:
        raise BadInput("a whole number from 0 to 2^63 - 1", field="--seed", found=arguments.seed)
    versions = [Version(0, study)]
    if arguments.trials is not None:
        if arguments.trials < 1:
            raise BadInput("1 or more", field="--trials", found=arguments.trials)
        if arguments.processes is not None and arguments.processes < 1:
            raise BadInput("1 or more", field="--processes", found=arguments.processes)
        if scenario.cohort is not None:
            raise BadInput(
                "a scenario that draws trials: this one is of a single cohort, without --trials",
                field="--scenario",
                found=scenario.name,
            )
        return _many(arguments, versions, scenario)
    if arguments.out is None:
        raise BadInput("a folder", field="--out")
    return _one(arguments, versions, scenario)


def _many(arguments: argparse.Namespace, versions: list[Version], scenario: Scenario) -> int:
    """Operating characteristics of many trials, printed and, with --out, kept as JSON."""
    from dataclasses import asdict

    from equipoise.cli.progress import Progress
    from equipoise.workflow.many_trials import many_trials

    found = many_trials(
        versions, scenario, arguments.seed, arguments.trials, processes=arguments.processes,
        progress=Progress("trials").step,
    )  # fmt: skip
    text = json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False)
    if arguments.out is not None:
        folder = Path(arguments.out)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "characteristics.json").write_text(text + "\n", encoding="utf-8")
    if arguments.json:
        print(text)
        return 0
    print(f"REHEARSAL: {arguments.trials} synthetic trials of {versions[0].study.id}, "
          f"scenario {scenario.name}, seed {arguments.seed}")  # fmt: skip
    for each in found:
        print(f"\n{each.label} [{each.analysis}]")
        for group, size, rate in zip(
            each.groups, each.mean_denominators, each.proportions, strict=True
        ):
            shown = "" if rate is None else f", proportion {rate:.3f}"
            print(f"  {group}: mean size {size:.1f}{shown}")
        if each.rejection is not None:
            print(f"  null hypothesis rejected in {each.rejection:.3f} of trials "
                  f"(standard error {each.standard_error:.3f})")  # fmt: skip
        if each.closed_rejection is not None:
            print(f"  by the closed test in {each.closed_rejection:.3f} "
                  f"(standard error {each.closed_standard_error:.3f})")  # fmt: skip
        if each.undefined and each.rejection is not None:
            print(f"  no P in {each.undefined} trials (a group was empty)")
    return 0


def _one(arguments: argparse.Namespace, versions: list[Version], scenario: Scenario) -> int:
    """One trial through conduct into a record, verified, analysed and reported."""
    from equipoise.cli.analyse import told, write_analysis
    from equipoise.cli.progress import Progress
    from equipoise.cli.records import verified
    from equipoise.record.anchors import anchor_lines
    from equipoise.record.stores import created
    from equipoise.workflow.anchor import anchored
    from equipoise.workflow.rehearse import replayed

    folder = Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "record.sqlite3"
    log, keys = created(path, trial=f"{versions[0].study.id}-rehearsal")
    try:
        show = Progress("entries")
        rehearsal, replicate = _drawn(versions, scenario, arguments.seed, show)
        replay = replayed(rehearsal, replicate, log, keys, progress=show.step)
        anchor = anchored(log, keys, purpose="end of the rehearsal")
        (folder / "anchors.jsonl").write_text(anchor_lines([anchor]), encoding="utf-8")
    finally:
        log.close()
        keys.close()
    show.say(f"{replay.events} events recorded; verifying the chain")
    head, findings = verified(str(path), anchors=str(folder / "anchors.jsonl"))
    for finding in findings:
        print(f"event {finding.seq}: {finding.kind}: {finding.message}", file=sys.stderr)
    if findings:
        return 1
    show.say(f"{head.seq} events verified, head {head.hash[:16]}; analysing")
    anchors = str(folder / "anchors.jsonl")
    return told(*write_analysis(str(path), out=folder, as_json=arguments.json, anchors=anchors))


def _drawn(
    versions: list[Version], scenario: Scenario, seed: int, show: Progress
) -> tuple[Rehearsal, int]:
    """The trial, and which replicate of the scenario it is."""
    from equipoise.simulation.cohort import cohort
    from equipoise.simulation.run import rehearsed

    if scenario.cohort is None:
        show.say("drawing people, tumours and assays")
        return rehearsed(versions, scenario, seed, [0]), 0
    found = cohort(versions, scenario, seed, say=show.say)
    return found.rehearsal, found.replicate
