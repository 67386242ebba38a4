"""Simulate the end points of many trials: operating characteristics from study file and scenario.

Prints power, type I error, bias, coverage, duration and sizes, each with its Monte-Carlo error, and
what the assay's errors cost: the same trials with better assays. --grid repeats that for other
values of the scenario or study. With --out a report (report.html) and the rows
(characteristics.json) are written, and finished chunks are kept: the same command goes on where it
was stopped, and more --trials only add. The same seed gives the same bits, whatever the number of
processes or workers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from equipoise.report.simulation import SimulationFacts
    from equipoise.simulation.grid import GridPoint
    from equipoise.simulation.scenario import Scenario
    from equipoise.study.definition import Study
    from equipoise.workflow.simulate import Member, Simulated, Workers

MOST_TRIALS = 100_000_000
STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise simulate`."""
    parser.add_argument("study", metavar="STUDY", help="a bundled study, a study file, its folder")
    parser.add_argument("--scenario", default="planning", help="name or file of a scenario")
    parser.add_argument("--trials", type=int, default=10_000, help="trials of each scenario")
    parser.add_argument("--grid", metavar="FILE", help="YAML file: other values of fields")
    parser.add_argument("--seed", type=int, default=1, help="whole number that decides every draw")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--out", metavar="DIR", help="folder for report, rows and finished chunks")
    parser.add_argument(
        "--every-trial", action="store_true", help="with --out: each trial, as parquet files"
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="Dask: a scheduler's address, or local:N workers"
    )
    parser.add_argument("--processes", type=int, help="without it, one a core where worth it")


def run(arguments: argparse.Namespace) -> int:
    """0 when done, 130 when stopped by Ctrl-C. Nothing is written before all input was accepted."""
    from equipoise.cli.progress import Progress
    from equipoise.simulation.grid import read_grid
    from equipoise.simulation.scenario import load_scenario
    from equipoise.study.load import load_study, study_path
    from equipoise.workflow.simulate import simulate, simulated_members, simulation_identity

    workers = _workers(arguments)
    study = load_study(arguments.study)
    scenario = load_scenario(study_path(arguments.study).parent, arguments.scenario)
    points = read_grid(Path(arguments.grid), study, scenario) if arguments.grid else []
    members = simulated_members(study, scenario, points)
    out = None if arguments.out is None else Path(arguments.out)
    shown = Progress("trials")
    try:
        done = simulate(
            members,
            arguments.seed,
            arguments.trials,
            workers=workers,
            out=out,
            identity=simulation_identity(study, scenario, members, arguments.seed),
            every_trial=arguments.every_trial,
            progress=shown.step,
        )
    except KeyboardInterrupt:
        print(_stopped(out), file=sys.stderr)
        return STOPPED
    if done.measured.kept:
        print(
            f"{done.measured.kept} of {done.measured.chunks} chunks were there from an earlier run",
            file=sys.stderr,
        )
    _tell(arguments, study, scenario, points, members, done)
    return 0


def _workers(arguments: argparse.Namespace) -> Workers:
    """Who computes. Raises BadInput for options that cannot be, before anything is read."""
    from equipoise.errors import BadInput
    from equipoise.simulation.cluster import check_cluster
    from equipoise.workflow.simulate import Workers

    if not 0 <= arguments.seed < 2**63:
        raise BadInput("a whole number from 0 to 2^63 - 1", field="--seed", found=arguments.seed)
    if not 1 <= arguments.trials <= MOST_TRIALS:
        raise BadInput(f"1 to {MOST_TRIALS}", field="--trials", found=arguments.trials)
    if arguments.processes is not None and not 1 <= arguments.processes <= 512:
        raise BadInput("1 to 512", field="--processes", found=arguments.processes)
    if arguments.every_trial and arguments.out is None:
        raise BadInput("needs --out, the folder for the files", field="--every-trial")
    if arguments.cluster is not None:
        if arguments.processes is not None:
            raise BadInput("not together with --cluster", field="--processes")
        check_cluster(arguments.cluster)
    return Workers(arguments.processes, arguments.cluster)


def _stopped(out: Path | None) -> str:
    if out is None:
        return "stopped; without --out nothing was kept"
    return f"stopped; finished chunks are kept in {out}: the same command goes on from there"


def _tell(
    arguments: argparse.Namespace,
    study: Study,
    scenario: Scenario,
    points: Sequence[GridPoint],
    members: Sequence[Member],
    done: Simulated,
) -> None:
    """Write the folder's files, and print the rows or the summary."""
    from equipoise.cli.simulation_summary import BANNER, simulation_summary

    facts = _facts(arguments, study, scenario, points, members, done)
    written = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    text = "[\n" + ",\n".join(map(written, done.rows)) + "\n]"
    if arguments.out is not None:
        from equipoise.report.simulation import simulation_report
        from equipoise.workflow.finished_chunks import written_whole

        folder = Path(arguments.out)
        written_whole(folder / "characteristics.json", f"{text}\n".encode())
        written_whole(folder / "report.html", simulation_report(study, done.rows, facts).encode())
    if arguments.json:
        print(BANNER, file=sys.stderr)
        print(text)
    else:
        print(simulation_summary(study, done.rows, facts), end="")


def _not_asked(study: Study, member: Member, done: Simulated) -> list[tuple[str, str]]:
    """Analyses of the plan that the scenario leaves out, which is no reason of the simulation's."""
    told = {row["subject"].partition("/")[0] for row in done.rows}
    told |= {code for code, _ in member.simulation.skipped}
    reason = "the scenario does not ask for it (endpoints.analyses)"
    return [(each.id, reason) for each in study.analysis.analyses if each.id not in told]


def _facts(
    arguments: argparse.Namespace,
    study: Study,
    scenario: Scenario,
    points: Sequence[GridPoint],
    members: Sequence[Member],
    done: Simulated,
) -> SimulationFacts:
    from equipoise import __version__
    from equipoise.record.plan import assumptions
    from equipoise.report.simulation import SimulationFacts
    from equipoise.simulation.grid import short_names, unread_fields

    fields = list(dict.fromkeys(path for point in points for path in point.fields))
    return SimulationFacts(
        release=__version__,
        scenario=scenario.name,
        scenario_label=scenario.label.en,
        seed=arguments.seed,
        trials=arguments.trials,
        skipped=[*members[0].simulation.skipped, *_not_asked(study, members[0], done)],
        assumed=tuple(assumptions(scenario)),
        measured=_measured(done, len(members)),
        field_names=short_names(fields),
        unread=unread_fields([dict(point.fields) for point in points], _numbers(done.rows)),
    )


def _numbers(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What came out at each point of the grid, as text that is the same where the bits are."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if row["kind"] == "grid":
            found.setdefault(row["scenario"], []).append([row["measure"], row["estimate"]])
    return [json.dumps(each) for each in found.values()]


def _measured(done: Simulated, members: int) -> list[tuple[str, str]]:
    measured = done.measured
    lines = [
        ("Scenarios", f"{members}, in {measured.chunks} chunks of at most {measured.size} trials"),
        ("Machine code ready after", f"{measured.prepared:.1f} s"),
    ]
    if measured.trials:
        rate = measured.trials / measured.seconds
        text = f"{measured.trials} trials in {measured.seconds:.1f} s: {rate:.0f} a second"
        lines.append(("Computed", text))
    if measured.kept:
        lines.append(("From an earlier run", f"{measured.kept} chunks"))
    lines.append(("By", f"{measured.by}; {measured.machine}"))
    return [*lines, ("Processor", _processor())]


def _processor() -> str:
    """The name of the processor, where the system tells it, and its cores."""
    listed = Path("/proc/cpuinfo")
    text = listed.read_text("utf-8") if listed.exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"
