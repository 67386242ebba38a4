"""How well the allocation is hidden: how often a site would guess the next arm right.

`predictability` simulates trials and prints, side by side for the study's method and for others in
the same ratios, how often the next arm is guessed right by somebody who knows the published rule.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from equipoise.simulation.predictability import Predictability

KNOWLEDGE = ((False, True), (False, False), (True, True), (True, False))
"""What a guesser sees, in the order of the columns: every site or their own, status or not."""


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise randomisation`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    guess = verbs.add_parser("predictability", help="how often a site guesses the next arm right")
    guess.add_argument("study", metavar="STUDY", help="a bundled study, a study file, its folder")
    guess.add_argument("--scenario", default="planning", help="name or file of a scenario")
    guess.add_argument("--seed", type=int, default=1, help="whole number that decides every draw")
    guess.add_argument("--trials", type=int, default=10_000, help="how many trials are guessed")
    guess.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; 0 when done."""
    return {"predictability": _predictability}[arguments.verb](arguments)


def _predictability(arguments: argparse.Namespace) -> int:
    from equipoise.errors import BadInput
    from equipoise.simulation.predictability import predictability
    from equipoise.simulation.scenario import load_scenario
    from equipoise.statistics.predictability import LIMIT_POINTS
    from equipoise.study.load import load_study, study_path

    study = load_study(arguments.study)
    scenario = load_scenario(study_path(arguments.study).parent, arguments.scenario)
    if not 0 <= arguments.seed < 2**63:
        raise BadInput("a whole number from 0 to 2^63 - 1", field="--seed", found=arguments.seed)
    found = predictability(study, scenario, arguments.seed, arguments.trials)
    if arguments.json:
        print(json.dumps([_as_json(each) for each in found], indent=2, ensure_ascii=False))
        return 0
    print(f"SIMULATED: {arguments.trials} trials of {study.id}, scenario {scenario.name}, "
          f"seed {arguments.seed}")  # fmt: skip
    print("Allocations guessed right, in per cent; in brackets the points above the best constant")
    print("guess. The guesser sees past allocations of their own hospital or of every hospital,")
    print("with or without the marker's status of each subject, and knows the published rule.\n")
    print(f"{'sees':<26}{'own hospital':<28}every hospital")
    print(f"{'':<26}" + f"{'status':<14}{'no status':<14}" * 2)
    own = _print_rows(found, study.biomarker.disclosed_to_sites)
    told = "knows" if own.status_known else "does not know"
    points = 100 * own.rate.excess
    print(
        f"* The method of the study file. A site that {told} the status gains {points:.1f} points;"
    )
    print(f"  more than {LIMIT_POINTS} must be accepted by signature before activation (RN2).")
    return 0


def _print_rows(found: Iterable[Predictability], status_known: bool) -> Predictability:
    """Each method as soon as it is known; a site's guess rate under the study's own method."""
    cells: dict[tuple[bool, bool], Predictability] = {}
    kept: list[Predictability] = []
    for each in found:
        cells[each.every_site, each.status_known] = each
        if (each.in_study_file, each.every_site, each.status_known) == (True, False, status_known):
            kept.append(each)
        if len(cells) == len(KNOWLEDGE):
            row = [cells[column].rate for column in KNOWLEDGE]
            print(each.method + (" *" if each.in_study_file else ""))
            print(f"{'  best constant guess':<24}" + "".join(_cell(r.constant) for r in row))
            for name in ("convergence", "practised"):
                shown = [_cell(getattr(r, name), r.constant) for r in row]
                print(f"  {name:<22}" + "".join(shown), flush=True)
            cells = {}
    return kept[0]


def _cell(share: float, constant: float | None = None) -> str:
    points = "" if constant is None else f"({100 * (share - constant):+.1f})"
    return f"{100 * share:>6.1f}{points:>8}"


def _as_json(found: Predictability) -> dict[str, Any]:
    rate = found.rate
    return {
        "method": found.method,
        "in_study_file": found.in_study_file,
        "sees": "every_site" if found.every_site else "own_site",
        "status_known": found.status_known,
        "constant": round(rate.constant, 4),
        "convergence": round(rate.convergence, 4),
        "practised": round(rate.practised, 4),
        "excess_points": round(100 * rate.excess, 2),
        "standard_error_points": round(100 * rate.standard_error, 2),
        "trials": rate.trials,
    }
