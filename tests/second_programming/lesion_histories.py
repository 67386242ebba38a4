"""Random histories of tumours, as event tables: awkward on purpose, at every limit of RECIST 1.1.

Sizes lie at, just below and just above the limits (−30 % of baseline, +20 % and 5 mm of the
smallest sum, 10 mm of a node); lesions are missing, too small, split, merged, treated; baselines
are repeated or absent; scans share a day or lie a day beside the intervals of the standard.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE

DAY_0 = datetime.date(2023, 3, 14)
GAPS = (0, 1, 13, 14, 27, 28, 29, 35, 41, 42, 43, 56, 77, 84, 91, 105)
FACTORS = (0, 50, 69, 70, 71, 80, 95, 100, 100, 100, 110, 119, 120, 121, 140)
"""Percent of an earlier size."""

PROCEDURES = ("surgery", "Radiotherapy", "ABLATION", "biopsy")


@dataclass
class Writer:
    """Rows of event tables as they arise; `seq` counts on."""

    subject: str
    rows: dict[str, list[dict[str, Any]]]
    seq: int = 0
    sizes: dict[str, list[int]] = field(default_factory=dict)
    """Of a target: its sizes so far, in hundredths of a millimetre."""

    def event(self, table: str, day: datetime.date | None, /, **items: Any) -> dict[str, Any]:
        self.seq += 1
        head = {"replicate": 0, "subject": self.subject, "site": "01", "study_version": "1.0"}
        row = {**head, "occurred": day, "seq": self.seq, "event": self.seq, **items}
        self.rows.setdefault(table, []).append(row)
        return row

    def beneath(self, table: str, parent: Mapping[str, Any], position: int, **items: Any) -> None:
        names = ("replicate", "subject", "site", "study_version", "occurred", "seq", "event")
        row = {**{name: parent[name] for name in names}, "position": position, **items}
        self.rows.setdefault(table, []).append(row)


def histories(
    draw: random.Random, subjects: int, evaluators: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """The event tables of so many subjects."""
    rows: dict[str, list[dict[str, Any]]] = {}
    seq = 0
    for number in range(subjects):
        writer = Writer(f"01-{number:04}", rows, seq)
        _subject(draw, writer, evaluators)
        seq = writer.seq
    return tables_of_rows(rows)


def tables_of_rows(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, pl.DataFrame]:
    """Every event table, with these rows; what a row does not name is null."""
    tables = dict(empty_tables(CATALOGUE))
    for name, found in rows.items():
        schema = tables[name].schema
        full = [{column: row.get(column) for column in schema} for row in found]
        tables[name] = pl.DataFrame(full, schema=schema)
    return tables


def at_the_limits(evaluator: str) -> dict[str, pl.DataFrame]:
    """One lesion, 30 % smaller and then 20 % or 5 mm larger, to a hundredth of a millimetre."""
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("", rows)
    for baseline in range(1000, 20000, 113):
        for beside in (-1, 0, 1):
            small = baseline * 70 // 100 + beside
            for large in (small * 120 // 100 + beside, small + 500 + beside):
                writer.subject = f"01-{baseline}{beside:+}-{large}"
                writer.event("randomised", DAY_0, arm="A", stratum="all", scheme="main")
                writer.event(
                    "lesion_identified", DAY_0, lesion="T", evaluator=evaluator, role="target",
                    organ="liver", node=False, kind="soft_tissue", treated_before=False,
                )  # fmt: skip
                for number, size in enumerate((baseline, small, large)):
                    scan = writer.event(
                        "tumour_assessed", day_of(number * 84), assessment=f"A{number}",
                        evaluator=evaluator, visit="imaging", baseline=number == 0, modality="ct",
                    )  # fmt: skip
                    writer.beneath(
                        "target_measured", scan, 0, lesion="T", state="measured", diameter=size
                    )
    return tables_of_rows(rows)


def day_of(number: int) -> datetime.date:
    return DAY_0 + datetime.timedelta(days=number)


def _subject(draw: random.Random, writer: Writer, evaluators: Sequence[str]) -> None:
    if draw.random() < 0.9:
        writer.event("randomised", DAY_0, arm="A", stratum="all", scheme="main")
    readers = [each for each in evaluators if draw.random() < 0.6] or []
    for evaluator in readers:
        writer.sizes = {}
        _read_by(draw, writer, evaluator)
    if draw.random() < 0.2:
        day = day_of(draw.choice((60, 84, 91, 120, 168)))
        therapy = draw.choice(("systemic", "systemic", "prrt", None))  # none: taken back
        writer.event("subsequent_therapy_recorded", day, therapy=therapy)
    if draw.random() < 0.3:
        whole = draw.random() < 0.6
        day = day_of(draw.randrange(20, 400))
        partial = None if whole else draw.choice((f"{day:%Y}", f"{day:%Y-%m}"))
        writer.event("death_recorded", day if whole else None, occurred_partial=partial)


def _read_by(draw: random.Random, writer: Writer, evaluator: str) -> None:
    targets = [f"T{n}" for n in range(draw.choice((0, 1, 1, 1, 2, 2, 3)))]
    others = [f"N{n}" for n in range(draw.choice((0, 0, 1, 2)))]
    nodes = {name: draw.random() < 0.3 for name in targets + others}
    first = day_of(draw.choice((-28, -7, -1, 0)))
    for role, names in (("target", targets), ("non_target", others)):
        for name in names:
            writer.event(
                "lesion_identified", first, lesion=name, evaluator=evaluator, role=role,
                organ="liver", node=nodes[name], kind="soft_tissue", treated_before=False,
            )  # fmt: skip
    missed = draw.random() < 0.05  # no baseline, or too late
    day = first.toordinal() - DAY_0.toordinal()
    seen: dict[str, str] = {}
    for number in range(draw.randrange(1, 8)):
        again = draw.random() < 0.04
        baseline = (number == 0 and not missed) or again
        _assess(draw, writer, evaluator, number, day, baseline, (targets, others, nodes), seen)
        for name in targets + others:
            if draw.random() < 0.02:
                writer.event(
                    "procedure_recorded", day_of(day + draw.choice((0, 1, 5))), lesion=name,
                    entry=f"P{writer.seq}", procedure=draw.choice(PROCEDURES), evaluator=evaluator,
                )  # fmt: skip
        day += draw.choice(GAPS)


def _assess(
    draw: random.Random,
    writer: Writer,
    evaluator: str,
    number: int,
    day: int,
    baseline: bool,
    lesions: tuple[Sequence[str], Sequence[str], Mapping[str, bool]],
    seen: dict[str, str],
) -> None:
    targets, others, nodes = lesions
    scan = writer.event(
        "tumour_assessed", day_of(day), assessment=f"A{number}", evaluator=evaluator,
        visit="imaging", baseline=baseline, modality="ct",
        markers=draw.choice(("normal", "normal", "raised", None)),
    )  # fmt: skip
    whole = draw.choice(FACTORS) if draw.random() < 0.8 else None
    steady = draw.random() < 0.3
    for position, name in enumerate(targets):
        if draw.random() < 0.97:
            _target(draw, writer, scan, position, name, targets, nodes[name], whole)
    for position, name in enumerate(others):
        choices = ["present"] * 3 + ["absent"] * (6 if whole == 0 or steady else 1)
        choices += ["not_evaluated"] + ["unequivocal_progression"] * (draw.random() < 0.2)
        state = "present" if scan["baseline"] else draw.choice(choices)
        size = draw.choice((None, 800, 999, 1000, 1200)) if nodes[name] else None
        if draw.random() < 0.97:
            writer.beneath(
                "non_target_observed", scan, position, lesion=name, state=state,
                diameter=size if state == "present" else None,
            )  # fmt: skip
    if not baseline:
        _new(draw, writer, scan, evaluator, seen)


def _target(
    draw: random.Random,
    writer: Writer,
    scan: Mapping[str, Any],
    position: int,
    name: str,
    targets: Sequence[str],
    node: bool,
    percent: int | None,
) -> None:
    before = writer.sizes.setdefault(name, [])
    chance = draw.random()
    merged_into = None
    if not before:
        state, size = "measured", draw.choice((1500, 2000, 2500, 3000, 5000, 10000, 1667))
        if chance < 0.03:
            state, size = "not_evaluated", None
    elif chance < 0.05:
        state, size = "not_evaluated", None
    elif chance < 0.08:
        state, size = "too_small", draw.choice((None, None, 300))
    elif chance < 0.10 and len(targets) > 1:
        state, size = "merged", None
        merged_into = draw.choice([each for each in targets if each != name])
    elif chance < 0.13:
        state, size = "split", None
        _pieces(draw, writer, scan, name, sum(before[-1:]), node)
    else:
        share = draw.choice(FACTORS) if percent is None else percent
        start = draw.choice((before[0], min(before), before[-1]))
        size = start * share // 100 + draw.choice((0, 0, 0, 0, -1, 1, 499, 500, 501))
        if node and draw.random() < 0.4:
            size = draw.choice((999, 1000, 1001, 500, 0))
        state, size = ("absent", None) if size <= 0 or share == 0 else ("measured", size)
        if state == "measured" and draw.random() < 0.01:
            size = None
    if size is not None and state == "measured":
        before.append(size)
    writer.beneath(
        "target_measured", scan, position, lesion=name, state=state, diameter=size,
        merged_into=merged_into, diameter_missing="not_done" if state == "not_evaluated" else None,
    )  # fmt: skip


def _pieces(
    draw: random.Random,
    writer: Writer,
    scan: Mapping[str, Any],
    name: str,
    size: int,
    node: bool,
) -> None:
    for piece in range(draw.choice((1, 2, 2, 3))):
        state = draw.choice(("measured",) * 5 + ("absent", "too_small", "not_evaluated"))
        part = max(1, size // 2 + draw.choice((0, 0, -1, 250))) if state == "measured" else None
        if part is not None and node and draw.random() < 0.5:
            part = draw.choice((400, 999, 1000, 1001))
        writer.beneath(
            "fragment_measured", scan, piece, fragment=f"{name}.{piece}", lesion=name,
            state=state, diameter=part,
        )  # fmt: skip


def _new(
    draw: random.Random,
    writer: Writer,
    scan: Mapping[str, Any],
    evaluator: str,
    seen: dict[str, str],
) -> None:
    """New lesions are first doubtful, then sometimes certain, and sometimes not seen again."""
    now: dict[str, str] = {}
    for name, sure in seen.items():
        if draw.random() < 0.6:
            now[name] = "unequivocal" if sure == "unequivocal" else draw.choice(
                ("equivocal", "unequivocal")
            )  # fmt: skip
    if draw.random() < 0.12:
        name = f"NEW{len(seen)}"
        now[name] = draw.choice(("equivocal", "equivocal", "unequivocal"))
        writer.event(
            "lesion_identified", scan["occurred"], lesion=name, evaluator=evaluator, role="new",
            organ="bone", node=False, kind="soft_tissue", treated_before=False,
        )  # fmt: skip
    for position, (name, sure) in enumerate(now.items()):
        writer.beneath("new_lesion_observed", scan, position, lesion=name, certainty=sure)
    seen.update(now)
