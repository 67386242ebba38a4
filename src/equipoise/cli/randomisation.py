"""An allocation scheme before it goes live: how well it is hidden, and what is signed.

`predictability` simulates trials and prints, side by side for the study's method and for others in
the same ratios, how often the next arm is guessed right by somebody who knows the published rule.
`evidence` prints the scheme's list on a published dummy seed, its balance, a site's guess rate, and
what the statistician signs before the scheme is activated; with --compare it checks a list that
somebody else made by docs/reference/allocation-generator.md. `reproduce` makes every allocation of
a record again from its sealed seed, and records that the seed's key was used. `list` exports them
with the strata as randomised and as corrected and with deviations, and records the export.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from equipoise.simulation.predictability import Predictability
    from equipoise.simulation.scenario import Scenario
    from equipoise.statistics.imbalance import Imbalance
    from equipoise.study.actions import Action
    from equipoise.study.definition import Study
    from equipoise.workflow.scheme_evidence import SchemeEvidence

KNOWLEDGE = ((False, True), (False, False), (True, True), (True, False))
"""What a guesser sees, in the order of the columns: every site or their own, status or not."""


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise randomisation`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    guess = verbs.add_parser("predictability", help="how often a site guesses the next arm right")
    signed = verbs.add_parser("evidence", help="what is checked and signed before activation")
    for verb in (guess, signed):
        verb.add_argument(
            "study", metavar="STUDY", help="a bundled study, a study file, its folder"
        )
        verb.add_argument("--scenario", default="planning", help="name or file of a scenario")
        verb.add_argument("--seed", type=int, default=1, help="number of the dummy seed, of draws")
        verb.add_argument("--trials", type=int, default=10_000, help="how many trials are guessed")
        verb.add_argument("--json", action="store_true", help="print JSON")
    replay = verbs.add_parser("reproduce", help="make a record's allocations again from its seed")
    listed = verbs.add_parser("list", help="export the allocations with both strata, as CSV")
    for verb in (replay, listed):
        verb.add_argument("record", help="the record: a .sqlite3 file, its keys beside it")
        verb.add_argument("--actor", required=True, help="who asks: the name of their account")
        verb.add_argument("--role", required=True, help="theirs; it decides what they may see")
        verb.add_argument("--organisation", required=True, help="theirs")
    replay.add_argument("--purpose", required=True, help="why; it is recorded")
    replay.add_argument("--json", action="store_true", help="print JSON, with the evidence of each")
    signed.add_argument("--accept", metavar="REASON", help="why a guess rate above 5 is accepted")
    signed.add_argument("--list", metavar="FILE", help="write the dummy list as CSV")
    signed.add_argument("--compare", metavar="FILE", help="somebody else's dummy list as CSV")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; 0 when done, 1 when two lists differ."""
    verb = {
        "predictability": _predictability,
        "evidence": _evidence,
        "reproduce": _reproduce,
        "list": _list,
    }[arguments.verb]
    return verb(arguments)


def _asked(arguments: argparse.Namespace) -> tuple[Study, Scenario]:
    from equipoise.errors import BadInput
    from equipoise.simulation.scenario import load_scenario
    from equipoise.study.load import load_study, study_path

    study = load_study(arguments.study)
    scenario = load_scenario(study_path(arguments.study).parent, arguments.scenario)
    if not 0 <= arguments.seed < 2**53:
        raise BadInput("a whole number from 0 to 2^53 - 1", field="--seed", found=arguments.seed)
    return study, scenario


def _predictability(arguments: argparse.Namespace) -> int:
    from equipoise.simulation.predictability import predictability
    from equipoise.statistics.predictability import LIMIT_POINTS

    study, scenario = _asked(arguments)
    found = predictability(study, scenario, arguments.seed, arguments.trials)
    if arguments.json:
        print(json.dumps([_as_json(each) for each in found], indent=2, ensure_ascii=False))
        return 0
    print(f"SIMULATED: {arguments.trials} trials of {study.id}, scenario {scenario.name}, "
          f"seed {arguments.seed}")  # fmt: skip
    print("Allocations guessed right, in per cent; in brackets the points above the best constant")
    print("guess. The guesser sees past allocations of their own hospital or of every hospital,")
    print("with or without the marker's status of each subject, and knows the published rule.")
    print("Imbalance: the largest departure of an arm from its share at the end of a trial, in")
    print("subjects, on average (and in all but 5 % of trials).\n")
    print(f"{'sees':<26}{'own hospital':<28}every hospital")
    print(f"{'':<26}" + f"{'status':<14}{'no status':<14}" * 2)
    own = _print_rows(found, study.biomarker.disclosed_to_sites)
    told = "knows" if own.status_known else "does not know"
    points = _points(own.rate.excess)
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
            at_site = _imbalance(each.in_status_at_site)
            print(f"  imbalance in a status {_imbalance(each.in_status)}, at a hospital {at_site}")
            cells = {}
    return kept[0]


def _imbalance(found: Imbalance) -> str:
    return f"{found.mean:.1f} ({found.in_95_of_100:.1f})"


def _cell(share: float, constant: float | None = None) -> str:
    points = "" if constant is None else f"({_points(share - constant):+.1f})"
    return f"{100 * share:>6.1f}{points:>8}"


def _points(share: float) -> float:
    """Percentage points with one decimal, without a negative zero."""
    return round(100 * share, 1) + 0.0


def _text(path: str) -> str:
    from equipoise.errors import BadInput

    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("a readable text file", field="--compare", found=path) from error


def _evidence(arguments: argparse.Namespace) -> int:
    from equipoise.workflow.scheme_evidence import first_difference, scheme_evidence

    study, scenario = _asked(arguments)
    theirs = None if arguments.compare is None else _text(arguments.compare)
    found = scheme_evidence(
        study, scenario, arguments.seed, arguments.trials, accepted=arguments.accept
    )
    if arguments.list is not None:
        Path(arguments.list).write_text(found.text, encoding="utf-8")
    differs = None if theirs is None else first_difference(found.text, theirs)
    if arguments.json:
        told = {
            "activate": found.asked.model_dump(mode="json"),
            "sign_sha256": found.sha256,
            "balance": found.balance,
            "guess_rate": _as_json(found.guessed),
            "compared": None if theirs is None else differs or "equal",
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_evidence_lines(found, arguments.scenario)))
        if theirs is not None:
            print(f"Compared with {arguments.compare}: " + (differs or "equal, line by line"))
    return 1 if differs else 0


def _evidence_lines(found: SchemeEvidence, scenario: str) -> Iterator[str]:
    from equipoise.study.synopsis import scheme_lines

    plan, asked, guessed = found.study.randomisation, found.asked, found.guessed
    yield (
        f"DUMMY LIST, never for patients: {found.study.id} {found.study.version}, "
        f"scheme {plan.scheme.code} {plan.scheme.version}"
    )
    yield from scheme_lines(found.study)
    for stratum, counts in found.balance.items():
        rows = [each for each in found.rows if each.stratum == stratum]
        yield f"{stratum}: {', '.join(f'{arm} {count}' for arm, count in counts.items())}"
        yield "  " + " ".join(each.arm for each in rows)
    yield f"dummy seed {asked.dummy_seed}, sha256 of the list {asked.dummy_sha256}"
    told = "knows" if guessed.status_known else "does not know"
    yield (
        f"A site that {told} the status guesses {asked.guess_excess} points better than the best "
        f"constant guess ({asked.guess_trials} trials, scenario {scenario})."
    )
    if asked.accepted is not None:
        yield f"Accepted: {asked.accepted}"
    yield f"To be signed by the statistician, meaning approval: {found.sha256}"
    yield f"Then: ActivateScheme {asked.model_dump_json()}"


def _action(arguments: argparse.Namespace, name: str, body: dict[str, Any]) -> Action:
    import secrets

    from equipoise.study.actions import Action

    return Action(
        name=name,
        body=body,
        actor=arguments.actor,
        role=arguments.role,
        organisation=arguments.organisation,
        key=f"{arguments.verb}-{secrets.token_hex(8)}",
    )


def _reproduce(arguments: argparse.Namespace) -> int:
    from contextlib import closing
    from dataclasses import asdict

    from equipoise.record.stores import keys_of, opened
    from equipoise.workflow.reproduction import reproduced

    action = _action(arguments, "ReproduceAllocations", {"purpose": arguments.purpose})
    with closing(opened(arguments.record)) as log, closing(keys_of(arguments.record)) as keys:
        found = reproduced(log, keys, action)
    differ = [each for each in found if not each.agrees]
    if arguments.json:
        print(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
        return 1 if differ else 0
    for each in found:
        verdict = "" if each.agrees else f"   the seed gives {each.arm}"
        print(f"{each.scheme}/{each.scheme_version} {each.allocation:>5}  {each.subject:<14} "
              f"{each.stratum:<32} {each.recorded}{verdict}")  # fmt: skip
    print(f"{len(found)} allocations, {len(differ)} differ from the seed")
    return 1 if differ else 0


def _list(arguments: argparse.Namespace) -> int:
    from contextlib import closing

    from equipoise.record.stores import keys_of, opened
    from equipoise.workflow.allocation_list import exported

    action = _action(arguments, "Exported", {})
    with closing(opened(arguments.record)) as log, closing(keys_of(arguments.record)) as keys:
        print(exported(log, keys, action), end="")
    return 0


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
        "imbalance": {
            name: {"mean": round(each.mean, 2), "in_95_of_100": round(each.in_95_of_100, 2)}
            for name, each in (
                ("in_status", found.in_status),
                ("in_status_at_site", found.in_status_at_site),
            )
        },
    }
