"""equipoise doses: every regimen for every class of patient, each decision with its source."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.study.definition import Study
    from equipoise.study.dose_table import DoseRow
    from equipoise.treatment.plan import Dose


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the options to `parser`."""
    parser.add_argument("study", metavar="STUDY", help="a bundled study, a file, or its folder")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from dataclasses import asdict

    from equipoise.study.dose_table import dose_table
    from equipoise.study.load import load_study

    study = load_study(arguments.study)
    rows = dose_table(study)
    if arguments.json:
        json.dump([asdict(each) for each in rows], sys.stdout, ensure_ascii=False, indent=2)
        print()
        return 0
    for line in _lines(study, rows):
        print(line)
    return 0


def _lines(study: Study, rows: list[DoseRow]) -> Iterator[str]:
    from equipoise.treatment.answers import items_read

    treatment = study.treatment
    yield f"{study.id} {study.version}: what the rules in force decide for each class of patient"
    renal = treatment.renal_function
    if renal is not None:
        yield f"creatinine clearance in mL/min by {renal.formula}"
    read = items_read(treatment)
    measured = [f"{each.item} ({each.unit})" for each in study.answered if each.item in read]
    if measured:
        yield f"read on forms and in laboratory reports: {', '.join(measured)}"
    regimens = {each.code: each for each in treatment.regimens}
    for regimen, of_regimen in itertools.groupby(rows, key=lambda row: row.regimen):
        mine = list(of_regimen)
        plan = regimens[regimen]
        yield f"\n{regimen}: {plan.label.en}, every {plan.cycle_days} days"
        yield from (f"  {_planned(dose)}" for dose in plan.doses)
        if not all(row.released for row in mine):
            yield "  for rehearsal only: a dose without a source signed for patients"
        plain = [
            row.drug
            for row in mine
            if all(each.rule is None for each in mine if each.drug == row.drug) and not row.missing
        ]
        for drug in dict.fromkeys(plain):
            row = next(each for each in mine if each.drug == drug)
            yield f"  {drug}: {row.dose} in every class, no rule of this table"
        for row in mine:
            if row.drug not in plain:
                yield "  " + _line(row)
    yield "\nSOURCES"
    used = {row.rule.split("/")[0] for row in rows if row.rule}
    for rule_set in treatment.modifications.rule_sets:
        standing = (
            "in force" if rule_set.code in treatment.modifications.in_force else "not in force"
        )
        if rule_set.code in used or (rule_set.standing and standing == "not in force"):
            yield f"  {rule_set.code} ({standing}): {rule_set.source or 'no source'}"
            for reason in (rule_set.assumption, *(each.reason for each in rule_set.assumed)):
                if reason:
                    yield f"    assumption: {reason}"


def _planned(dose: Dose) -> str:
    """A drug of a regimen: dose, times and days, units, source.

    >>> from equipoise.study.load import load_study
    >>> _planned(load_study("mgmt-net").treatment.regimens[0].doses[1])
    'temozolomide: 200 mg/m2 on days 10-14, in units of 5, 20, 100, 140, 180, 250 mg [CAPTEM-NZ]'
    """
    from equipoise.record.event import decimal_text

    runs = [
        [day for _, day in run]
        for _, run in itertools.groupby(enumerate(dose.days), key=lambda each: each[1] - each[0])
    ]
    days = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    told = f"{dose.drug}: {decimal_text(dose.amount)} {dose.unit}"
    if dose.times_per_day > 1:
        told += f" {dose.times_per_day} times a day"
    told += f" on day{'s' if len(dose.days) > 1 else ''} {days}"
    if dose.dispensed_in:
        told += f", in units of {', '.join(decimal_text(each) for each in dose.dispensed_in)} mg"
    return f"{told} [{_document(dose.source)}{'; assumption' if dose.assumption else ''}]"


def _line(row: DoseRow) -> str:
    findings = ", ".join(f"{item} {level}" for item, level in row.findings.items())
    who = f"{findings + ' | ' if findings else ''}clearance {row.clearance}"
    told = row.decision if row.dose is None else f"{row.decision} {row.dose} ({row.percent} %)"
    notes = [
        f"missing {row.missing}" if row.missing else None,
        "off label: " + row.off_label if row.off_label else None,
        "finding possibly false: renal impairment raises it" if row.possibly_false else None,
        "assumption" if row.assumption else None,
        None if row.regimen_open else "REGIMEN CLOSED",
    ]
    ground = f"{row.rule}, {_document(row.source)}" if row.rule else "no rule holds"
    if row.missing:
        ground = "not decided"
    return f"{who:<58} {row.drug:<22} {told:<32} [{ground}]" + "".join(
        f"; {note}" for note in notes if note
    )


def _document(source: str | None) -> str:
    return source.split(":")[0].split(",")[0] if source else "no document"
