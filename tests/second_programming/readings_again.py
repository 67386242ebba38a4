"""Choice of lesions, questions to readers, growth of tumours: programmed a second time.

From the article's sections 3.1, 3.2 and 4.2 as recist_1_1.yaml words them, and from the rules'
descriptions. Lengths are in hundredths of a millimetre. Growth is a power of an exact fraction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import polars as pl

from equipoise.response.plan import ResponsePlan
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

KEYS = {
    "lesion_choice": ("replicate", "subject", "evaluator", "event"),
    "reading_finding": ("replicate", "subject", "evaluator", "assessment", "lesion", "finding"),
    "tumour_growth": ("replicate", "subject", "evaluator", "assessment"),
}
READ = (
    "lesion_identified", "tumour_assessed", "target_measured", "non_target_observed",
    "cycle_started", "target_sum",
)  # fmt: skip
CAN_BE_TARGET = {"soft_tissue", "cystic", "bone_with_soft_tissue"}
SMALLEST = {"ct": 1000, "mri": 1000, "pet_ct": 1000, "other": 1000, "caliper": 1000,
            "chest_x_ray": 2000}  # fmt: skip
UNSEEN = {"absent", "not_evaluated"}
IN_SLICES = {"ct", "mri", "pet_ct", "other"}
SIDES = {"left", "right", "bilateral", "gauche", "droit", "droite"}
DAYS_OF_A_MONTH = Decimal("30.4375")


def differences(
    tables: Mapping[str, pl.DataFrame], derived: Mapping[str, pl.DataFrame], plan: ResponsePlan
) -> tuple[dict[str, int], list[str]]:
    """How many rows of each table there were, and every difference.

    `target_sum`, which is programmed twice elsewhere, is taken from `derived`.
    """
    again: dict[str, list[Row]] = {name: [] for name in KEYS}
    read = {**tables, "target_sum": derived["target_sum"]}
    for (replicate, name), subject in rows_by_subject(read, READ).items():
        who = {"replicate": replicate, "subject": name}
        choices = list(_choices(subject["lesion_identified"]))
        again["lesion_choice"] += [{**who, **each} for each in choices]
        again["reading_finding"] += [{**who, **each} for each in _findings(subject, choices, plan)]
        again["tumour_growth"] += [{**who, **each} for each in _growth(subject["target_sum"])]
    said = []
    for table, rows in again.items():
        said += [f"{table} {each}" for each in told_apart(rows, derived[table], KEYS[table])]
    return {table: len(rows) for table, rows in again.items()}, said


def _choices(identified: Sequence[Row]) -> Iterator[Row]:
    targets: dict[str, int] = {}
    in_organ: dict[tuple[str, str], int] = {}
    for row in sorted(identified, key=lambda row: row["event"]):
        reader, target = row["evaluator"], row["role"] == "target"
        words = [word for word in row["organ"].lower().split() if word not in SIDES]
        organ = "lymph nodes" if row["node"] else " ".join(words)
        if target:
            targets[reader] = targets.get(reader, 0) + 1
            in_organ[reader, organ] = in_organ.get((reader, organ), 0) + 1
        number = targets[reader] if target else 0
        there = in_organ[reader, organ] if target else 0
        yield {
            **{name: row[name] for name in ("evaluator", "event", "lesion", "role", "kind")},
            "organ": organ,
            "target_number": number,
            "organ_number": there,
            "fault": _fault(row, number, there),
        }


def _fault(row: Row, number: int, there: int) -> str | None:
    if row["kind"] == "simple_cyst":
        return "not_malignant"
    if row["role"] != "target":
        return None
    if row["kind"] not in CAN_BE_TARGET:
        return "kind_not_measurable"
    if row["treated_before"] and row["progressed_since"] is not True:
        return "treated_not_progressed"
    if number > 5:
        return "too_many_targets"
    return "too_many_in_organ" if there > 2 else None


def _findings(
    subject: Mapping[str, list[Row]], choices: Sequence[Row], plan: ResponsePlan
) -> Iterator[Row]:
    for each in choices:
        if each["fault"]:
            counted = {"too_many_targets": ("target_number", 5),
                       "too_many_in_organ": ("organ_number", 2)}  # fmt: skip
            name, limit = counted.get(each["fault"], (None, None))
            found = each[name] if name else None
            yield _finding(each, None, each["fault"], found, limit)
    for reader in {row["evaluator"] for row in subject["tumour_assessed"]}:
        mine = [row for row in subject["tumour_assessed"] if row["evaluator"] == reader]
        mine.sort(key=lambda row: (row["occurred"], row["event"]))
        yield from _too_early(mine, subject["cycle_started"], plan)
        yield from _of_reader(mine, [c for c in choices if c["evaluator"] == reader], subject)


def _finding(
    lesion: Row | None, scan: Row | None, finding: str, found: int | None, limit: int | None
) -> Row:
    one = lesion or scan
    assert one
    return {
        "evaluator": one["evaluator"],
        "assessment": scan and scan["assessment"],
        "lesion": lesion and lesion["lesion"],
        "finding": finding,
        "found": found,
        "limit": limit,
    }


def _too_early(scans: Sequence[Row], cycles: Sequence[Row], plan: ResponsePlan) -> Iterator[Row]:
    begun = min((row["occurred"] for row in cycles), default=None)
    before = [s for s in scans if s["baseline"] and begun and s["occurred"] <= begun]
    if before:
        days = (begun - before[-1]["occurred"]).days
        if days > plan.baseline_days_before_first_dose:
            yield _finding(
                None, before[-1], "baseline_too_early", days, plan.baseline_days_before_first_dose
            )


def _of_reader(
    scans: Sequence[Row], choices: Sequence[Row], subject: Mapping[str, list[Row]]
) -> Iterator[Row]:
    methods: dict[str, str] = {}
    nodes = {row["event"]: row["node"] for row in subject["lesion_identified"]}
    days = {row["event"]: row["occurred"] for row in subject["lesion_identified"]}
    spared = any(
        each["role"] == "non_target" and each["kind"] in CAN_BE_TARGET - {"cystic"}
        for each in choices
    )
    for scan in scans:
        sizes = {r["lesion"]: r for r in subject["target_measured"] if r["event"] == scan["event"]}
        seen = {r["lesion"]: r for r in subject["non_target_observed"]
                if r["event"] == scan["event"]}  # fmt: skip
        if scan["baseline"]:
            methods = {}
        for lesion in choices:
            name, node = lesion["lesion"], nodes[lesion["event"]]
            if days[lesion["event"]] > scan["occurred"]:
                continue
            row = sizes.get(name) if lesion["role"] == "target" else seen.get(name)
            method = (row.get("method") if row else None) or scan["modality"]
            state = row["state"] if row else "not_evaluated"
            size = row["diameter"] if row and state in ("measured", "present") else None
            if not scan["baseline"]:
                if state not in UNSEEN and methods.get(name, method) != method:
                    yield _finding(lesion, scan, "method_changed", None, None)
                continue
            if lesion["role"] == "non_target" and node and size is not None and size < 1000:
                yield _finding(lesion, scan, "node_normal_at_baseline", size, 1000)
            if lesion["role"] != "target":
                continue
            if lesion["kind"] == "cystic" and spared:
                yield _finding(lesion, scan, "cystic_target", None, None)
            least = _least(method, node, scan["slice_thickness"])
            if row:
                methods[name] = method
            if state == "split":  # its pieces have sizes
                continue
            if size is None:
                told = row and row["diameter"]
                yield _finding(lesion, scan, "not_measured_at_baseline", told, least)
            elif method not in SMALLEST:
                yield _finding(lesion, scan, "method_does_not_measure", size, least)
            elif least is not None and size < least:
                yield _finding(lesion, scan, "below_measurable", size, least)


def _least(method: str, node: bool, slices: int | None) -> int | None:
    if node:
        return 1500
    if method not in SMALLEST:
        return None
    if method in IN_SLICES and slices is not None and slices > 500:
        return 2 * slices
    return SMALLEST[method]


def _growth(sums: Sequence[Row]) -> Iterator[Row]:
    for reader in {row["evaluator"] for row in sums}:
        mine = sorted((r for r in sums if r["evaluator"] == reader), key=lambda row: row["order"])
        baseline: Row | None = None
        last: Row | None = None
        for row in mine:
            if row["baseline"]:
                baseline = row
                last = row if row["diameter_sum"] is not None else None
            elif baseline is not None and row["diameter_sum"] is not None:
                days, rate = _rate(baseline, row)
                since, of_late = _rate(last, row)
                yield {
                    "evaluator": reader, "assessment": row["assessment"],
                    "occurred": row["occurred"], "days": days, "rate": rate,
                    "interval_days": since, "interval_rate": of_late,
                }  # fmt: skip
                last = row


def _rate(then: Row | None, now: Row) -> tuple[int | None, int | None]:
    """Days, and hundredths of a percent a month."""
    if then is None:
        return None, None
    days = (now["occurred"] - then["occurred"]).days
    before, after = then["diameter_sum"], now["diameter_sum"]
    if days <= 0 or not before:
        return days, None
    with localcontext() as context:
        context.prec = 60
        share = Decimal(after) / Decimal(before)
        power = 3 * DAYS_OF_A_MONTH / Decimal(days)
        grown = (share**power - 1) * 10000 if after else Decimal(-10000)
        if grown > 10**9:
            return days, 10**9
        return days, int(grown.to_integral_value(ROUND_HALF_EVEN))


def discordances(
    derived: Mapping[str, pl.DataFrame], plan: ResponsePlan
) -> tuple[list[Row], list[str]]:
    """Every difference of another reader to the primary one, and those to the product's list.

    The readings themselves, which are programmed twice elsewhere, are taken from `derived`.
    """
    names = ("time_point_response", "best_overall_response", "progression", "window_response")
    others = [each.code for each in plan.evaluators if each.code != plan.primary_evaluator]
    again = []
    for (replicate, name), subject in rows_by_subject(derived, (*names, "target_sum")).items():
        seen = {row["evaluator"] for row in subject["target_sum"]}
        for other in others:
            if {plan.primary_evaluator, other} <= seen:
                mine, its = (_said(subject, who) for who in (plan.primary_evaluator, other))
                again += [
                    {
                        "replicate": replicate, "subject": name, "evaluator": other,
                        "about": about, "occurred": day, "primary_value": mine[about, day],
                        "other_value": its[about, day],
                    }
                    for about, day in mine.keys() & its.keys()
                    if mine[about, day] != its[about, day]
                ]  # fmt: skip
    key = ("replicate", "subject", "evaluator", "about", "occurred")
    return again, told_apart(again, derived["reader_discordance"], key)


def _said(subject: Mapping[str, list[Row]], reader: str) -> dict[tuple[str, Any], str]:
    """What a reader's readings say, by what it is about and by day."""

    def of(table: str) -> list[Row]:
        return [row for row in subject[table] if row["evaluator"] == reader]

    said: dict[tuple[str, Any], str] = {
        ("time_point", row["occurred"]): row["overall_response"]
        for row in sorted(of("time_point_response"), key=lambda row: row["order"])
        if row["occurred"] is not None
    }
    for row in of("best_overall_response"):
        said["best_overall_response", None] = row["response"]
    for row in of("progression"):
        day = str(row["progression"] or "no date") if row["progressed"] else "none"
        said["progression", None] = day
    for row in of("window_response"):
        said[row["window"], None] = row["response"]
    return said
